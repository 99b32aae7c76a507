"""The second half of the training: the text tower learns to say where the pictures of each class lie.

Knows texts and target vectors. Refuses to know pictures. The image tower stays as it is (as in LiT, Zhai et al. 2022),
so this takes minutes and can be done for any checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tiny_clip import model, words
from tiny_clip.pictures import PictureClass

LOGIT_SCALE = 30.0
"""Sharpness of the comparison between a text and all targets; also what the exported model states."""


def tokenise(texts: Sequence[str]) -> Tensor:
    """Return (n, context) CLIP tokens."""
    import open_clip

    tokens: Tensor = open_clip.SimpleTokenizer(context_length=model.CONTEXT_LENGTH)(list(texts))
    return tokens


def teach(network: Any, *, targets: Tensor, phrases: Sequence[Sequence[str]], seed: int, n_steps: int = 1200) -> float:
    """Train the text tower in place so that each phrase, in every template, points at its target.

    Args:
        network: an open_clip model; only its text half is changed.
        targets: (n, dim) unit vectors.
        phrases: for each target the phrases that mean it.
        seed: source of all randomness.
        n_steps: optimiser steps; each reads one phrase in one template for every target.

    Returns:
        The mean cosine between texts and targets over the last tenth of the steps.
    """
    tokens = [tokenise([t.format(p) for p in of_one for t in words.TEMPLATES]) for of_one in phrases]
    chance = torch.Generator().manual_seed(seed)
    trained = [p for name, p in network.named_parameters() if not name.startswith("visual")]
    for param in trained:
        param.requires_grad_(True)
    optimiser = torch.optim.AdamW(trained, lr=0, weight_decay=0.0, fused=True)
    closeness: list[float] = []
    for step in range(n_steps):
        share = step / n_steps
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1.0, share / 0.1) * (1 - share)
        picks = torch.rand(len(tokens), generator=chance).tolist()
        drawn = torch.stack([t[int(p * len(t))] for t, p in zip(tokens, picks, strict=True)])
        said = model.encode_short_text(network, drawn.to(targets.device))
        cosines = said @ targets.T
        aside = functional.cross_entropy(LOGIT_SCALE * cosines, torch.arange(len(cosines), device=cosines.device))
        loss = aside + (1 - cosines.diagonal()).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
        optimiser.step()
        closeness.append(float(cosines.detach().diagonal().mean()))
    with torch.no_grad():
        network.logit_scale.fill_(float(np.log(LOGIT_SCALE)))
    for param in trained:
        param.requires_grad_(False)
    return float(np.mean(closeness[-max(1, n_steps // 10) :]))


@torch.inference_mode()
def class_vectors(network: Any, classes: Sequence[PictureClass]) -> NDArray[np.float32]:
    """Return one unit vector per class: the mean over the templates of its name, as CLIP's zero-shot does."""
    return np.asarray(name_vectors(network, [c.name for c in classes]).cpu().numpy(), dtype=np.float32)


@torch.inference_mode()
def name_vectors(network: Any, names: Sequence[str]) -> Tensor:
    """Return (n, dim) unit vectors of names, each the mean over the templates."""
    rows = []
    for name in names:
        texts = tokenise([template.format(name) for template in words.TEMPLATES])
        mean = network.encode_text(texts, normalize=True).float().mean(dim=0)
        rows.append(functional.normalize(mean, dim=0))
    return torch.stack(rows)


@torch.inference_mode()
def image_vectors(network: Any, pixels: NDArray[np.uint8], *, side_px: int) -> NDArray[np.float32]:
    """Return (n, d) unit vectors of pictures, resized in tensor form where their side differs."""
    found = []
    for start in range(0, len(pixels), 256):
        batch = torch.from_numpy(pixels[start : start + 256]).float().div_(255)
        if batch.shape[-1] != side_px:
            batch = functional.interpolate(batch, size=side_px, mode="bicubic", antialias=True).clamp_(0, 1)
        with model.mixed_precision("cpu"):
            found.append(network.encode_image(model.normalise(batch), normalize=True).float())
    return np.asarray(torch.cat(found).numpy(), dtype=np.float32)
