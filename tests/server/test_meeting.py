"""Where asker and daemon meet: the owner alone, whatever the path, and nothing that a dead daemon left is believed."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vecclust.server.wire import BrokenWire, NobodyThere, listen, meeting
from vecclust.server.wire.frames import pack_frame, receive_frame, send_frame
from vecclust.server.wire.meeting import Listener, call, meeting_folder

SECONDS = 30.0
unix = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there are no Unix sockets here")


@contextmanager
def listening(library: Path) -> Iterator[Listener]:
    """Listen for the block."""
    listener = listen(library)
    try:
        yield listener
    finally:
        listener.close()


def meet(library: Path, listener: Listener) -> str:
    """Let an asker in, and give what it says; what either side raises is raised."""
    outcome: list[str | BaseException] = []

    def admit() -> None:
        try:
            line, _ = listener.socket.accept()
            with line:
                listener.admit(line, seconds=SECONDS)
                outcome.append(receive_frame(line, most_bytes=100, seconds=SECONDS)["say"])
        except BaseException as error:
            outcome.append(error)

    door = threading.Thread(target=admit)
    door.start()
    try:
        with call(library, seconds=SECONDS) as line:
            send_frame(line, pack_frame({"say": "hello"}), seconds=SECONDS)
            door.join()
    finally:
        door.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def without_unix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take Unix sockets away."""
    monkeypatch.delattr(socket, "AF_UNIX")


@unix
@pytest.mark.parametrize("name", ["library", "x" * 120, os.fsdecode(b"\xff" * 20)])
def test_they_meet_where_the_owner_alone_may_go(tmp_path: Path, name: str) -> None:
    """Whatever the length and the bytes of the path; at the end nothing is left."""
    library = tmp_path / name
    with listening(library) as listener:
        folder = meeting_folder(library)
        place = folder / "socket"
        assert stat.S_ISSOCK(place.stat().st_mode)
        assert (stat.S_IMODE(place.stat().st_mode), stat.S_IMODE(folder.stat().st_mode)) == (0o600, 0o700)
        assert meet(library, listener) == "hello"
    assert list(folder.iterdir()) == []
    with pytest.raises(NobodyThere):
        call(library, seconds=SECONDS)


@unix
def test_a_folder_that_others_may_enter_is_closed_to_them(tmp_path: Path) -> None:
    """And one that leads elsewhere is not used."""
    meeting_folder(tmp_path).mkdir(parents=True)
    meeting_folder(tmp_path).chmod(0o777)
    with listening(tmp_path):
        assert stat.S_IMODE(meeting_folder(tmp_path).stat().st_mode) == 0o700
    meeting_folder(tmp_path).rmdir()
    (tmp_path / "elsewhere").mkdir()
    meeting_folder(tmp_path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PermissionError):
        listen(tmp_path)


@unix
def test_what_a_killed_daemon_left_is_neither_believed_nor_in_the_way(tmp_path: Path) -> None:
    """Its socket stays on the disk, and nobody is behind it; neither behind the key of one without Unix sockets."""
    killed = listen(tmp_path)
    killed.socket.close()
    assert (meeting_folder(tmp_path) / "socket").exists()
    with pytest.raises(NobodyThere):
        call(tmp_path, seconds=SECONDS)
    (meeting_folder(tmp_path) / "port.json").write_text('{"port": 1, "key": "old"}')
    with listening(tmp_path) as listener:
        assert [file.name for file in meeting_folder(tmp_path).iterdir()] == ["socket"]
        assert meet(tmp_path, listener) == "hello"


@unix
def test_another_users_process_is_turned_away_on_either_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where it got past the folder's mode."""
    own = os.geteuid()
    with listening(tmp_path) as listener:
        monkeypatch.setattr(meeting.os, "geteuid", lambda: own + 1)
        with pytest.raises(NobodyThere, match="belongs to user"):
            call(tmp_path, seconds=SECONDS)
        monkeypatch.setattr(meeting.os, "geteuid", lambda: own)
        with call(tmp_path, seconds=SECONDS):
            line, _ = listener.socket.accept()
            monkeypatch.setattr(meeting.os, "geteuid", lambda: own + 1)
            with line, pytest.raises(BrokenWire, match="belongs to user"):
                listener.admit(line, seconds=SECONDS)


def test_without_unix_sockets_a_key_stands_for_the_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On loopback only; the key is the owner's to read, and is gone at the end."""
    without_unix(monkeypatch)
    with listening(tmp_path) as listener:
        key = meeting_folder(tmp_path) / "port.json"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert listener.socket.getsockname()[0] == "127.0.0.1"
        assert meet(tmp_path, listener) == "hello"
        key.chmod(0o644)
        with pytest.raises(NobodyThere):
            call(tmp_path, seconds=SECONDS)
    assert list(meeting_folder(tmp_path).iterdir()) == []


def test_a_file_system_without_sockets_is_got_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network and FUSE mounts refuse them."""

    def refuse(folder: Path) -> Listener:
        raise PermissionError("no sockets here")

    monkeypatch.setattr(meeting, "_listen_unix", refuse)
    with listening(tmp_path) as listener:
        assert meet(tmp_path, listener) == "hello"


@pytest.mark.parametrize("key", ["0" * 64, "", "schlüssel", "\udcff"])
def test_without_the_key_nobody_is_let_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Nor is anything told to who listens in the daemon's place without knowing it."""
    without_unix(monkeypatch)
    with listening(tmp_path) as listener:
        file = meeting_folder(tmp_path) / "port.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "key": key}))
        with pytest.raises(NobodyThere, match="does not know the key"):
            meet(tmp_path, listener)


@pytest.mark.parametrize("proof", ["0" * 64, "ü", "\udcff", None, 1, ["x"]])
def test_a_wrong_proof_is_refused_whatever_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proof: object
) -> None:
    """Texts that are not ASCII and values that are no texts included."""
    without_unix(monkeypatch)
    with listening(tmp_path) as listener:
        port = json.loads((meeting_folder(tmp_path) / "port.json").read_text())["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as line:
            accepted, _ = listener.socket.accept()
            send_frame(line, pack_frame({"nonce": "n"}), seconds=SECONDS)
            send_frame(line, pack_frame({"proof": proof}), seconds=SECONDS)
            with accepted, pytest.raises(BrokenWire, match="does not know the key"):
                listener.admit(accepted, seconds=SECONDS)


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"port": "x", "key": "k"}', '{"port": 99999999, "key": "k"}'])
def test_a_damaged_key_is_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: str) -> None:
    """As if there were no daemon."""
    without_unix(monkeypatch)
    with listening(tmp_path):
        (meeting_folder(tmp_path) / "port.json").write_text(note)
        with pytest.raises(NobodyThere):
            call(tmp_path, seconds=SECONDS)
