"""What a browser sends, held against what it may be: ids, numbers, short text. Nothing else is taken.

Digits are those of ASCII: Python's `isdigit` takes a superscript two for one, and `int` does not.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs

from starlette.requests import Request

from vecclust.errors import NotFound, TooLarge, UsageError

MOST_LETTERS = 300
# The longest form of ours names the photos of a page, 120 hashes of 64 letters.
_MOST_FORM_BYTES = 16384
_NUMBER = re.compile("[0-9]{1,9}")
PHOTO = re.compile("[0-9a-f]{64}")
CLUSTER = re.compile("c[1-9][0-9]{0,8}")
WORD = re.compile("w[1-9][0-9]{0,8}")
_RUN = re.compile("r[1-9][0-9]{0,8}")


def photo(request: Request) -> str:
    """Give the content hash in the address.

    Raises:
        NotFound: it is none.
    """
    return _matched(request, "photo", PHOTO)


def cluster(request: Request) -> str:
    """Give the cluster's id in the address.

    Raises:
        NotFound: it is none.
    """
    return _matched(request, "cluster", CLUSTER)


def run(request: Request) -> str:
    """Give the run's id in the address.

    Raises:
        NotFound: it is none.
    """
    return _matched(request, "run", _RUN)


def number(request: Request, name: str) -> int:
    """Give a number in the address.

    Raises:
        NotFound: it is none.
    """
    return int(_matched(request, name, _NUMBER))


def page(request: Request) -> int:
    """Give the page asked for, from 0; addresses count from 1.

    Raises:
        UsageError: it is no number of a page.
    """
    asked = request.query_params.get("page", "1")
    if not _NUMBER.fullmatch(asked) or int(asked) < 1:
        raise UsageError("that is no number of a page", hint="Pages are counted from 1.")
    return int(asked) - 1


def length(request: Request) -> int:
    """Give the length of the body as the browser announces it, 0 where it does not."""
    said = request.headers.get("content-length", "")
    return int(said) if re.fullmatch("[0-9]{1,18}", said) else 0


async def fields(request: Request) -> dict[str, list[str]]:
    """Read a form.

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


def _matched(request: Request, name: str, shape: re.Pattern[str]) -> str:
    given = str(request.path_params[name])
    if not shape.fullmatch(given):
        raise NotFound(f"there is no such {name}", hint="")
    return given
