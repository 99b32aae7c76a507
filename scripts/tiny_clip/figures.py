"""Figures that say how good a set of vectors is. Pure functions of arrays; refuses to know models and files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 5
"""As many neighbours vote as the acceptance figure names."""


def zero_shot_top1(
    vectors: NDArray[np.float32], *, labels: NDArray[np.int64], class_vectors: NDArray[np.float32]
) -> float:
    """Return the share of pictures whose nearest class text is their own class, in [0, 1].

    Args:
        vectors: (n, d) unit norm.
        labels: (n,) rows of `class_vectors`.
        class_vectors: (c, d) unit norm.
    """
    return float(np.mean(np.argmax(vectors @ class_vectors.T, axis=1) == labels))


def neighbour_accuracy(vectors: NDArray[np.float32], *, labels: NDArray[np.int64]) -> float:
    """Return the leave-one-out accuracy of a vote of the five nearest other pictures, in [0, 1].

    Ties go to the class whose voters are nearer in sum, so that the answer depends on no order.

    Args:
        vectors: (n, d) unit norm.
        labels: (n,) at least 0.
    """
    n_classes = int(labels.max()) + 1
    right = 0
    for start in range(0, len(vectors), 1024):
        near = vectors[start : start + 1024] @ vectors.T
        rows = np.arange(len(near))
        near[rows, start + rows] = -np.inf
        voters = np.argpartition(-near, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        votes = np.zeros((len(near), n_classes))
        for column in voters.T:
            # Similarities lie in [-1, 1]: a hundredth of one never outweighs a whole vote.
            np.add.at(votes, (rows, labels[column]), 1 + near[rows, column] / 100)
        right += int(np.sum(votes.argmax(axis=1) == labels[start : start + 1024]))
    return right / len(vectors)


def handmade_vectors(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe pictures by colour and gradient histograms: what a model has to beat.

    A 4 x 4 x 4 colour histogram of the whole picture beside histograms of nine gradient directions in 4 x 4 cells,
    each half brought to unit norm.

    Args:
        pixels: (n, 3, side, side) uint8, side divisible by 4.

    Returns:
        (n, 208) float32, unit norm.
    """
    n, _, side, _ = pixels.shape
    bins = pixels.astype(np.int64) // 64
    colour_of_each = (bins[:, 0] * 16 + bins[:, 1] * 4 + bins[:, 2]).reshape(n, -1)
    colours = np.stack([np.bincount(row, minlength=64) for row in colour_of_each]).astype(np.float32)
    grey = pixels.astype(np.float32).mean(axis=1)
    dy, dx = np.gradient(grey, axis=(1, 2))
    angle = np.minimum((np.mod(np.arctan2(dy, dx), np.pi) / np.pi * 9).astype(np.int64), 8)
    cell = np.arange(side) * 4 // side
    place = (cell[:, None] * 4 + cell[None, :])[None] * 9 + angle
    size = np.hypot(dy, dx)
    gradients = np.stack(
        [np.bincount(place[i].ravel(), weights=size[i].ravel(), minlength=144) for i in range(n)]
    ).astype(np.float32)
    halves = [part / np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-9) for part in (colours, gradients)]
    joined = np.concatenate(halves, axis=1)
    return np.asarray(joined / np.linalg.norm(joined, axis=1, keepdims=True), dtype=np.float32)
