"""The daemon: arm, look, listen, label, refit when due, end well.

It knows when to look and when to fit anew; what to do about a file is `vecclust.Library`'s affair, whether events
can be believed is `watch`'s. Invariants: watching is armed before the first look; what a hint misses, the periodic
look at everything finds; one process writes, a refit's process only reads and hands its finding over.
"""

from __future__ import annotations

from vecclust.daemon.agenda import Agenda, Due
from vecclust.daemon.loop import Daemon, Rhythm
from vecclust.daemon.policy import RefitPolicy, reason_to_refit
from vecclust.daemon.refitter import Refitter
from vecclust.daemon.serve import serve
from vecclust.daemon.signals import Stopped

__all__ = ["Agenda", "Daemon", "Due", "RefitPolicy", "Refitter", "Rhythm", "Stopped", "reason_to_refit", "serve"]
