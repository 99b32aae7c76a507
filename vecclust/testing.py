"""Doubles for tests: an embedder that sees colours, a clock that is set by hand, and tiny open_clip models.

They stand in where a test is not about the model or the time. The embedder is deterministic and cheap, and its
vectors mean something: pictures of like colours are near to one another, and near to the words for those colours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import PhotoError, UsageError
from vecclust.types.photos import Framing, ResizeMode

_COLOURS: dict[str, tuple[int, int, int]] = {
    "black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "gray": (128, 128, 128),
    "red": (220, 30, 30), "green": (40, 160, 60), "blue": (40, 70, 220), "yellow": (240, 220, 40),
    "orange": (240, 140, 30), "purple": (130, 50, 170), "pink": (240, 150, 190), "brown": (120, 75, 40),
    "cyan": (40, 200, 220), "sky": (110, 170, 235), "grass": (60, 140, 50), "sea": (20, 90, 150),
    "sand": (220, 195, 140), "snow": (240, 245, 250), "fire": (235, 90, 20), "night": (15, 15, 40),
}  # fmt: skip
_LEVELS = 3  # of each channel: 27 boxes of colour, few enough that a darker red is still near to red
_DIM = 32


class FakeEmbedder:
    """An embedder whose vectors are coarse histograms of colour, in 32 dimensions.

    Args:
        framing: how it wants frames.
        model_id: the identity it claims.
        batch_size: frames it asks for at a time.
    """

    def __init__(
        self,
        *,
        framing: Framing = Framing(32, 32),  # noqa: B008 -- frozen
        model_id: str = "fake/colours@000000000000",
        batch_size: int = 16,
    ) -> None:
        self.framing = framing
        self.model_id = model_id
        self.name = model_id.partition("@")[0]
        self.dim = _DIM
        self.batch_size = batch_size
        self.n_frames_embedded = 0

    def embed_frames(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed frames by their colours.

        Args:
            frames: (n, height, width, 3) uint8 RGB of any size; n may be 0.

        Returns:
            (n, 32) float32 of norm 1.
        """
        self.n_frames_embedded += len(frames)
        return _unit(np.stack([_histogram(frame) for frame in frames])) if len(frames) else _nothing()

    def embed_each(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32] | PhotoError]:
        """Embed frames by their colours, each for itself; none ever fails.

        Args:
            frames: as for `embed_frames`.

        Returns:
            For each frame its (32,) float32 vector of norm 1.
        """
        return list(self.embed_frames(frames))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed words by the colours they name; words that name none share one direction.

        Args:
            texts: such as "something red"; n may be 0.

        Returns:
            (n, 32) float32 of norm 1.

        Raises:
            UsageError: a text is empty.
        """
        if not all(text.strip() for text in texts):
            raise UsageError("there is a text without words")
        histograms = []
        for text in texts:
            named = [_COLOURS[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _COLOURS]
            pixels = np.array(named or [(128, 128, 128)], dtype=np.uint8)
            histograms.append(_histogram(pixels[np.newaxis]))
        return _unit(np.stack(histograms)) if histograms else _nothing()


def _unit(histograms: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.pad(histograms, ((0, 0), (0, _DIM - histograms.shape[1])))
    unit: NDArray[np.float32] = (padded / np.linalg.norm(padded, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _nothing() -> NDArray[np.float32]:
    return np.empty((0, _DIM), dtype=np.float32)


def _histogram(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Share each pixel out among the eight nearest boxes of colour, so that like colours overlap."""
    place = frame.reshape(-1, 3).astype(np.float32) / 255 * (_LEVELS - 1)
    low = np.minimum(place.astype(np.int64), _LEVELS - 2)
    part = place - low
    red, green, blue = np.stack([1 - part, part]).transpose(2, 0, 1)  # each (2, pixels)
    weights = red[:, None, None] * green[None, :, None] * blue[None, None, :]
    corners = np.array(list(np.ndindex(2, 2, 2))).reshape(2, 2, 2, 3) @ (_LEVELS**2, _LEVELS, 1)
    boxes = low @ (_LEVELS**2, _LEVELS, 1) + corners[..., None]
    counts = np.bincount(boxes.ravel(), weights=weights.ravel(), minlength=_LEVELS**3)
    shares: NDArray[np.float32] = (counts / counts.sum()).astype(np.float32)
    return shares


