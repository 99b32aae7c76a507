"""Ctrl-C in the middle of a scan: what was committed stays, and the next scan goes on from there."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.test_app import hear_interrupts
from tests.library.test_library import picture

N_PHOTOS = 400


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_scan_goes_on_where_it_was(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Exit code, no traceback, no orphaned decoding process, nothing read twice."""
    album = tmp_path / "album"
    album.mkdir()
    for at in range(N_PHOTOS):
        (album / f"{at:03}.jpg").write_bytes(picture("red", at))
    command = [sys.executable, "-m", "vecclust", "--library", str(tmp_path / "library"), "--model", "bundled", "scan"]
    environment = {**os.environ, "VECCLUST_STORE_COMMIT_PHOTOS": "20"}
    process = subprocess.Popen(
        [*command, str(album)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=hear_interrupts,
    )
    committed = tmp_path / "library" / "tables" / "photos.lance" / "data"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (committed.is_dir() and len(list(committed.iterdir())) >= 2):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)
            pytest.fail("the scan ended before it could be interrupted")
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == code, complaint
    assert "Traceback" not in complaint
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, env=environment)
    report = json.loads(done.stdout)
    assert report["unchanged"] >= 20
    assert report["added"] + report["unchanged"] == N_PHOTOS
    assert report["labelled"] == N_PHOTOS
