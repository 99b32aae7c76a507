"""Which models can be used on this computer now, without a network and without importing torch.

Knows the bundled folder, the hub's cache and open_clip's tables. Promises nothing about what is inside the files:
a model that is listed may still be damaged, and loading it says so.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from vecclust.embeddings import registry
from vecclust.embeddings.names import BUNDLED, ModelName
from vecclust.embeddings.weights import CONFIG_FILE, Weights, find_weights, hub_cache, source_of
from vecclust.errors import ModelError


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model, and whether it can be used now.

    Attributes:
        name: what to give to `--model`.
        usable: whether it loads without a network.
        dim: width of its vectors, or None where that is not known before loading.
        input_px: side of its pictures (the longer one), or None where that is not known before loading.
        size_bytes: its weights on disk, or None where there are none.
        note: what it is, or why it cannot be used.
    """

    name: str
    usable: bool
    dim: int | None
    input_px: int | None
    size_bytes: int | None
    note: str


def usable_models(asked: Iterable[str] = (), *, cache_dir: Path | None = None) -> list[ModelInfo]:
    """List the bundled model, those asked about, and those in the hub's cache.

    Args:
        asked: names to list in any case: the configured one, the library's; in front, in their order.
        cache_dir: the hub's cache; its usual place where None.

    Returns:
        Each model once; usable or not is said of each.
    """
    infos: dict[str, ModelInfo] = {}
    for text in (*asked, BUNDLED):
        info = _describe(text, cache_dir)
        infos.setdefault(info.name, info)
    for name in _cached_names(cache_dir):
        if name.text not in infos:
            infos[name.text] = _describe(name.text, cache_dir)
    return list(infos.values())


def _describe(text: str, cache_dir: Path | None) -> ModelInfo:
    try:
        name = ModelName.parse(text)
        weights = find_weights(name, cache_dir=cache_dir)
    except ModelError as error:
        return ModelInfo(text, False, None, None, None, error.message)
    if weights is None:
        config = registry.architecture(name.architecture) or {}
        note = "not on this computer; fetched at first use when there is a network"
        return ModelInfo(name.text, False, config.get("embed_dim"), _input_px(config), None, note)
    usable, note = _judge(weights)
    return ModelInfo(name.text, usable, weights.dim, _input_px(weights.config), weights.size_bytes, note)


def _judge(weights: Weights) -> tuple[bool, str]:
    note = {
        "bundled": "small, comes with vecclust",
        "folder": "a folder on this computer",
        "hub": "in the hub's cache",
        "pretrained": "in the hub's cache",
    }[weights.name.kind]
    if not weights.needs_transformers or importlib.util.find_spec("transformers") is not None:
        return True, note
    if weights.config["text_cfg"].get("hf_model_name"):
        return False, f"{note}; needs the Python package transformers"
    return True, f"{note}; searching by words needs the Python package transformers"


def _input_px(config: object) -> int | None:
    vision = config.get("vision_cfg") if isinstance(config, dict) else None
    size = vision.get("image_size", 224) if isinstance(vision, dict) else None  # 224 is open_clip's own default
    if isinstance(size, list) and size:
        size = max(size)
    return size if isinstance(size, int) else None


def _cached_names(cache_dir: Path | None) -> list[ModelName]:
    """Give the models whose repositories the cache holds, as tags where open_clip has one for them."""
    folder = hub_cache(cache_dir)
    repositories = {
        path.name.removeprefix("models--").replace("--", "/", 1): path for path in folder.glob("models--*--*")
    }
    if not repositories:
        return []
    tagged = {source_of(name).repository: name for name in map(ModelName.parse, registry.pretrained_names())}
    found = [name for repository, name in tagged.items() if repository in repositories]
    for repository, path in sorted(repositories.items()):
        if repository not in tagged and any(path.glob(f"snapshots/*/{CONFIG_FILE}")):
            found.append(ModelName("hub", repository))
    return found
