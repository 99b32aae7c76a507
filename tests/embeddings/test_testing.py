"""The doubles that ship."""

from __future__ import annotations

import numpy as np
import pytest

from vecclust.embeddings import Embedder
from vecclust.errors import UsageError
from vecclust.testing import FakeClock, FakeEmbedder


def plain(*colour: int) -> np.ndarray:
    """Give one frame of one colour, slightly noisy."""
    noise = np.random.default_rng(sum(colour)).integers(-10, 10, (1, 32, 32, 3))
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def test_the_fake_sees_colours() -> None:
    """Like colours are near, unlike ones are not, and words find their colours."""
    fake: Embedder = FakeEmbedder()
    red, dark_red, blue = fake.embed_frames(
        np.concatenate([plain(220, 30, 30), plain(190, 40, 35), plain(40, 70, 220)])
    )
    assert red @ dark_red > 0.8
    assert red @ blue < 0.5
    word = fake.embed_texts(["something red"])[0]
    assert word @ red > 0.9
    assert word @ blue < 0.5


def test_the_fake_keeps_the_promises_of_an_embedder() -> None:
    """Unit float32 vectors, the same twice, one for one, nothing for nothing, no empty words."""
    fake = FakeEmbedder()
    frames = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    vectors = fake.embed_frames(frames)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert np.array_equal(np.stack([np.asarray(one) for one in FakeEmbedder().embed_each(frames)]), vectors)
    assert fake.embed_frames(frames[:0]).shape == (0, fake.dim)
    with pytest.raises(UsageError):
        fake.embed_texts([" "])


def test_the_clock_moves_when_it_is_moved() -> None:
    """Sleeping takes no time, and time passes."""
    clock = FakeClock(5)
    clock.sleep(2.5)
    clock.advance(0.5)
    assert clock.now_ns() == 3_000_000_005