class FakeClock:
    """A clock that stands still until it is moved.

    Args:
        now_ns: where it stands, nanoseconds since the epoch.
    """

    def __init__(self, now_ns: int = 1_700_000_000_000_000_000) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """Give the nanoseconds since the epoch."""
        return self._now_ns

    def now_s(self) -> float:
        """Give the seconds since the epoch."""
        return self._now_ns / 1e9

    def sleep(self, seconds: float) -> None:
        """Pretend to wait: move on at once.

        Args:
            seconds: by how much.
        """
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move on.

        Args:
            seconds: by how much.
        """
        self._now_ns += round(seconds * 1e9)


def make_tiny_model(
    folder: Path,
    *,
    seed: int = 0,
    image_size_px: int | tuple[int, int] = 32,
    dim: int = 16,
    resize_mode: ResizeMode = "shortest",
) -> Path:
    """Write an open_clip model of random weights that `local-dir:` loads: for tests, its vectors mean nothing.

    Args:
        folder: made if missing.
        seed: of its weights.
        image_size_px: side of its pictures, or height and width; multiples of 8.
        dim: width of its vectors.
        resize_mode: how it wants pictures cut.

    Returns:
        The folder.
    """
    import open_clip
    import torch
    from safetensors.torch import save_file

    config: dict[str, Any] = {
        "model_cfg": {
            "embed_dim": dim,
            "vision_cfg": {
                "image_size": image_size_px, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8,
            },
            "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
        },
        "preprocess_cfg": {
            "size": image_size_px, "mode": "RGB", "interpolation": "bicubic", "resize_mode": resize_mode,
            "mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28], "fill_color": 0,
        },
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.CLIP(**config["model_cfg"])
        # open_clip leaves the picture tower's own parameters small: such a model would see all pictures alike.
        for parameter in model.visual.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    state = {key: value.detach().contiguous() for key, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


# What the tiny captioner is taught to say of a picture that is mostly of one colour.
TAUGHT_CAPTION = "a picture that is mostly {}"
_TAUGHT_COLOURS = ("red", "green", "blue", "yellow")


def make_tiny_captioner(folder: Path, *, n_steps: int = 120, seed: int = 0) -> Path:
    """Write an open_clip CoCa that `local-dir:` loads, taught in seconds to name a picture's colour: for tests.

    Its vectors mean little; of a picture that is mostly red, green, blue or yellow it writes `TAUGHT_CAPTION`.

    Args:
        folder: made if missing.
        n_steps: of its training, some 35 ms each; 0 for random weights.
        seed: of its weights and of the pictures that it is taught by.

    Returns:
        The folder.
    """
    import open_clip
    import torch
    from safetensors.torch import save_file

    tower = {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    config: dict[str, Any] = {
        "model_cfg": {
            "embed_dim": 32,
            "vision_cfg": {
                "image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8, "attentional_pool": True,
                "attn_pooler_queries": 8, "attn_pooler_heads": 2, "output_tokens": True,
            },
            "text_cfg": {**tower, "embed_cls": True, "output_tokens": True},
            "multimodal_cfg": {**tower, "attn_pooler_heads": 2},
            "custom_text": True,
        },
        "preprocess_cfg": {
            "size": 32, "mode": "RGB", "interpolation": "bicubic", "resize_mode": "shortest",
            "mean": [0.5, 0.5, 0.5], "std": [0.3, 0.3, 0.3], "fill_color": 0,
        },
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = {key: value for key, value in config["model_cfg"].items() if key != "custom_text"}
        model = open_clip.CoCa(**parts)
        # open_clip leaves it as the memory happens to be.
        torch.nn.init.normal_(model.text_decoder.text_projection, std=32**-0.5)
        # As long as they are and no longer: the time goes into the chances of 49,408 words at each place.
        texts = open_clip.tokenize([TAUGHT_CAPTION.format(colour) for colour in _TAUGHT_COLOURS], context_length=9)
        hues = torch.tensor([_COLOURS[colour] for colour in _TAUGHT_COLOURS])[:, :, None, None] / 255
        optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
        for _ in range(n_steps):
            noise = torch.randn(len(hues), 3, 1, 1) + torch.randn(len(hues), 3, 32, 32)
            pixels = (hues + 0.1 * noise).clamp(0, 1)
            made = model((pixels - 0.5) / 0.3, texts)
            # Flat: across the words of each place it would take ten times as long.
            logits, labels = made["logits"].flatten(0, 1), made["labels"].flatten()
            loss: Any = torch.nn.functional.cross_entropy(logits, labels, ignore_index=0)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    state = {key: value.detach().contiguous() for key, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
