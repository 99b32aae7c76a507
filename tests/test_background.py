"""Tests started in the background: a shell ignores SIGINT for them, which the processes they start must not inherit."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import subprocess, sys, tests.conftest
child = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
subprocess.run([sys.executable, "-c", child], check=True)
"""


def test_processes_that_tests_start_hear_ctrl_c() -> None:
    """However the tests themselves were started."""
    command = ["sh", "-c", 'trap "" INT; exec "$0" -c "$1"', sys.executable, PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
