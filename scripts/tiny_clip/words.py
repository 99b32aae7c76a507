"""The words that the text tower learns: templates around class names, and the wider kinds that classes belong to.

Knows language. Refuses to know pictures and models. A class may be asked for by its own phrases
("labrador retriever") or by its kind ("dog"); the kinds stand in `kinds.toml`, a small hand-made cut through WordNet.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

TEMPLATES = (
    "{}",
    "a photo of a {}.",
    "a photo of the {}.",
    "a picture of a {}.",
    "a close-up photo of a {}.",
    "a photo of a small {}.",
    "a photo of a large {}.",
    "a {} in a photo.",
    "this is a {}.",
    "photos of {}",
)
"""A spread of ways to ask, bare word first: people who search type one or two words, not a sentence."""


def read_kinds(path: Path | None = None) -> dict[str, tuple[str, ...]]:
    """Read the wider kinds.

    Args:
        path: a TOML file of lists; None for the one beside this module.

    Returns:
        The kind's name to the names of its classes.
    """
    text = (path or Path(__file__).with_name("kinds.toml")).read_text(encoding="utf-8")
    return {kind: tuple(members) for kind, members in tomllib.loads(text)["kinds"].items()}


def kind_of_each(class_names: Sequence[str], *, kinds: dict[str, tuple[str, ...]]) -> list[int]:
    """Return for each class the position of its kind among `kinds`, or -1 where it has none."""
    places = {member: place for place, members in enumerate(kinds.values()) for member in members}
    return [places.get(name, -1) for name in class_names]
