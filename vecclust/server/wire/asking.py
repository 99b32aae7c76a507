"""The asker's side: one question, told how far it has come, one outcome.

Before anything is asked, both sides say which protocol and which vecclust they are: only the same give the same
answers. So a daemon of another version, one that is stopped and one that is none at all are all nobody.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vecclust import __version__
from vecclust.errors import unpack_error
from vecclust.server.wire.frames import BrokenWire, pack_frame, receive_frame, send_frame
from vecclust.server.wire.meeting import NobodyThere, call

PROTOCOL = 1
# A daemon greets at once, but its computer may be busy; who waits in vain goes on without it.
GREETING_S = 5.0
# A word comes every few seconds while work is under way; loading a large model comes without one.
SILENCE_S = 120.0
GREETING_BYTES = 1024
# A question carries settings and paths, as many as a command line can (2 MB on Linux, an odd byte written as six); an
# answer may carry 100,000 hits of a few hundred bytes.
QUESTION_BYTES = 16 << 20
ANSWER_BYTES = 256 << 20


class Declined(Exception):
    """The daemon leaves it to the asker: it would answer something else, or cannot."""


def greeting() -> dict[str, Any]:
    """Say which protocol and which vecclust this is."""
    return {"vecclust": PROTOCOL, "version": __version__}


def ask(
    library: Path,
    question: Mapping[str, Any],
    *,
    told: Callable[[Mapping[str, Any]], None] = lambda word: None,
) -> Mapping[str, Any]:
    """Ask the daemon that keeps a library.

    Args:
        library: the library's directory.
        question: values that JSON can hold.
        told: called with every word that comes before the outcome.

    Returns:
        The answer.

    Raises:
        NobodyThere: there is no daemon that can be asked; nothing was asked.
        Declined: it leaves this to the asker; nothing was done.
        BrokenWire: it was asked, and went away before it answered.
        VecclustError: the answer is an error.
    """
    line = call(library, seconds=GREETING_S)
    with line:
        _greet(line)
        send_frame(line, pack_frame(question), seconds=GREETING_S)
        while True:
            word = receive_frame(line, most_bytes=ANSWER_BYTES, seconds=SILENCE_S)
            if "answer" in word:
                return _fields(word["answer"])
            if "declined" in word:
                raise Declined(str(word["declined"]))
            if "error" in word:
                raise unpack_error(_fields(word["error"]))
            told(word)


def _greet(line: socket.socket) -> None:
    try:
        send_frame(line, pack_frame(greeting()), seconds=GREETING_S)
        heard = receive_frame(line, most_bytes=GREETING_BYTES, seconds=GREETING_S)
    except BrokenWire as error:
        raise NobodyThere(str(error)) from error
    if heard != greeting():
        raise NobodyThere(f"another version: {heard!r:.100}")


def _fields(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BrokenWire("not an answer")
    return value
