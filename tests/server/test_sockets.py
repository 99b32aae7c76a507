"""Where asker and server meet: the owner alone, whatever the path, and nothing that a dead server left is believed."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vecclust.config import socket_files
from vecclust.server import sockets
from vecclust.server.sockets import OwnerSocket, connect, listen

SECONDS = 30.0


@contextmanager
def listening(library: Path) -> Iterator[OwnerSocket]:
    """Listen for the block."""
    listener = listen(library)
    try:
        yield listener
    finally:
        listener.close()


def meet(library: Path, listener: OwnerSocket) -> bytes:
    """Let an asker in, and give what it says; what either side raises is raised."""
    outcome: list[bytes | BaseException] = []

    def accept() -> None:
        try:
            line, _ = listener.accept()
            with line:
                outcome.append(line.recv(100))
        except BaseException as error:
            outcome.append(error)

    server = threading.Thread(target=accept)
    server.start()
    try:
        with connect(library, seconds=SECONDS) as line:
            line.sendall(b"hello")
            server.join(SECONDS)
    finally:
        server.join(SECONDS)
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


@pytest.mark.parametrize("name", ["library", "x" * 120, os.fsdecode(b"\xff" * 20)])
def test_they_meet_where_the_owner_alone_may_go(tmp_path: Path, name: str) -> None:
    """Whatever the length and the bytes of the path; at the end nothing is left."""
    library = tmp_path / name
    with listening(library) as listener:
        place = socket_files(library)[0]
        folder = place.parent
        assert stat.S_ISSOCK(place.stat().st_mode)
        assert (stat.S_IMODE(place.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)
        assert meet(library, listener) == b"hello"
    assert list(folder.iterdir()) == []
    with pytest.raises(OSError, match="no server listens"):
        connect(library, seconds=SECONDS)


def test_a_folder_that_others_may_enter_is_closed_to_them(tmp_path: Path) -> None:
    """And one that leads elsewhere is not used."""
    own = socket_files(tmp_path)[0].parent
    own.mkdir(parents=True)
    own.chmod(0o777)
    with listening(tmp_path):
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
    own.rmdir()
    (tmp_path / "elsewhere").mkdir()
    own.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        listen(tmp_path)


def test_what_a_killed_server_left_is_neither_believed_nor_in_the_way(tmp_path: Path) -> None:
    """Its socket stays on the disk, and nobody is behind it."""
    killed = listen(tmp_path)
    socket.socket.close(killed)
    assert socket_files(tmp_path)[0].exists()
    with pytest.raises(ConnectionRefusedError):
        connect(tmp_path, seconds=SECONDS)
    with listening(tmp_path) as listener:
        assert meet(tmp_path, listener) == b"hello"


def test_another_users_process_is_turned_away_on_either_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where it got past the folder's mode."""
    own = os.geteuid()
    with listening(tmp_path) as listener:
        monkeypatch.setattr(sockets.os, "geteuid", lambda: own + 1)
        with pytest.raises(PermissionError, match="belongs to user"):
            connect(tmp_path, seconds=SECONDS)
        monkeypatch.setattr(sockets.os, "geteuid", lambda: own)
        listener.accept()[0].close()  # of the one who turned away
        with connect(tmp_path, seconds=SECONDS):
            monkeypatch.setattr(sockets.os, "geteuid", lambda: own + 1)
            with pytest.raises(ConnectionAbortedError, match="belongs to user"):
                listener.accept()


def test_a_file_system_without_sockets_is_got_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network and FUSE mounts refuse them: then they meet in the user's runtime directory."""
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    own, other = socket_files(tmp_path / "library")
    bind = sockets._listen_at

    def refuse(file: Path) -> OwnerSocket:
        if file == own:
            raise OSError(95, "Operation not supported")
        return bind(file)

    monkeypatch.setattr(sockets, "_listen_at", refuse)
    with listening(tmp_path / "library") as listener:
        assert other.exists()
        assert other.is_relative_to(tmp_path / "runtime")
        assert meet(tmp_path / "library", listener) == b"hello"


def test_without_unix_sockets_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if there were no daemon."""
    monkeypatch.delattr(socket, "AF_UNIX")
    with pytest.raises(OSError, match="no Unix sockets"):
        connect(tmp_path, seconds=SECONDS)
