"""Pictures reach the model exactly as open_clip's own preprocessing would hand them over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from vecclust.embeddings import load
from vecclust.embeddings.preprocessing import read_preprocessing
from vecclust.errors import ModelError
from vecclust.photos.pixels import cut, filter_of, resized_size
from vecclust.testing import make_tiny_model
from vecclust.types.photos import Framing, ResizeMode

DEFAULTS: dict[str, Any] = {
    "size": 32, "mode": "RGB", "mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2),
    "interpolation": "bicubic", "resize_mode": "shortest", "fill_color": 0,
}  # fmt: skip


def picture(width_px: int, height_px: int) -> Image.Image:
    """Draw a picture with detail at every scale."""
    rng = np.random.default_rng(width_px * 1000 + height_px)
    small = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)).resize((width_px, height_px))
    noise = rng.integers(-40, 40, (height_px, width_px, 3))
    return Image.fromarray(np.clip(np.asarray(small) + noise, 0, 255).astype(np.uint8))


def frame_of(image: Image.Image, framing: Framing) -> np.ndarray:
    """Cut a picture as the decoding processes do."""
    return np.asarray(cut(image.resize(resized_size(framing, *image.size), filter_of(framing)), framing))


@pytest.mark.parametrize("resize_mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("size_px", [32, (24, 40)], ids=["square", "wide"])
def test_vectors_are_those_of_open_clips_own_transform(
    resize_mode: ResizeMode, size_px: int | tuple[int, int], tmp_path: Path
) -> None:
    """For every way to resize and every shape of picture: our frames and open_clip's tensors give the same vectors."""
    folder = make_tiny_model(tmp_path / "model", image_size_px=size_px, resize_mode=resize_mode)
    model, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    embedder = load(f"local-dir:{folder}", precision="float32")
    images = [picture(*size) for size in ((100, 60), (60, 100), (64, 64), (333, 50), (20, 17))]
    with torch.inference_mode():
        theirs = model.encode_image(torch.stack([transform(image) for image in images]), normalize=True).numpy()
    ours = embedder.embed_frames(np.stack([frame_of(image, embedder.framing) for image in images]))
    assert np.abs(ours - theirs).max() < 2e-6
    assert np.abs(theirs @ theirs.T - np.eye(5)).max() > 0.01  # the model does tell pictures apart


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "random", "", None])
def test_frames_are_open_clips_pixels(interpolation: str | None) -> None:
    """Before scaling, frames hold byte for byte what open_clip's transform holds."""
    config = {**DEFAULTS, "interpolation": interpolation, "mean": (0, 0, 0), "std": (1, 1, 1)}
    transform = image_transform_v2(PreprocessCfg(**config), is_train=False)
    framing = read_preprocessing(config).framing
    image = picture(101, 67)
    theirs = (transform(image) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    assert np.array_equal(frame_of(image, framing), theirs)


def test_open_clips_own_filter_for_oblong_inputs_is_kept() -> None:
    """Whatever an oblong model names, open_clip resizes its pictures bicubically where the shortest side decides."""
    for resize_mode, filter_ in (("shortest", "bicubic"), ("longest", "bilinear"), ("squash", "bilinear")):
        oblong = {**DEFAULTS, "size": (24, 40), "interpolation": "bilinear", "resize_mode": resize_mode}
        assert read_preprocessing(oblong).framing.interpolation == filter_


def test_every_pretrained_model_of_open_clip_can_be_described() -> None:
    """No tag of the pinned open_clip asks for a preprocessing that a `Framing` cannot say."""
    seen = set()
    for architecture, tag in open_clip.list_pretrained():
        config = open_clip.get_pretrained_cfg(architecture, tag)
        size = open_clip.get_model_config(architecture)["vision_cfg"].get("image_size", 224)
        merged = DEFAULTS | {key: value for key, value in config.items() if key in DEFAULTS} | {"size": size}
        framing = read_preprocessing(merged).framing
        seen.add((framing.resize_mode, framing.interpolation))
    assert {("shortest", "bicubic"), ("squash", "bicubic"), ("shortest", "bilinear")} <= seen


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("resize_mode", "tiles"), ("interpolation", "lanczos"), ("mode", "L"), ("size", (3, 4, 5)), ("size", 0),
        ("mean", (0.5, 0.5)), ("std", (0.2, 0, 0.2)), ("fill_color", (1, 2, 3)),
    ],
)  # fmt: skip
def test_a_preprocessing_that_cannot_be_followed_is_refused(key: str, value: object) -> None:
    """Rather no vectors than vectors of pictures cut in another way."""
    with pytest.raises(ModelError, match=key):
        read_preprocessing({**DEFAULTS, key: value})
