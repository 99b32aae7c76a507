"""A word to systemd, over the socket that `Type=notify` names, and whether it waits for signs of life; or neither."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


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


def watchdog_s(environment: Mapping[str, str] | None = None) -> float | None:
    """Give how often `WATCHDOG=1` is to be told, a third of what systemd waits for; None where it does not wait.

    Args:
        environment: variables; `os.environ` where None.
    """
    given = os.environ if environment is None else environment
    # Variables are inherited: what a supervisor says to our parent is not for us.
    if given.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        patience_s = int(given.get("WATCHDOG_USEC", "")) / 1e6
    except ValueError:
        return None
    return patience_s / 3 if patience_s > 0 else None
