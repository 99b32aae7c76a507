"""Collections of unit vectors with known groups, drawn by code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    """Scale rows to norm 1."""
    scaled: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled.astype(np.float32)


def cloud(rng: np.random.Generator, *, size: int, width: int, rank: int = 12) -> NDArray[np.float64]:
    """One kind of photo: a cloud of `rank` dimensions around a random direction, with a little noise."""
    centre = unit(rng.normal(size=(1, width)))[0]
    axes = rng.normal(size=(rank, width)) / np.sqrt(width * rank)
    noise = 0.3 * rng.normal(size=(size, width)) / np.sqrt(width)
    spread: NDArray[np.float64] = centre + 0.8 * rng.normal(size=(size, rank)) @ axes + noise
    return spread


def world(
    sizes: list[int], *, seed: int = 0, width: int = 64, n_noise: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Groups of the given sizes and photos of none, shuffled: vectors, and truth with -1 for none."""
    rng = np.random.default_rng(seed)
    rows = [cloud(rng, size=size, width=width) for size in sizes]
    truth = [np.full(size, group) for group, size in enumerate(sizes)]
    if n_noise:
        rows.append(rng.normal(size=(n_noise, width)))
        truth.append(np.full(n_noise, -1))
    order = rng.permutation(sum(sizes) + n_noise)
    return unit(np.vstack(rows))[order], np.concatenate(truth)[order].astype(np.int64)


def blobs(
    *, seed: int = 0, n_blobs: int = 3, n_groups: int = 6, size: int = 100, width: int = 256
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """A weak model's collection: a few far blobs, each of groups that overlap."""
    rng = np.random.default_rng(seed)
    rows, truth = [], []
    rank = 10
    for blob in range(n_blobs):
        centre = unit(rng.normal(size=(1, width)))[0]
        axes = rng.normal(size=(rank, width)) / np.sqrt(width * rank)
        for group in range(n_groups):
            here = 0.22 * np.sqrt(rank) * rng.normal(size=rank)
            spread = rng.normal(size=(size, rank)) * rng.uniform(0.5, 1.0, size=rank)
            noise = 0.3 * rng.normal(size=(size, width)) / np.sqrt(width)
            rows.append(1.5 * centre + (spread + here) @ axes + noise)
            truth.append(np.full(size, blob * n_groups + group))
    order = rng.permutation(n_blobs * n_groups * size)
    return unit(np.vstack(rows))[order], np.concatenate(truth)[order].astype(np.int64)
