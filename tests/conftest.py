"""What holds for all tests."""

from __future__ import annotations

import os
import signal
import time

from hypothesis import HealthCheck, settings

# Machines are shared and noisy: how long an example takes says nothing about the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Times that are known in UTC alone are told by the clock of the place, which is to be the same for all tests.
os.environ["TZ"] = "UTC"
if hasattr(time, "tzset"):
    time.tzset()

# A shell starts what it runs in the background with SIGINT ignored, and so would every process that a test starts and
# sends Ctrl-C to. A handler, other than a signal that is ignored, is not inherited.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
