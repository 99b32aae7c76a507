"""Values and records as JSON, and back: what comes out equals what went in.

JSON in ASCII, because names of files may hold bytes that are no UTF-8: they travel as escaped surrogates.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints


def dump(value: Any) -> bytes:
    """Write a value, or a record, as one line of JSON.

    Args:
        value: plain values, dates, paths, and records, mappings and sequences of them.

    Raises:
        ValueError: a number in it is not finite.
        TypeError: there is something in it that JSON does not know.
    """
    text = json.dumps(value, default=_plain, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.encode("ascii") + b"\n"


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, PurePath):
        # A path means the same wherever it goes.
        return os.path.abspath(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be sent")


def load(kind: Any, value: Any) -> Any:
    """Make a value of what JSON holds of it.

    Args:
        kind: its type: plain types, dates, paths, records, and unions, tuples, lists and mappings of them.
        value: what `json.loads` gives; fields of a record that have a default may be missing.

    Returns:
        The value.

    Raises:
        TypeError, ValueError, KeyError: it is something else.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return load(parts[0], value)
    if origin in (Union, UnionType):
        if value is None and NoneType in parts:
            return None
        return load(next(part for part in parts if part is not NoneType), value)
    if origin is tuple:
        kinds = [parts[0]] * len(value) if parts[-1] is ... else parts
        return tuple(load(part, one) for part, one in zip(kinds, value, strict=True))
    if origin is list:
        return [load(parts[0], one) for one in value]
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is Path:
        return Path(value)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = fields_of(kind)
        return kind(**{name: load(hints[name], one) for name, one in value.items()})
    return value


@cache
def fields_of(record: type) -> Mapping[str, Any]:
    """Give the types of a record's fields by name.

    Args:
        record: a dataclass.
    """
    return get_type_hints(record, include_extras=True)
