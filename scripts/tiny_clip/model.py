"""The small model: an ordinary open_clip configuration, built, exported and loaded through open_clip alone.

Knows the architecture and the two files that a local open_clip directory holds. Refuses to know training.
Invariant: what `export` writes, `open_clip.create_model_and_transforms("local-dir:…")` reads without our code.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vecclust.embeddings.device import multiplies_bfloat16

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""open_clip's own defaults, so that a configuration without `preprocess_cfg` would still be read right."""

CONTEXT_LENGTH = 32
"""Tokens per text; the class names with their templates need 16, a searcher's sentence rarely more than 32."""

WEIGHTS_FILE = "open_clip_model.safetensors"
CONFIG_FILE = "open_clip_config.json"


def model_config(*, tower: str, image_px: int, embed_dim: int = 256, text_width: int = 128) -> dict[str, Any]:
    """Return the content of `open_clip_config.json`.

    Args:
        tower: a timm model name.
        image_px: side of the pictures that the model is shown when it is used.
        embed_dim: length of the vectors.
        text_width: width of the text tower; its token table (49,408 rows) is what weighs most.

    Returns:
        `model_cfg` and `preprocess_cfg` as open_clip reads them.
    """
    return {
        "model_cfg": {
            "embed_dim": embed_dim,
            "vision_cfg": {
                "timm_model_name": tower,
                "timm_model_pretrained": False,
                "timm_pool": "avg",
                "timm_proj": "linear",
                "image_size": image_px,
            },
            "text_cfg": {
                "context_length": CONTEXT_LENGTH,
                "vocab_size": 49408,
                "width": text_width,
                "heads": max(1, text_width // 64),
                "layers": 2,
            },
        },
        "preprocess_cfg": preprocessing(image_px),
    }


def preprocessing(image_px: int) -> dict[str, Any]:
    """Return the `preprocess_cfg` that goes with `normalise`."""
    return {
        "size": image_px,
        "mode": "RGB",
        "mean": list(MEAN),
        "std": list(STD),
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }


def build(config: dict[str, Any]) -> Any:
    """Build an open_clip model with fresh weights from the global torch seed."""
    from open_clip.model import CLIP

    return CLIP(**config["model_cfg"])


def encode_short_text(model: Any, tokens: Tensor) -> Tensor:
    """Encode texts as `model.encode_text` does, but only as many columns as the longest text fills.

    With causal attention nothing after the end-of-text token can change its vector, and 212 texts of 32 mostly empty
    columns in every step would cost as much as the pictures do.

    Args:
        model: an open_clip model with the plain text tower.
        tokens: (n, context) int64.

    Returns:
        (n, dim) unit vectors.
    """
    last = tokens.argmax(dim=-1)
    length = int(last.max()) + 1
    x = model.token_embedding(tokens[:, :length]) + model.positional_embedding[:length]
    x = model.transformer(x, attn_mask=model.attn_mask[:length, :length])
    x = model.ln_final(x)
    x = x[torch.arange(len(x)), last] @ model.text_projection
    return functional.normalize(x.float(), dim=-1)


def mixed_precision(device: str) -> torch.autocast:
    """Compute in bfloat16 inside, but not on a processor that emulates it: 16 pictures a second, not hundreds."""
    return torch.autocast(device, torch.bfloat16, enabled=device != "cpu" or multiplies_bfloat16())


def normalise(pixels: Tensor) -> Tensor:
    """Shift and scale pictures in [0, 1] as `preprocess_cfg` says; channels-last for the convolutions."""
    mean, std = (pixels.new_tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)


def export(model: nn.Module, folder: Path, *, config: dict[str, Any]) -> Path:
    """Write the model as a local open_clip directory, float16, each file replaced in one step.

    Args:
        model: the weights to write.
        folder: made if missing.
        config: as given by `model_config`.

    Returns:
        The path of the weights.
    """
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    halves = {
        name: (value.half() if value.is_floating_point() else value).contiguous().clone()
        for name, value in model.state_dict().items()
    }
    weights, described = folder / WEIGHTS_FILE, folder / CONFIG_FILE
    save_file(halves, str(weights) + ".new", metadata={"format": "pt"})
    Path(str(described) + ".new").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    os.replace(str(weights) + ".new", weights)
    os.replace(str(described) + ".new", described)
    return weights


@torch.no_grad()
def blend(tower: nn.Module, other: nn.Module, *, share: float) -> None:
    """Move a tower's weights and batch statistics towards another's that it began at (WiSE-FT, Wortsman et al. 2022).

    Args:
        tower: changed in place.
        other: of the same architecture.
        share: of the other in the mean, in [0, 1].
    """
    there = other.state_dict()
    for name, mine in tower.state_dict().items():
        if mine.is_floating_point():
            mine.lerp_(there[name].to(mine), share)


def load(folder: Path) -> Any:
    """Read back what `export` wrote, in float32.

    Args:
        folder: a local open_clip directory.

    Raises:
        ValueError: it holds another architecture than its configuration says.
        FileNotFoundError: one of its two files is missing.
    """
    from safetensors.torch import load_file

    network = build(json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")))
    try:
        network.load_state_dict(load_file(str(folder / WEIGHTS_FILE)))
    except RuntimeError as error:
        raise ValueError(f"{folder} does not hold what its {CONFIG_FILE} says: {error}") from error
    return network
