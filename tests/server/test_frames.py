"""Frames: what goes in comes out, and whatever else comes in is a broken wire in bounded time and memory."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecclust.server.wire.frames import BrokenWire, pack_frame, receive_frame, send_frame

SECONDS = 30.0

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Two ends of a wire."""
    here, there = socket.socketpair()
    with here, there:
        yield here, there


# Surrogates are what bytes of a file name that are no UTF-8 become.
TEXTS = st.text(st.characters(categories=["L", "N", "P", "Cs", "Cc"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(message=st.dictionaries(TEXTS, VALUES, max_size=5))
def test_what_goes_in_comes_out(message: dict[str, Any]) -> None:
    """Every float to its last bit, every name to its last byte."""
    here, there = socket.socketpair()
    with here, there:
        send_frame(here, pack_frame(message), seconds=SECONDS)
        assert receive_frame(there, most_bytes=1 << 20, seconds=SECONDS) == message


def test_a_long_frame_arrives_whole(ends: Ends) -> None:
    """Longer than any buffer of the system."""
    here, there = ends
    frame = pack_frame({"text": "x" * 5_000_000})
    sender = threading.Thread(target=send_frame, args=(here, frame), kwargs={"seconds": SECONDS})
    sender.start()
    heard = receive_frame(there, most_bytes=1 << 24, seconds=SECONDS)
    sender.join()
    assert len(heard["text"]) == 5_000_000


GARBAGE = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "too long": (1025).to_bytes(4, "big") + b"{}",
    "not JSON": (3).to_bytes(4, "big") + b"{a}",
    "not ASCII": (4).to_bytes(4, "big") + b'"\xff"}',
    "no object": (2).to_bytes(4, "big") + b"[]",
    "nested without end": (1000).to_bytes(4, "big") + b"[" * 1000,
    "half a length": b"\0\0",
    "half a frame": (100).to_bytes(4, "big") + b'{"a": 1',
    "nothing": b"",
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_is_a_broken_wire(ends: Ends, what: str) -> None:
    """Whatever it is, and however early the other side hangs up."""
    here, there = ends
    here.sendall(GARBAGE[what])
    here.shutdown(socket.SHUT_WR)
    with pytest.raises(BrokenWire):
        receive_frame(there, most_bytes=1024, seconds=SECONDS)


def test_who_drips_is_not_waited_for(ends: Ends) -> None:
    """The time limit holds for the frame, not for each of its bytes."""
    here, there = ends
    frame, stop = pack_frame({"text": "x" * 10_000}), threading.Event()

    def drip() -> None:
        for at in range(len(frame)):
            if stop.wait(0.02):
                return
            here.send(frame[at : at + 1])

    dripping = threading.Thread(target=drip)
    dripping.start()
    with pytest.raises(BrokenWire, match=r"in time|cannot receive"):
        receive_frame(there, most_bytes=1 << 20, seconds=0.3)
    stop.set()
    dripping.join()


def test_who_does_not_read_is_not_waited_for(ends: Ends) -> None:
    """A full buffer ends the sending."""
    with pytest.raises(BrokenWire):
        send_frame(ends[0], pack_frame({"text": "x" * 10_000_000}), seconds=0.2)


def test_what_json_does_not_know_is_a_mistake_here() -> None:
    """NaN would be a frame that other readers of JSON refuse."""
    with pytest.raises(ValueError, match="JSON"):
        pack_frame({"score": float("nan")})
