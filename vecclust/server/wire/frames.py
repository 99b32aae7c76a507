"""Frames: a length of four bytes, then one JSON object in ASCII; a size limit and a time limit for each.

ASCII, because names of files may hold bytes that are no UTF-8: they travel as escaped surrogates and come out as they
went in. Whoever sends garbage, too much, too slowly or half of something is a `BrokenWire`, never anything worse.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any

_LENGTH = struct.Struct(">I")
_CHUNK_BYTES = 1 << 20


class BrokenWire(Exception):
    """The other side is gone, too slow, or speaks something else."""


def pack_frame(message: Mapping[str, Any]) -> bytes:
    """Turn a message into the bytes of a frame.

    Raises:
        ValueError: there is something in it that JSON does not know.
    """
    body = json.dumps(message, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")
    return _LENGTH.pack(len(body)) + body


def send_frame(line: socket.socket, frame: bytes, *, seconds: float) -> None:
    """Send a frame.

    Args:
        line: a connected socket.
        frame: what `pack_frame` made.
        seconds: longest time for all of it.

    Raises:
        BrokenWire: it did not arrive.
    """
    try:
        line.settimeout(seconds)
        line.sendall(frame)
    except OSError as error:
        raise BrokenWire(f"cannot send: {error}") from error


def receive_frame(line: socket.socket, *, most_bytes: int, seconds: float) -> dict[str, Any]:
    """Wait for a frame.

    Args:
        line: a connected socket.
        most_bytes: longest frame that is read.
        seconds: longest time until all of it is here.

    Returns:
        The message.

    Raises:
        BrokenWire: none came, or none that is a message.
    """
    until_s = time.monotonic() + seconds
    (n_bytes,) = _LENGTH.unpack(_receive(line, _LENGTH.size, until_s=until_s))
    if n_bytes > most_bytes:
        raise BrokenWire(f"a frame of {n_bytes} bytes, more than {most_bytes}")
    body = _receive(line, n_bytes, until_s=until_s)
    try:
        message = json.loads(body.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise BrokenWire(f"not a message: {error}") from error
    if not isinstance(message, dict):
        raise BrokenWire(f"not a message: {type(message).__name__}")
    return message


def _receive(line: socket.socket, n_bytes: int, *, until_s: float) -> bytes:
    received = bytearray()
    while len(received) < n_bytes:
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise BrokenWire("nothing more came in time")
        try:
            line.settimeout(left_s)
            part = line.recv(min(n_bytes - len(received), _CHUNK_BYTES))
        except OSError as error:
            raise BrokenWire(f"cannot receive: {error}") from error
        if not part:
            raise BrokenWire("the other side hung up")
        received += part
    return bytes(received)
