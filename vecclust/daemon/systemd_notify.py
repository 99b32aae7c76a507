"""Messages to systemd over the socket that `Type=notify` names, and how often it waits for them; see sd_notify(3)."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


def notify(*lines: str) -> bool:
    """Send lines such as `READY=1`, `STATUS=…` or `WATCHDOG=1`; where systemd does not listen, nothing happens.

    Args:
        lines: assignments.

    Returns:
        Whether they were sent.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address or not hasattr(socket, "AF_UNIX"):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        # A manager that does not listen must not hold up the daemon.
        sender.setblocking(False)
        sender.sendto("\n".join(lines).encode(errors="replace"), address)
        return True
    return False


def watchdog_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """Give how often `WATCHDOG=1` is to be sent: three times as often as systemd asks for.

    Args:
        environment: variables.

    Returns:
        Seconds between two messages; None where systemd does not wait for any.
    """
    # Variables are inherited: what systemd says to our parent is not for us.
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        timeout_s = int(environment.get("WATCHDOG_USEC", "")) / 1e6
    except ValueError:
        return None
    return timeout_s / 3 if timeout_s > 0 else None
