"""What the pages hear while they are open: how the library stands, and how far a refit has come.

One stream of server-sent events for each page that is looked at. The library is read once a second for all of them,
and hardly at all while nothing is written.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any

import anyio
from anyio import to_thread

from vecclust.errors import VecclustError
from vecclust.exports.text import plain
from vecclust.library.pages.live import LiveReader
from vecclust.types.pages import LiveStatus
from vecclust.web.refit import ProposedRefit

STATUS_S = 1.0
# How soon a step of a refit is seen, and the end of the server.
STEP_S = 0.25
# A connection that was lost silently is noticed by writing into it.
KEEP_ALIVE_S = 15.0


class Events:
    """Events of one library.

    Args:
        live: the library.
        refit: its refits.
        is_ending: whether the server is about to end.
    """

    def __init__(self, live: LiveReader, *, refit: ProposedRefit, is_ending: Callable[[], bool]) -> None:
        self._live = live
        self._refit = refit
        self._is_ending = is_ending
        self._lock = threading.Lock()
        self._status: LiveStatus | None = None
        self._read_at = 0.0

    async def stream(self) -> AsyncIterator[bytes]:
        """Give events until the page or the server goes."""
        status: dict[str, Any] = {}
        fit: dict[str, Any] = {}
        spoken = time.monotonic()
        while not self._is_ending():
            now_status, now_fit = await to_thread.run_sync(self._read_status), self._fit()
            if now_status and now_status != status:
                status, spoken = now_status, time.monotonic()
                yield _event("status", status)
            if now_fit != fit:
                fit, spoken = now_fit, time.monotonic()
                yield _event("fit", fit)
            if time.monotonic() - spoken > KEEP_ALIVE_S:
                spoken = time.monotonic()
                yield b": still here\n\n"
            await anyio.sleep(STEP_S)
        yield _event("end", {})

    def _read_status(self) -> dict[str, Any]:
        """Read how the library stands; empty where it cannot be read just now."""
        with self._lock:
            if self._status is None or time.monotonic() - self._read_at >= STATUS_S:
                try:
                    self._status = self._live.status(self._status)
                except VecclustError:
                    return {}
                self._read_at = time.monotonic()
            status = self._status
        return asdict(status) | {
            "writer": _short(status.writer),
            "doing": plain(status.doing),
            "light": status.light,
            "faults": [plain(fault) for fault in status.faults],
            "remarks": [plain(remark) for remark in status.remarks],
        }

    def _fit(self) -> dict[str, Any]:
        view = self._refit.view
        return {"state": view.state, "stage": view.stage, "done": view.done, "total": view.total}


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode("ascii")


def _short(command: str) -> str:
    """Give what a process does, without the path of its program."""
    program, *rest = plain(command).split(" ")
    return " ".join([program.rpartition("/")[2], *rest])[:80]
