"""The state file of a watching process: believed while it lives, and only then."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from vecclust.watching import WatchState, read_state, remove_state, start_of, write_state

STATE = WatchState(os.getpid(), start_of(os.getpid()), 1, ("/a\udcff",), 2, ("limit reached",), "watching")


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    """Names that are not UTF-8 too; removed it is gone."""
    write_state(tmp_path, STATE)
    assert read_state(tmp_path) == STATE
    remove_state(tmp_path)
    assert read_state(tmp_path) is None


def test_the_state_of_a_dead_process_is_not_believed(tmp_path: Path) -> None:
    """Killed without a word, it left the file behind."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    write_state(tmp_path, WatchState(child.pid, start_of(child.pid), 1))
    assert read_state(tmp_path) is not None
    child.kill()
    child.communicate()
    assert read_state(tmp_path) is None


def test_a_process_that_took_over_the_number_is_not_believed(tmp_path: Path) -> None:
    """The start tells them apart."""
    write_state(tmp_path, WatchState(os.getpid(), "0", 1))
    assert read_state(tmp_path) is None


def test_a_torn_file_is_no_state(tmp_path: Path) -> None:
    """Whatever stands in the file."""
    write_state(tmp_path, STATE)
    (tmp_path / "watch" / "state.json").write_text('{"pid": ')
    assert read_state(tmp_path) is None
