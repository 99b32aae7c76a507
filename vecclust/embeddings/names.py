"""How models are named, and which names open_clip knows.

Four spellings, as open_clip has them: `architecture/pretrained`, `hf-hub:org/name`, `local-dir:PATH`; and `bundled`
for the model that comes with vecclust. Knows no files and no network: whether a model is here is for `weights` to
say. Light: torch is not imported.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Self

from vecclust.embeddings import vendor
from vecclust.errors import ModelError, ModelUnavailable

BUNDLED = "bundled"
BUNDLED_FOLDER = Path(__file__).resolve().parent / "bundled"
# As its model card has it; it learnt from photos of 64 pixels of 200 kinds of things, and from drawings of 12 scenes.
BUNDLED_GOOD_FOR = "the demo and a first look"
BUNDLED_NOT_GOOD_FOR = (
    "a collection of your own, where the default model is far better; people, faces and writing in pictures; words "
    "beyond the 275 it was taught, each for a kind of thing or scene; commercial use"
)
_HUB = "hf-hub:"
_FOLDER = "local-dir:"
_FORMS = (
    "A model is named ARCHITECTURE/PRETRAINED (such as ViT-B-32-256/datacomp_s34b_b86k), hf-hub:ORG/NAME, "
    "local-dir:PATH, or bundled."
)

NameKind = Literal["pretrained", "hub", "folder", "bundled"]


@dataclass(frozen=True, slots=True)
class ModelName:
    """The name of a model in its canonical spelling.

    Attributes:
        kind: which of the four spellings it is.
        body: the name without the prefix of its spelling.
    """

    kind: NameKind
    body: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name.

        Args:
            text: as a person writes it; `~` and relative paths are resolved.

        Returns:
            The name.

        Raises:
            ModelUnavailable: no model can be named like this.
        """
        text = text.strip()
        if text == BUNDLED:
            return cls("bundled", BUNDLED)
        if text.startswith(_FOLDER) and text != _FOLDER:
            return cls("folder", os.path.abspath(os.path.expanduser(text.removeprefix(_FOLDER))))
        if text.startswith(_HUB):
            return cls("hub", _two_parts(text, text.removeprefix(_HUB)))
        if os.path.isdir(os.path.expanduser(text)):
            raise ModelUnavailable(f"{text!r} names no model", model=text, hint=f"Did you mean local-dir:{text}?")
        return cls("pretrained", _two_parts(text, text))

    @classmethod
    def of(cls, name: str | Self) -> Self:
        """Give the name itself, or read it.

        Args:
            name: a name, read or still to be read.

        Returns:
            The name.

        Raises:
            ModelUnavailable: no model can be named like this.
        """
        return cls.parse(name) if isinstance(name, str) else name

    @property
    def text(self) -> str:
        """The canonical spelling, which `parse` reads back."""
        return {"hub": _HUB, "folder": _FOLDER}.get(self.kind, "") + self.body

    @property
    def folder(self) -> Path | None:
        """The folder that holds the model, or None for a model of the hub."""
        if self.kind == "bundled":
            return BUNDLED_FOLDER
        return Path(self.body) if self.kind == "folder" else None

    @property
    def architecture(self) -> str:
        """The architecture of `architecture/pretrained`, else an empty string."""
        return self.body.partition("/")[0] if self.kind == "pretrained" else ""

    @property
    def tag(self) -> str:
        """The pretrained tag of `architecture/pretrained`, else an empty string."""
        return self.body.partition("/")[2] if self.kind == "pretrained" else ""

    def __str__(self) -> str:
        return self.text


def _two_parts(text: str, body: str) -> str:
    first, slash, second = body.partition("/")
    if first and second and "/" not in second:
        return body
    near = [] if slash else nearest_names(text)
    hint = f"Did you mean {' or '.join(near)}? {_FORMS}" if near else _FORMS
    raise ModelUnavailable(f"{text!r} names no model", model=text, hint=hint)


@dataclass(frozen=True, slots=True)
class Source:
    """Where on the hub a model lies, and what its tag says of it.

    Attributes:
        repository: `org/name`.
        files: names under which its weights may be there, the preferred one first.
        quick_gelu: whether it was trained with QuickGELU though its architecture does not say so.
        preprocess: what the tag says of preprocessing, as open_clip spells it; empty for an `hf-hub:` model.
    """

    repository: str
    files: tuple[str, ...]
    quick_gelu: bool
    preprocess: Mapping[str, Any]


def source_of(name: ModelName) -> Source:
    """Say where on the hub a model lies.

    Args:
        name: of kind `pretrained` or `hub`.

    Returns:
        Its repository and files.

    Raises:
        ModelUnavailable: open_clip knows no such name.
        ModelError: open_clip fetches it from elsewhere than the hub.
    """
    tables = vendor.open_clip_tables()
    files = (tables.HF_SAFE_WEIGHTS_NAME, tables.HF_WEIGHTS_NAME)
    if name.kind == "hub":
        return Source(name.body, files, quick_gelu=False, preprocess={})
    entry = tables.get_pretrained_cfg(name.architecture, name.tag)
    if not entry or vendor.open_clip_architecture(name.architecture) is None:
        near = nearest_names(name.text)
        hint = f"Did you mean {' or '.join(near)}?" if near else "vecclust models lists those that can be used."
        raise ModelUnavailable(f"open_clip knows no model {name}", model=name.text, hint=hint)
    repository, _, file = entry.get("hf_hub", "").rpartition("/")
    if not repository:
        raise ModelError(
            f"open_clip keeps the weights of {name} outside the hub",
            hint="Download them and point at the folder: local-dir:PATH.",
        )
    if file and file not in files:
        files = (PurePosixPath(file).with_suffix(".safetensors").name, file)
    return Source(repository, files, quick_gelu=bool(entry.get("quick_gelu", False)), preprocess=entry)


def pretrained_names() -> list[str]:
    """List every `architecture/pretrained` that open_clip knows."""
    return [f"{architecture}/{tag}" for architecture, tag in vendor.open_clip_tables().list_pretrained()]


def nearest_names(text: str) -> list[str]:
    """Give the known names that look like a text.

    Args:
        text: what somebody wrote.

    Returns:
        Up to three, the most alike first.
    """
    known = {name.lower(): name for name in pretrained_names()}
    near = difflib.get_close_matches(text.lower(), known, n=3, cutoff=0.5)
    if "/" not in text:
        # `ViT-B-32` alone is far from `ViT-B-32/laion2b_s34b_b79k` in edits, and is what people write.
        near = [name for name in known if name.partition("/")[0] == text.lower()][:3] or near
    return [known[name] for name in near]
