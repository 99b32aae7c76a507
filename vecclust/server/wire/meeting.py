"""Where asker and daemon meet: a Unix socket in the library, its owner's alone, or loopback TCP where none can be.

The socket lies in a folder that nobody else may enter, and both sides look at whose process the other is where the
system tells. A path too long for a socket's address is gone about through the folder's descriptor. On TCP anybody on
this computer can connect, so a key in a file that the owner alone can read stands for the owner: both sides prove that
they know it, and neither tells it, for another program may have got the port of a daemon that was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vecclust.server.wire.frames import BrokenWire, pack_frame, receive_frame, send_frame

LOOPBACK = "127.0.0.1"
# The shortest limit among systems is 104 bytes with the ending NUL (macOS, BSD); Linux has 108.
LONGEST_ADDRESS = 103
_PROOF_BYTES = 1024


class NobodyThere(Exception):
    """No daemon that can be asked keeps this library."""


def meeting_folder(library: Path) -> Path:
    """Give the folder of socket, port and key."""
    return library / "watch" / "desk"


class Listener:
    """A socket that listens for askers. Made by `listen`.

    Args:
        bound: listening.
        files: what to remove at the end.
        key: what askers prove to know; None where the system tells whose they are.
    """

    def __init__(self, bound: socket.socket, *, files: tuple[Path, ...], key: bytes | None) -> None:
        self.socket = bound
        self._files = files
        self._key = key

    def admit(self, line: socket.socket, *, seconds: float) -> None:
        """Find out whether an asker is the library's owner.

        Args:
            line: accepted from `socket`.
            seconds: longest time for it.

        Raises:
            BrokenWire: it is not, or does not say.
        """
        if self._key is None:
            _check_owner(line)
            return
        asked = receive_frame(line, most_bytes=_PROOF_BYTES, seconds=seconds).get("nonce")
        nonce = _nonce()
        send_frame(line, pack_frame({"proof": _proof(self._key, "daemon", asked), "nonce": nonce}), seconds=seconds)
        _check_proof(
            self._key, "asker", nonce, receive_frame(line, most_bytes=_PROOF_BYTES, seconds=seconds).get("proof")
        )

    def close(self) -> None:
        """Stop listening, and leave nothing behind."""
        self.socket.close()
        for file in self._files:
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)


def listen(library: Path) -> Listener:
    """Begin to listen; only for the library's one writer, for what an earlier one left is removed.

    Args:
        library: the library's directory.

    Returns:
        The listener.

    Raises:
        OSError: no socket can be had.
    """
    folder = _own_folder(library)
    for left in (_socket_file(folder), _key_file(folder)):
        left.unlink(missing_ok=True)
    if hasattr(socket, "AF_UNIX"):
        with contextlib.suppress(OSError):  # a file system without sockets, or no way to a long path
            return _listen_unix(folder)
    return _listen_tcp(folder)


def call(library: Path, *, seconds: float) -> socket.socket:
    """Connect to the daemon that keeps a library.

    Args:
        library: the library's directory.
        seconds: longest time until it accepts.

    Returns:
        The line to it.

    Raises:
        NobodyThere: nobody listens, or somebody else.
    """
    folder = meeting_folder(library)
    try:
        if _key_file(folder).exists():
            return _call_tcp(folder, seconds=seconds)
        if hasattr(socket, "AF_UNIX"):
            return _call_unix(folder, seconds=seconds)
    except (OSError, ValueError, BrokenWire) as error:
        raise NobodyThere(str(error)) from error
    raise NobodyThere("there is no socket")


def _own_folder(library: Path) -> Path:
    """Make the folder that only the owner may enter."""
    folder = meeting_folder(library)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "geteuid") and found.st_uid != os.geteuid()):
        raise PermissionError(f"{folder} belongs to somebody else")
    folder.chmod(0o700)
    return folder


def _socket_file(folder: Path) -> Path:
    return folder / "socket"


def _key_file(folder: Path) -> Path:
    return folder / "port.json"


@contextmanager
def _address(folder: Path) -> Iterator[bytes]:
    """Give an address of the socket that is short enough."""
    plain = os.fsencode(_socket_file(folder))
    if len(plain) <= LONGEST_ADDRESS:
        yield plain
        return
    opened = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        way = f"/proc/self/fd/{opened}"
        if not os.path.isdir(way):
            raise OSError(f"{folder} is too long a path for a socket here")
        yield f"{way}/{_socket_file(folder).name}".encode("ascii")
    finally:
        os.close(opened)


def _listen_unix(folder: Path) -> Listener:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(folder) as address:
            bound.bind(address)
        _socket_file(folder).chmod(0o600)
        bound.listen()
    except OSError:
        bound.close()
        raise
    return Listener(bound, files=(_socket_file(folder),), key=None)


def _call_unix(folder: Path, *, seconds: float) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.settimeout(seconds)
        with _address(folder) as address:
            line.connect(address)
        _check_owner(line)
    except BaseException:
        line.close()
        raise
    return line


def _check_owner(line: socket.socket) -> None:
    """Raise where the other side is another user's process; believe it where the system does not tell."""
    if hasattr(socket, "SO_PEERCRED"):
        _, uid, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        if uid != os.geteuid():
            raise BrokenWire(f"the other side belongs to user {uid}")


def _listen_tcp(folder: Path) -> Listener:
    import secrets

    key = secrets.token_hex(32)
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.bind((LOOPBACK, 0))
        bound.listen()
        fresh = _key_file(folder).with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            json.dump({"port": bound.getsockname()[1], "key": key}, file)
        fresh.replace(_key_file(folder))
    except OSError:
        bound.close()
        raise
    return Listener(bound, files=(_key_file(folder),), key=key.encode("ascii"))


def _call_tcp(folder: Path, *, seconds: float) -> socket.socket:
    with open(_key_file(folder), encoding="ascii") as file:
        found = os.fstat(file.fileno())
        if hasattr(os, "geteuid") and (found.st_uid != os.geteuid() or found.st_mode & 0o077):
            raise PermissionError("others may have written the key")
        noted = json.load(file)
    if not isinstance(noted, dict) or not isinstance(noted.get("port"), int) or not isinstance(noted.get("key"), str):
        raise ValueError("not a port and a key")
    key = noted["key"].encode("utf-8", "surrogatepass")
    try:
        line = socket.create_connection((LOOPBACK, noted["port"]), timeout=seconds)
    except OverflowError as error:  # a port that is none
        raise ValueError(str(error)) from error
    try:
        nonce = _nonce()
        send_frame(line, pack_frame({"nonce": nonce}), seconds=seconds)
        heard = receive_frame(line, most_bytes=_PROOF_BYTES, seconds=seconds)
        _check_proof(key, "daemon", nonce, heard.get("proof"))
        send_frame(line, pack_frame({"proof": _proof(key, "asker", heard.get("nonce"))}), seconds=seconds)
    except BaseException:
        line.close()
        raise
    return line


def _nonce() -> str:
    import secrets

    return secrets.token_hex(32)


def _proof(key: bytes, side: str, nonce: object) -> str:
    import hmac

    if not isinstance(nonce, str):
        raise BrokenWire("no nonce")
    # The side is part of it, so that nobody can hand a proof back to where it came from.
    return hmac.new(key, f"{side} {nonce}".encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def _check_proof(key: bytes, side: str, nonce: str, proof: object) -> None:
    import hmac

    wanted = _proof(key, side, nonce).encode("ascii")
    if not isinstance(proof, str) or not hmac.compare_digest(proof.encode("utf-8", "surrogatepass"), wanted):
        raise BrokenWire("the other side does not know the key")
