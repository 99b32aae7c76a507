"""When the device refuses or the model has no answer, batches shrink and one photo pays for itself alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from vecclust.embeddings.device import set_up
from vecclust.embeddings.openclip import LoadedModel, OpenClipEmbedder
from vecclust.errors import ModelError, Unreadable
from vecclust.types.photos import Framing

Pictures = Callable[[Tensor], Tensor]


def embedder_of(pictures: Pictures, *, batch_size: int = 8) -> OpenClipEmbedder:
    """Give an embedder around a tower that is scripted."""
    setup = set_up("cpu", precision="float32", batch_size=batch_size, threads=1)
    model = LoadedModel(
        pictures,
        lambda tokens: tokens,
        get_tokenizer=lambda: pytest.fail("no words here"),
        framing=Framing(1, 1),
        dim=2,
    )
    return OpenClipEmbedder(model, name="scripted", model_id="scripted@0", setup=setup)


def numbered(n: int) -> np.ndarray:
    """Give frames of one pixel whose red is their number."""
    frames = np.zeros((n, 1, 1, 3), dtype=np.uint8)
    frames[:, 0, 0, 0] = np.arange(n)
    return frames


def features(frames: Tensor) -> Tensor:
    """Turn the number into a direction."""
    angle = frames[:, 0, 0, 0].float() / 50
    return torch.stack([angle.cos(), angle.sin()], dim=1) * 7


def test_a_batch_that_does_not_fit_is_halved_for_good() -> None:
    """Out of memory: half as many at a time from then on, and every frame still has its own vector."""
    sizes: list[int] = []

    def small(frames: Tensor) -> Tensor:
        sizes.append(len(frames))
        if len(frames) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return features(frames)

    embedder = embedder_of(small)
    each = embedder.embed_each(numbered(10))
    assert np.allclose(np.stack(each), features(torch.from_numpy(numbered(10))).numpy() / 7, atol=1e-6)
    assert sizes == [8, 4, 2, 2, 2, 2, 2]
    assert embedder.batch_size == 2


def test_what_does_not_fit_alone_is_the_devices_fault() -> None:
    """Frames are alike in size: no photo is blamed, the run stops and says why."""

    def never(frames: Tensor) -> Tensor:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with pytest.raises(ModelError, match="can't allocate memory"):
        embedder_of(never).embed_each(numbered(4))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_a_photo_without_a_finite_vector_pays_alone(value: float) -> None:
    """NaN, infinity and a zero vector concern one photo; the others keep their vectors."""

    def flawed(frames: Tensor) -> Tensor:
        out = features(frames)
        out[frames[:, 0, 0, 0] == 5] = value
        return out

    embedder = embedder_of(flawed)
    each = embedder.embed_each(numbered(10))
    assert [isinstance(one, Unreadable) for one in each] == [i == 5 for i in range(10)]
    assert all(np.isfinite(one).all() for one in each if not isinstance(one, Unreadable))
    with pytest.raises(ModelError, match="no finite vector"):
        embedder.embed_frames(numbered(10))
    alone = embedder.embed_each(numbered(6)[5:])
    assert isinstance(alone[0], Unreadable)


def test_a_row_that_fails_only_in_company_is_saved_by_a_second_try() -> None:
    """What is finite when it is asked alone is taken."""

    def crowded(frames: Tensor) -> Tensor:
        out = features(frames)
        if len(frames) > 1:
            out[0] = float("nan")
        return out

    assert not any(isinstance(one, Unreadable) for one in embedder_of(crowded).embed_each(numbered(5)))


def test_a_model_without_any_answer_stops_the_run() -> None:
    """Not every photo of a collection is unreadable: it is the model."""
    with pytest.raises(ModelError, match="any of 4"):
        embedder_of(lambda frames: torch.full((len(frames), 2), float("nan"))).embed_each(numbered(4))


def test_large_features_do_not_overflow_their_norm() -> None:
    """Norms are taken in float64: 1e30 squared is no float32."""
    each = embedder_of(lambda frames: features(frames) * 1e30).embed_each(numbered(3))
    assert np.allclose(np.linalg.norm(np.stack(each), axis=1), 1)


def test_torch_is_not_imported_by_looking_in() -> None:
    """The room's front door is light."""
    program = "import sys, vecclust.embeddings, vecclust.testing; print({'torch', 'open_clip'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
