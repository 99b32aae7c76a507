"""The image tower arranged for a CPU: the same vectors, or open_clip's own tower."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import open_clip
import pytest
import torch

from tests.embeddings.test_embedder import some_frames
from vecclust.embeddings import load
from vecclust.embeddings.openclip import OpenClipEmbedder
from vecclust.embeddings.preprocessing import read_preprocessing
from vecclust.embeddings.tower import PlainTower, _Transformer, arrange, arrange_transformer, fold_batch_norms
from vecclust.embeddings.vendor import can_pack_bfloat16


def loaded_tower(name: str) -> object:
    """Give the image tower that a model runs with in float32."""
    loaded = load(name, precision="float32")
    assert isinstance(loaded, OpenClipEmbedder)
    return loaded._model.image_tower


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "vision",
    [
        {}, {"pool_type": "avg"}, {"final_ln_after_pool": True, "pool_type": "avg"}, {"no_ln_pre": True},
        {"patch_size": 2},
    ],
    ids=["plain", "average", "late norm", "no first norm", "257 tokens"],
)  # fmt: skip
def test_an_arranged_transformer_gives_open_clips_vectors(vision: dict[str, object], dtype: torch.dtype) -> None:
    """Arranged for speed, the tower computes what open_clip's own computes, for each kind that it accepts."""
    torch.manual_seed(0)
    config = {"image_size": 32, "layers": 3, "width": 64, "head_width": 16, "patch_size": 8} | vision
    text = {"context_length": 4, "vocab_size": 10, "width": 16, "heads": 1, "layers": 1}
    model = open_clip.CLIP(24, config, text).eval()
    preprocess = {"size": 32, "mean": (0.4, 0.5, 0.3), "std": (0.2, 0.3, 0.25)}
    preprocessing = read_preprocessing(preprocess)
    tower = arrange_transformer(model.visual, preprocessing=preprocessing, dtype=dtype)
    if dtype == torch.bfloat16 and not can_pack_bfloat16():
        assert tower is None, "left to open_clip where the processor cannot do it"
        return
    assert tower is not None
    frames = torch.from_numpy(some_frames(5))
    with torch.inference_mode():
        pixels = frames.permute(0, 3, 1, 2) / 255
        pixels = (pixels - torch.tensor(preprocessing.mean).view(3, 1, 1)) / torch.tensor(preprocessing.deviation).view(
            3, 1, 1
        )
        theirs, ours = model.encode_image(pixels), tower(frames).float()
    assert torch.cosine_similarity(ours, theirs).min() > (0.999 if dtype == torch.bfloat16 else 0.999999)


@pytest.mark.parametrize("vision", [{"ls_init_value": 0.1}, {"attentional_pool": True}, {"patch_dropout": 0.5}])
def test_other_towers_are_left_as_open_clip_makes_them(vision: dict[str, object]) -> None:
    """What the arrangement does not know, it does not touch."""
    config = {"image_size": 32, "layers": 1, "width": 64, "head_width": 16, "patch_size": 8} | vision
    text = {"context_length": 4, "vocab_size": 10, "width": 16, "heads": 1, "layers": 1}
    visual = open_clip.CLIP(24, config, text).visual
    preprocessing = read_preprocessing({"size": 32, "mean": 0.5, "std": 0.5})
    assert arrange_transformer(visual, preprocessing=preprocessing, dtype=torch.float32) is None


def _ones(frames: torch.Tensor) -> torch.Tensor:
    return torch.ones(len(frames), 16)


def test_an_arrangement_is_used_and_held_against_open_clips_tower(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain transformer on a CPU is arranged for it; where that changes its vectors, open_clip's own stays."""
    assert isinstance(loaded_tower(f"local-dir:{tiny_model}"), _Transformer)
    monkeypatch.setattr(_Transformer, "__call__", lambda self, frames: _ones(frames))
    assert isinstance(loaded_tower(f"local-dir:{tiny_model}"), PlainTower)


@pytest.mark.parametrize(
    ("wrong", "kept"),
    [
        (lambda features: features, True),
        (lambda features: features + 1e-4 * features.abs().max(), True),
        (lambda features: features.flip(0), False),
        (lambda features: features + 0.1 * features.abs().max(), False),
        (lambda features: features[:, :-1], False),
        (lambda features: features * float("nan"), False),
        (lambda features: features.no_such_operator(), False),
    ],
    ids=["the same", "rounded", "frames mixed up", "shifted", "narrower", "not finite", "gone from torch"],
)
def test_no_arrangement_is_used_unchecked(
    wrong: Callable[[torch.Tensor], torch.Tensor], kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with it, frame for frame, open_clip's own tower is used; there is no other way to one."""
    torch.manual_seed(0)
    text = {"context_length": 4, "vocab_size": 10, "width": 16, "heads": 1, "layers": 1}
    config = {"image_size": 32, "layers": 2, "width": 64, "head_width": 16, "patch_size": 8}
    visual = open_clip.CLIP(24, config, text).eval().visual
    preprocessing = read_preprocessing({"size": 32, "mean": 0.0, "std": 1.0})
    frames = torch.from_numpy(some_frames(2))
    right = _Transformer.__call__
    monkeypatch.setattr(_Transformer, "__call__", lambda self, frames: wrong(right(self, frames)))
    with torch.inference_mode():
        expected = visual(frames.permute(0, 3, 1, 2) / 255)
        plain = PlainTower(visual, preprocessing=preprocessing, dtype=torch.float32)
        arranged = arrange(visual, plain, frames=frames, expected=expected)
    assert (arranged is not plain) == kept


@pytest.mark.parametrize(
    "vision",
    [
        {"layers": [1, 1, 1, 1], "width": 16, "head_width": 16},
        {"timm_model_name": "resnet18", "timm_pool": "avg", "timm_proj": "linear"},
        {"timm_model_name": "regnetx_002", "timm_pool": "avg", "timm_proj": "linear"},
    ],
    ids=["open_clip's ResNet", "timm's ResNet", "RegNet"],
)
def test_a_folded_tower_gives_open_clips_vectors(vision: dict[str, object]) -> None:
    """Whatever the norms have learned; none of them is left, and the tower it was made of is as before."""
    torch.manual_seed(0)
    text = {"context_length": 4, "vocab_size": 10, "width": 16, "heads": 1, "layers": 1}
    model = open_clip.CLIP(24, {"image_size": 64} | vision, text).eval()
    norms = [module for module in model.visual.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    with torch.inference_mode():
        for norm in norms:
            for learned in (norm.weight, norm.running_var):
                learned.uniform_(0.5, 1.5)
            for learned in (norm.bias, norm.running_mean):
                learned.normal_(0, 0.1)
        frames = torch.from_numpy(some_frames(5, side_px=64))
        theirs = model.encode_image(frames.permute(0, 3, 1, 2) / 255)
        preprocessing = read_preprocessing({"size": 64, "mean": 0.0, "std": 1.0})
        tower = fold_batch_norms(model.visual, preprocessing=preprocessing, dtype=torch.float32)
        assert tower is not None
        assert torch.cosine_similarity(tower(frames), theirs).min() > 0.99999
        assert torch.equal(model.encode_image(frames.permute(0, 3, 1, 2) / 255), theirs)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in tower.encode.modules())


def test_the_bundled_model_is_folded() -> None:
    """It is what most people run."""
    image_tower = loaded_tower("bundled")
    assert isinstance(image_tower, PlainTower)
    assert isinstance(image_tower.encode, torch.nn.Module)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in image_tower.encode.modules())
