"""What the owner should know of a change, kept for the page that is shown after it.

A change ends in the address of a page; the sentences stay here, and only a number goes with the address.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from starlette.requests import Request

_NUMBER = re.compile("[0-9]{1,9}")
# Of the last changes that had something to tell.
_KEPT = 50


class Notices:
    """The notices of the last changes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[str, ...]] = OrderedDict()
        self._n_put = 0
        self._lock = Lock()

    def put(self, notices: Sequence[str]) -> str:
        """Keep notices; give what to add to the address of the page that shows them, nothing where there are none."""
        if not notices:
            return ""
        with self._lock:
            self._n_put += 1
            self._kept[self._n_put] = tuple(notices)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return f"?told={self._n_put}"

    def get(self, request: Request) -> tuple[str, ...]:
        """Give the notices that the address of a page asks for."""
        asked = request.query_params.get("told", "")
        return self._kept.get(int(asked), ()) if _NUMBER.fullmatch(asked) else ()
