"""Errors as plain values: the same kind, words, facts and exit code on the other side."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator

import pytest

from vecclust import errors
from vecclust.errors import pack_error, unpack_error


def kinds(root: type[errors.VecclustError] = errors.VecclustError) -> Iterator[type[errors.VecclustError]]:
    """Give every kind of error there is."""
    yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_error_arrives_as_it_left(kind: type[errors.VecclustError]) -> None:
    """Through JSON, file names that are no UTF-8 and facts of its own included."""
    own = {
        name: 2.5 if name.endswith("_s") else f"the {name}"
        for name in inspect.signature(kind).parameters
        if name not in ("message", "hint")
    }
    sent = kind("no /photo/\udcff here", hint="Name “another”.", **own)
    error = unpack_error(json.loads(json.dumps(pack_error(sent))))
    assert type(error) is kind
    assert (str(error), error.exit_code, error.kind) == (str(sent), sent.exit_code, sent.kind)
    assert vars(error) == vars(sent)


def test_an_error_of_a_later_version_is_still_an_error() -> None:
    """Its words stay; what is no error at all is refused."""
    error = unpack_error({"kind": "of the future", "message": "it broke", "hint": ""})
    assert (type(error), error.message) == (errors.VecclustError, "it broke")
    for values in ({}, {"kind": "locked", "message": 1, "hint": ""}, {"message": "it broke"}):
        with pytest.raises(ValueError, match="not an error"):
            unpack_error(values)
