"""Errors as plain values and back: what another process refused reappears as the same kind, with its exit code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vecclust.errors import VecclustError


def pack_error(error: VecclustError) -> dict[str, Any]:
    """Turn an error into values that JSON can hold."""
    facts = {name: value for name, value in vars(error).items() if isinstance(value, str | int | float)}
    return {"kind": error.kind, **facts}


def unpack_error(values: Mapping[str, Any]) -> VecclustError:
    """Make the error again.

    Args:
        values: what `pack_error` made, perhaps of a newer vecclust.

    Returns:
        An error of the same kind; of the root's where the kind is unknown here.

    Raises:
        ValueError: the values are not those of an error.
    """
    facts = {name: value for name, value in values.items() if name != "kind"}
    message, hint = facts.get("message"), facts.get("hint")
    if not isinstance(message, str) or not isinstance(hint, str):
        raise ValueError(f"not an error: {values!r:.100}")
    kind = next((kind for kind in _kinds(VecclustError) if kind.kind == values.get("kind")), VecclustError)
    # Kinds take arguments of their own; their facts are attributes of the same names.
    error = kind.__new__(kind, message)
    VecclustError.__init__(error, message, hint=hint)
    vars(error).update(facts)
    return error


def _kinds(root: type[VecclustError]) -> Iterator[type[VecclustError]]:
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)
