"""Exceptions and signals to exit codes, in this one place.

A `VecclustError` becomes its own code, with one line on stderr or, with `--json`, one document on stdout.
Ctrl-C exits 130, SIGTERM 143. Anything else is a defect of vecclust: its traceback is shown and the code is 1.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import typer

from vecclust.errors import UsageError, VecclustError

# typer does not export the parent of all its usage errors.
_TyperUsageError: Any = typer.BadParameter.__bases__[0]

INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM arrived; passes through every `except Exception` as KeyboardInterrupt does."""


def run(command: Callable[[], object], *, wants_json: bool) -> int:
    """Run a command line and turn its end into an exit code.

    Args:
        command: does the work; a returned int is the exit code, as typer gives it.
        wants_json: whether an error is to be a JSON document on stdout.

    Returns:
        The exit code.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = command()
        sys.stdout.flush()
        if code == INTERRUPTED:  # typer turns KeyboardInterrupt into this code by itself
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except VecclustError as error:
        _report(error, wants_json=wants_json)
        return error.exit_code
    except _TyperUsageError as error:
        _report_usage(error, wants_json=wants_json)
        return UsageError.exit_code
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("vecclust: interrupted; what was committed stays, run it again to go on\n")
        return INTERRUPTED
    except Terminated:
        sys.stderr.write("vecclust: terminated; what was committed stays, run it again to go on\n")
        return TERMINATED
    except BrokenPipeError:
        # The reader of a pipe went away (`| head`): nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def _report(error: VecclustError, *, wants_json: bool) -> None:
    if wants_json:
        from vecclust.cli.documents import dump, error_document

        sys.stdout.write(dump(error_document(error)) + "\n")
        return
    from vecclust.exports.text import plain

    sys.stderr.write(f"vecclust: {plain(error.message)}\n")
    if error.hint:
        sys.stderr.write(f"  {plain(error.hint)}\n")


def _report_usage(error: Any, *, wants_json: bool) -> None:
    if wants_json:
        _report(UsageError(error.format_message()), wants_json=True)
    else:
        error.show()
