"""Drawn scenes: distinct kinds, varied, repeatable."""

from __future__ import annotations

import numpy as np
import pytest

from vecclust.demo.scenes import SCENES, Scene


def small(scene: Scene, *seed: int) -> np.ndarray:
    """Draw a scene at a size that costs little."""
    return np.asarray(scene.draw(np.random.default_rng(seed), size_px=(96, 72)), dtype=np.float32)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_same_seed_draws_the_same_picture(scene: Scene) -> None:
    """A picture is decided by its generator alone."""
    assert np.array_equal(small(scene, 7), small(scene, 7))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_each_kind_has_real_variation(scene: Scene) -> None:
    """Two pictures of a kind differ far beyond grain: composition and palette vary, not only noise."""
    grain_free = [small(scene, seed).reshape(9, 8, 12, 8, 3).mean(axis=(1, 3)) for seed in range(4)]
    gaps = [np.abs(a - b).mean() for i, a in enumerate(grain_free) for b in grain_free[:i]]
    assert min(gaps) > 3
    assert max(gaps) > 8


@pytest.mark.parametrize("size_px", [(640, 480), (480, 640), (64, 64)])
def test_any_size_is_given_exactly(size_px: tuple[int, int]) -> None:
    """The picture has the size asked for, lying or upright."""
    picture = SCENES[0].draw(np.random.default_rng(0), size_px=size_px)
    assert picture.size == size_px
    assert picture.mode == "RGB"


def test_no_two_kinds_share_their_words() -> None:
    """A search word belongs to one kind, and the name is the first of a kind's words."""
    words = [word for scene in SCENES for word in scene.words]
    assert len(words) == len(set(words))
    assert all(scene.words[0] == scene.name for scene in SCENES)
    assert len(SCENES) >= 10


def test_kinds_are_told_apart_by_what_they_show() -> None:
    """The nearest of other pictures is of the same kind, for most pictures and plain thumbnails already."""
    drawn = [(kind, small(scene, kind, seed)) for kind, scene in enumerate(SCENES) for seed in range(4)]
    thumbs = np.stack([p.reshape(9, 8, 12, 8, 3).mean(axis=(1, 3)).ravel() for _, p in drawn])
    kinds = np.array([kind for kind, _ in drawn])
    gaps = np.linalg.norm(thumbs[:, None] - thumbs[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    assert np.mean(kinds[gaps.argmin(axis=1)] == kinds) > 0.7
