"""The daemon: arm, scan, listen, label, refit when due, end well.

It knows when to look and when to fit anew; what to do about a file is `vecclust.Library`'s affair, whether events
can be believed is `watching`'s. Invariants: watching is armed before the first scan; what a hint misses, the periodic
scan finds; one process writes, a fit's process only reads and hands its finding over.
"""

from __future__ import annotations

from vecclust.daemon.loop import Daemon
from vecclust.daemon.serve import serve
from vecclust.daemon.signals import Stopped

__all__ = ["Daemon", "Stopped", "serve"]
