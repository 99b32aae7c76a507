"""How a model is named, and how its vectors are told from those of another.

Four spellings, as open_clip has them: `architecture/pretrained`, `hf-hub:org/name`, `local-dir:PATH`; and `bundled`
for the model that comes with vecclust. Knows spelling only: whether such a model exists is for `registry` and
`weights` to say. Light: no vendor is imported.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from vecclust.errors import ModelUnavailable

BUNDLED = "bundled"
BUNDLED_FOLDER = Path(__file__).resolve().parent / "bundled"
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
        """Give the name itself, or read it."""
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
    hint = _FORMS
    if not slash:
        from vecclust.embeddings.registry import nearest_names

        near = nearest_names(text)
        hint = f"Did you mean {' or '.join(near)}? {_FORMS}" if near else _FORMS
    raise ModelUnavailable(f"{text!r} names no model", model=text, hint=hint)
