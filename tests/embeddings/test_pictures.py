"""A few pictures without torch: open_clip's own vectors and preprocessing, and nothing heavy imported."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from numpy.typing import NDArray
from open_clip.transform import PreprocessCfg, merge_preprocess_dict
from safetensors.torch import load_file, save_file

from vecclust.embeddings import find_weights, load, load_few
from vecclust.embeddings.names import ModelName, pretrained_names
from vecclust.embeddings.pictures import PlainImageTower, VisionShape, find_preprocessing
from vecclust.embeddings.plain import gelu
from vecclust.embeddings.preprocessing import read_preprocessing
from vecclust.embeddings.vendor import open_clip_architecture
from vecclust.embeddings.weights import Weights
from vecclust.errors import ModelError


def frames(n: int, side_px: int = 32) -> NDArray[np.uint8]:
    """Give n different pictures."""
    return np.random.default_rng(n).integers(0, 256, (n, side_px, side_px, 3), dtype=np.uint8)


def made(folder: Path, *, dtype: torch.dtype = torch.float32, preprocess: Any = None, **config: Any) -> str:
    """Write a small model of random weights and give its name.

    Args:
        folder: made.
        dtype: of its weights.
        preprocess: its `preprocess_cfg`.
        config: laid over its `model_cfg`.
    """
    vision = {"image_size": 32, "layers": 2, "width": 48, "head_width": 16, "patch_size": 8}
    text = {"context_length": 12, "vocab_size": 49408, "width": 24, "heads": 3, "layers": 1}
    merged = {"embed_dim": 16, "text_cfg": text, **config, "vision_cfg": vision | config.get("vision_cfg", {})}
    torch.manual_seed(0)
    built = {key: value for key, value in merged.items() if key != "custom_text"}
    model = (open_clip.CustomTextCLIP if merged.get("custom_text") else open_clip.CLIP)(**built)
    for parameter in model.visual.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    folder.mkdir()
    state = {key: value.detach().contiguous().to(dtype) for key, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    document = {"model_cfg": merged, "preprocess_cfg": preprocess or {}}
    (folder / "open_clip_config.json").write_text(json.dumps(document), encoding="utf-8")
    return f"local-dir:{folder}"


@pytest.mark.parametrize(
    ("config", "dtype"),
    [
        ({}, torch.float32), ({"quick_gelu": True}, torch.float32), ({"custom_text": True}, torch.float32),
        ({}, torch.float16), ({"vision_cfg": {"mlp_ratio": 2.5}}, torch.float32),
    ],
    ids=["plain", "QuickGELU", "a text tower of its own", "half precision", "narrow"],
)  # fmt: skip
def test_a_plain_image_tower_gives_open_clips_vectors(
    config: dict[str, Any], dtype: torch.dtype, tmp_path: Path
) -> None:
    """To rounding, alone and together; the same identity, width and framing."""
    name = made(
        tmp_path / "model", dtype=dtype, preprocess={"mean": [0.4, 0.5, 0.6], "resize_mode": "squash"}, **config
    )
    few, whole = load_few(name, threads=2), load(name, precision="float32")
    assert few is not None
    model = open_clip.create_model(name, require_pretrained=True).eval()
    mean, deviation = (np.array(model.visual.preprocess_cfg[key]) for key in ("mean", "std"))
    pixels = torch.from_numpy(((frames(5) / 255 - mean) / deviation).astype(np.float32)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        theirs = torch.nn.functional.normalize(model.encode_image(pixels), dim=-1).numpy()
    vectors = few.embed_frames(frames(5))
    assert np.abs(vectors - theirs).max() < 1e-5
    assert np.abs(few.embed_frames(frames(5)[3:4]) - theirs[3:4]).max() < 1e-5
    assert np.array_equal(np.stack(few.embed_each(frames(5))), vectors)
    assert (few.name, few.model_id, few.dim, few.framing) == (whole.name, whole.model_id, whole.dim, whole.framing)
    assert np.array_equal(few.embed_texts(["a dog"]), whole.embed_texts(["a dog"]))
    assert few.embed_frames(frames(0)).shape == (0, 16)


@pytest.mark.parametrize(
    "vision",
    [
        {"ls_init_value": 0.1}, {"pool_type": "avg"}, {"no_ln_pre": True}, {"final_ln_after_pool": True},
        {"act_kwargs": {"approximate": "tanh"}}, {"pos_embed_type": "sin_cos_2d"}, {"patch_dropout": 0.5},
    ],
    ids=lambda vision: next(iter(vision)),
)  # fmt: skip
def test_any_other_image_tower_is_left_to_open_clip(vision: dict[str, Any], tmp_path: Path) -> None:
    """What is not known exactly is not imitated."""
    assert load_few(made(tmp_path / "model", vision_cfg=vision), threads=1) is None


def test_weights_of_another_shape_or_kind_are_left_to_open_clip(tmp_path: Path) -> None:
    """A file whose arrays are not what the configuration says, and one that holds more; the bundled convolutions."""
    name = made(tmp_path / "model")
    file = tmp_path / "model" / "open_clip_model.safetensors"
    state = load_file(file)
    assert load_few(name, threads=1) is not None
    for wrong in (
        state | {"visual.positional_embedding": torch.zeros(26, 48)},
        state | {"visual.transformer.resblocks.1.ls_1.gamma": torch.ones(48)},
        {key: value for key, value in state.items() if key != "visual.ln_post.bias"},
    ):
        save_file(wrong, file)
        assert load_few(name, threads=1) is None
    assert load_few("bundled", threads=1) is None


def test_every_plain_tag_is_cut_as_open_clip_cuts_it() -> None:
    """Mean, deviation, filter and how it is resized, for all that open_clip can load by a name."""
    n_plain = 0
    for text in pretrained_names():
        name = ModelName.parse(text)
        config = open_clip_architecture(name.architecture)
        tag = open_clip.get_pretrained_cfg(name.architecture, name.tag)
        if config is None or not tag.get("hf_hub"):
            continue
        weights = Weights(name, Path("none"), config, None)
        shape = VisionShape.of(weights)
        if shape is None:
            continue
        n_plain += 1
        theirs = merge_preprocess_dict(merge_preprocess_dict(asdict(PreprocessCfg()), tag), {"size": shape.side_px})
        assert find_preprocessing(weights, side_px=shape.side_px) == read_preprocessing(theirs), text
    assert n_plain > 50  # or the above would say nothing


def test_a_shape_is_what_open_clip_makes_of_a_configuration() -> None:
    """Names, shapes and heads, where the configuration says all and where it says little."""
    for vision in ({}, {"layers": 1, "width": 128, "patch_size": 32, "head_width": 32, "image_size": 64}):
        said = {"layers": 1, **vision}
        weights = Weights(
            ModelName("bundled", ""), Path("none"), {"embed_dim": 8, "vision_cfg": said, "text_cfg": {}}, None
        )
        shape = VisionShape.of(weights)
        assert shape is not None
        tower = open_clip.model._build_vision_tower(8, said)
        assert shape.arrays() == {key: tuple(value.shape) for key, value in tower.state_dict().items()}
        assert shape.blocks.heads == tower.transformer.resblocks[0].attn.num_heads


def test_weights_without_a_finite_answer_are_the_models_fault(tmp_path: Path) -> None:
    """No photo is blamed for them, and nothing is stored."""
    name = made(tmp_path / "model")
    file = tmp_path / "model" / "open_clip_model.safetensors"
    save_file(load_file(file) | {"visual.proj": torch.full((48, 16), torch.nan)}, file)
    few = load_few(name, threads=1)
    assert few is not None
    with pytest.raises(ModelError, match="finite"):
        few.embed_each(frames(2))


def test_frames_of_another_size_are_a_mistake_of_the_caller(tmp_path: Path) -> None:
    """As with the whole model."""
    few = load_few(made(tmp_path / "model"), threads=1)
    assert few is not None
    with pytest.raises(ValueError, match="uint8"):
        few.embed_frames(frames(2, side_px=64))


def test_the_exact_gelu_is_torchs() -> None:
    """Far out on both sides too, where a sum with one would lose what is left of it."""
    x = np.concatenate([np.linspace(-12, 12, 4001), [0.0, -1e-20, 60.0, -60.0]]).astype(np.float32)
    assert np.abs(gelu(x) - torch.nn.functional.gelu(torch.from_numpy(x)).numpy()).max() < 1e-6


def test_a_model_that_is_not_here_is_left_to_be_fetched(tmp_path: Path) -> None:
    """And a picture's tower knows nothing of threads but how many."""
    assert load_few("ViT-B-32-256/datacomp_s34b_b86k", threads=1, cache_dir=tmp_path) is None
    weights = find_weights(ModelName.parse(made(tmp_path / "model")))
    assert weights is not None
    one, three = (PlainImageTower.find(weights, threads=threads) for threads in (1, 3))
    assert one is not None
    assert three is not None
    assert np.array_equal(one(frames(7)), three(frames(7)))
    pickled = dataclasses.replace(weights, file=weights.file.with_suffix(".bin"))
    assert PlainImageTower.find(pickled, threads=1) is None


def test_a_few_pictures_import_nothing_heavy(tmp_path: Path) -> None:
    """Neither torch nor open_clip: they are what a first photo waited for."""
    program = (
        "import sys, numpy\nfrom vecclust.embeddings import load_few\n"
        f"few = load_few({made(tmp_path / 'model')!r}, threads=2)\n"
        "assert few.embed_each(numpy.zeros((2, 32, 32, 3), dtype='uint8'))[1].shape == (16,)\n"
        "print(*[name for name in ('torch', 'open_clip', 'timm', 'torchvision', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
