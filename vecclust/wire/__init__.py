"""The wire: how one process asks another that keeps the same library, over a socket in it."""

from __future__ import annotations

from vecclust.wire.failures import pack_error, unpack_error

__all__ = ["pack_error", "unpack_error"]
