"""The daemon as a service of the person's own session: a systemd user unit, or a launchd agent on macOS.

Knows how each is written and started, and nothing of photos. A file that vecclust did not write, or that was changed
since, is never overwritten or removed unasked: the file carries a digest of itself.
"""

from __future__ import annotations

from vecclust.daemon.service.installing import Installed, Manager, Standing, install, look, manager_of, remove
from vecclust.daemon.service.job import Job, Ran, run_command

__all__ = ["Installed", "Job", "Manager", "Ran", "Standing", "install", "look", "manager_of", "remove", "run_command"]
