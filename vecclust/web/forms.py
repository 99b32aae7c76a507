"""What a browser sends, held against what it may be: ids, numbers, short text. Nothing else is taken.

Digits are those of ASCII: Python's `isdigit` takes a superscript two for one, and `int` does not.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from starlette.requests import Request

from vecclust.errors import NotFound, TooLarge, UsageError
from vecclust.types.edits import PHOTO

MOST_LETTERS = 300
# The longest form of ours names the photos of a page, 120 hashes of 64 letters.
_MOST_FORM_BYTES = 16384
_NUMBER = re.compile("[0-9]{1,9}")
CLUSTER = re.compile("c[1-9][0-9]{0,8}")
EDIT = re.compile("w[1-9][0-9]{0,8}")
_SHAPES = {"photo": PHOTO, "cluster": CLUSTER, "run": re.compile("r[1-9][0-9]{0,8}"), "number": _NUMBER}


def part(request: Request, name: str) -> str:
    """Give a part of the address.

    Args:
        request: what was asked.
        name: which one: `photo` (its content hash), `cluster` or `run` (their ids), or `number` (a number from 0).

    Raises:
        NotFound: there cannot be such a one.
    """
    given = str(request.path_params[name])
    if not _SHAPES[name].fullmatch(given):
        raise NotFound(f"there is no such {name}", hint="")
    return given


def told(request: Request) -> int:
    """Give the number of the notices that the page is to show, 0 for none.

    Args:
        request: what was asked.
    """
    asked = request.query_params.get("told", "")
    return int(asked) if _NUMBER.fullmatch(asked) else 0


def page(request: Request) -> int:
    """Give the page asked for, from 0; addresses count from 1.

    Args:
        request: what was asked.

    Raises:
        UsageError: it is no number of a page.
    """
    asked = request.query_params.get("page", "1")
    if not _NUMBER.fullmatch(asked) or int(asked) < 1:
        raise UsageError("that is no number of a page", hint="Pages are counted from 1.")
    return int(asked) - 1


def length(request: Request) -> int:
    """Give the length of the body in bytes as the browser announces it, 0 where it does not.

    Args:
        request: what was asked.
    """
    said = request.headers.get("content-length", "")
    return int(said) if re.fullmatch("[0-9]{1,18}", said) else 0


async def fields(request: Request) -> dict[str, list[str]]:
    """Read a form.

    Args:
        request: what was sent.

    Returns:
        The values of its fields by name.

    Raises:
        TooLarge: it is longer than any form of ours.
        UsageError: it is no form.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise UsageError("that is no form", hint="")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_FORM_BYTES:
            raise TooLarge("that is more than a form holds", hint="")
    try:
        return parse_qs(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise UsageError("that is no text", hint="") from error
