"""`ui` through the real command line: what it prints, how it ends, what it refuses."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.test_app import hear_interrupts
from tests.cli.test_documents import run
from tests.library.test_looking import album, library

__all__ = ["album", "library"]  # fixtures

ADDRESS = re.compile(r"http://(127\.0\.0\.1:\d+)(/\?token=[\w-]{43})\n")


@contextmanager
def started(library: Path) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """Start it; give the process, its host and the rest of its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "vecclust", "--library", str(library), "ui"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )
    assert process.stdout is not None
    try:
        found = ADDRESS.fullmatch(process.stdout.readline())
        assert found is not None
        yield process, found[1], found[2]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_whoever_listens(library: Path, number: signal.Signals, code: int) -> None:
    """With a page that listens to events and a fit under way: exit code as everywhere, no traceback, no orphan."""
    with started(library) as (process, host, target):
        asked = http.client.HTTPConnection(host, timeout=60)
        asked.request("GET", target)
        answer = asked.getresponse()
        cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0], "Origin": f"http://{host}"}
        answer.read()
        asked.request("POST", "/fit", headers=cookie)
        assert asked.getresponse().status == 303
        listening = http.client.HTTPConnection(host, timeout=60)
        listening.request("GET", "/events", headers=cookie)
        events = listening.getresponse()
        assert events.readline() == b"event: pulse\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        started_by_it = [int(pid) for pid in children.read_text().split()] if children.exists() else []
        process.send_signal(number)
        _, complaint = process.communicate(timeout=60)
        listening.close()
        asked.close()
    assert process.returncode == code, complaint
    assert "Traceback" not in complaint
    assert not [pid for pid in started_by_it if Path(f"/proc/{pid}").exists()]


def test_a_taken_port_and_a_missing_library_are_said(
    library: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and 1, in a sentence; no library is made."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, out, err = run(library, "ui", "--port", str(taken.getsockname()[1]), capture=capsys)
    assert (code, out) == (2, "")
    assert "is taken" in err
    assert run(tmp_path / "none", "ui", capture=capsys)[0] == 1
    assert not (tmp_path / "none").exists()


def test_open_hands_the_address_to_the_browser(
    library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its key, as it is printed."""
    seen: list[str] = []

    def opened(address: str) -> None:
        seen.append(address)
        raise KeyboardInterrupt

    monkeypatch.setattr(webbrowser, "open", opened)
    code, out, _ = run(library, "ui", "--open", capture=capsys)
    assert (code, out) == (130, f"{seen[0]}\n")
    assert ADDRESS.fullmatch(out)
