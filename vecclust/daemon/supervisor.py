"""A word to systemd, over the socket that `Type=notify` names; nothing where there is none."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(*lines: str) -> bool:
    """Tell systemd something, such as `READY=1`, `STATUS=…` or `WATCHDOG=1`.

    Args:
        lines: assignments.

    Returns:
        Whether there was anybody to tell.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        # A supervisor that does not listen must not hold up the daemon.
        told.setblocking(False)
        told.sendto("\n".join(lines).encode(errors="replace"), address)
        return True
    return False
