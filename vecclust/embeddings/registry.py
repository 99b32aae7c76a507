"""What open_clip knows by name: its architectures and its pretrained tags, read without importing torch.

`open_clip.pretrained` and the JSON files beside it are plain tables, but importing them the ordinary way imports all
of open_clip and torch: 3.2 s against 0.5 s here. So the module is loaded under a stand-in package.
Knows no weights and no network. Where open_clip is already imported, its own module is used.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from vecclust.embeddings.names import ModelName
from vecclust.errors import ModelError

_STAND_IN = "_vecclust_open_clip_tables"
_importing = threading.Lock()


@dataclass(frozen=True, slots=True)
class Pretrained:
    """One pretrained tag of an architecture.

    Attributes:
        repository: where its weights are on the hub, `org/name`.
        files: names under which the weights may be there, the preferred one first.
        quick_gelu: whether it was trained with QuickGELU.
        preprocess: what the tag says of preprocessing, as open_clip spells it.
    """

    repository: str
    files: tuple[str, ...]
    quick_gelu: bool
    preprocess: Mapping[str, Any]


def pretrained_names() -> list[str]:
    """List every `architecture/pretrained` that open_clip knows."""
    return [f"{architecture}/{tag}" for architecture, tag in _tables().list_pretrained()]


def nearest_names(text: str) -> list[str]:
    """Give up to three known names that look like `text`, the most alike first."""
    known = {name.lower(): name for name in pretrained_names()}
    near = difflib.get_close_matches(text.lower(), known, n=3, cutoff=0.5)
    if "/" not in text:
        # `ViT-B-32` alone is far from `ViT-B-32/laion2b_s34b_b79k` in edits, and is what people write.
        near = [name for name in known if name.partition("/")[0] == text.lower()][:3] or near
    return [known[name] for name in near]


def pretrained(name: ModelName) -> Pretrained | None:
    """Look a tag up.

    Args:
        name: of kind `pretrained`.

    Returns:
        What open_clip knows of it, or None.

    Raises:
        ModelError: open_clip fetches it from elsewhere than the hub.
    """
    tables = _tables()
    entry = tables.get_pretrained_cfg(name.architecture, name.tag)
    if not entry or architecture(name.architecture) is None:
        return None
    repository, _, file = entry.get("hf_hub", "").rpartition("/")
    if not repository:
        raise ModelError(
            f"open_clip keeps the weights of {name} outside the hub",
            hint="Download them and point at the folder: local-dir:PATH.",
        )
    file = file or tables.HF_WEIGHTS_NAME
    return Pretrained(
        repository=repository,
        files=(*tables._get_safe_alternatives(file), file),
        quick_gelu=bool(entry.get("quick_gelu", False)),
        preprocess=entry,
    )


def hub_files() -> tuple[str, ...]:
    """Name the files that may hold the weights of an `hf-hub:` model, the preferred one first."""
    tables = _tables()
    return (tables.HF_SAFE_WEIGHTS_NAME, tables.HF_WEIGHTS_NAME)


def architecture(name: str) -> dict[str, Any] | None:
    """Read an architecture's configuration as open_clip's JSON file holds it, or None where there is none."""
    file = _package_folder() / "model_configs" / f"{name}.json"
    if not file.is_file():
        return None
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return config


@lru_cache(maxsize=1)
def _package_folder() -> Path:
    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the Python package open_clip_torch is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


@lru_cache(maxsize=1)
def _tables() -> ModuleType:
    if "torch" not in sys.modules:
        with _importing:
            light = _tables_alone()
        if light is not None:
            return light
    return importlib.import_module("open_clip.pretrained")


def _tables_alone() -> ModuleType | None:
    """Import `open_clip.pretrained` without open_clip, or give None where a later version no longer allows it."""
    stand_in = ModuleType(_STAND_IN)
    stand_in.__path__ = [str(_package_folder())]
    sys.modules[_STAND_IN] = stand_in
    # The tables only ask whether safetensors is there, but asking imports torch: answer no.
    sys.modules["safetensors.torch"] = None  # type: ignore[assignment]
    try:
        tables = importlib.import_module(f"{_STAND_IN}.pretrained")
    except ImportError:
        return None
    finally:
        del sys.modules["safetensors.torch"]
    return tables if hasattr(tables, "get_pretrained_cfg") else None
