"""The wire: how one process asks another that keeps the same library, over a socket in it.

It knows sockets, frames, who may ask, and how reports and errors travel; it refuses to know what a question means.
Invariants: only the library's owner is heard; what comes from outside is bounded in size, number and time; an asker
who is not answered can always do without. Light: the standard library alone.
"""

from __future__ import annotations

from vecclust.errors import pack_error, unpack_error
from vecclust.server.wire.asking import Declined, ask
from vecclust.server.wire.frames import BrokenWire
from vecclust.server.wire.meeting import Listener, NobodyThere, listen
from vecclust.server.wire.parcels import (
    pack_answer,
    pack_filters,
    pack_name,
    pack_refit,
    pack_run,
    pack_saying,
    pack_status,
    pack_word,
    unpack_answer,
    unpack_filters,
    unpack_name,
    unpack_refit,
    unpack_run,
    unpack_saying,
    unpack_status,
    unpack_word,
)
from vecclust.server.wire.serving import Server

__all__ = [
    "BrokenWire",
    "Declined",
    "Listener",
    "NobodyThere",
    "Server",
    "ask",
    "listen",
    "pack_answer",
    "pack_error",
    "pack_filters",
    "pack_name",
    "pack_refit",
    "pack_run",
    "pack_saying",
    "pack_status",
    "pack_word",
    "unpack_answer",
    "unpack_error",
    "unpack_filters",
    "unpack_name",
    "unpack_refit",
    "unpack_run",
    "unpack_saying",
    "unpack_status",
    "unpack_word",
]
