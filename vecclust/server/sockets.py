"""The Unix socket of a library: whose processes may meet there.

It lies in a folder that nobody else may enter, and both sides look at whose process the other is where the system
tells. Where the library's file system has no sockets, or its path is too long for an address, it lies in the user's
runtime directory under a name that is made of the library's path.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vecclust.config import socket_files

# The shortest limit among systems is 104 bytes with the ending NUL (macOS, BSD); Linux has 108.
LONGEST_ADDRESS_BYTES = 103


class OwnerSocket(socket.socket):
    """A listening Unix socket that lets in nobody but the user whose process this is."""

    file: Path

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection.

        Raises:
            ConnectionAbortedError: the other side is another user's process; it was hung up on.
        """
        line, address = super().accept()
        try:
            check_owner(line)
        except PermissionError as error:
            line.close()
            raise ConnectionAbortedError(str(error)) from error
        return line, address

    def close(self) -> None:
        """Stop listening, and leave no file behind."""
        super().close()
        with contextlib.suppress(OSError):
            self.file.unlink(missing_ok=True)


def listen(library: Path) -> OwnerSocket:
    """Begin to listen; only for the library's one writer, for what an earlier one left is removed.

    Args:
        library: the library's directory.

    Returns:
        The socket.

    Raises:
        OSError: none can be had.
    """
    own, other = socket_files(library)
    try:
        return _listen_at(own)
    except PermissionError:
        raise  # the folder is somebody else's
    except OSError:
        return _listen_at(other)


def connect(library: Path, *, seconds: float) -> socket.socket:
    """Connect to who listens for a library.

    Args:
        library: the library's directory.
        seconds: longest time until it accepts, and of each later step.

    Returns:
        The connected socket.

    Raises:
        OSError: nobody listens, or another user does.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise OSError("there are no Unix sockets here")
    file = next((file for file in socket_files(library) if file.exists()), None)
    if file is None:
        raise FileNotFoundError(f"no server listens for {library}")
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.settimeout(seconds)
        with _address(file) as address:
            line.connect(address)
        check_owner(line)
    except BaseException:
        line.close()
        raise
    return line


def check_owner(line: socket.socket) -> None:
    """Make sure that the other side is a process of this user; believe it where the system does not tell.

    Args:
        line: a connected Unix socket.

    Raises:
        PermissionError: it is another user's.
    """
    if hasattr(socket, "SO_PEERCRED"):
        _, uid, _ = struct.unpack("3i", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
        if uid != os.geteuid():
            raise PermissionError(f"the other side belongs to user {uid}")


def _listen_at(file: Path) -> OwnerSocket:
    folder = file.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    folder.chmod(0o700)
    file.unlink(missing_ok=True)
    bound = OwnerSocket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.file = file
    try:
        with _address(file) as address:
            bound.bind(address)
        file.chmod(0o600)
        bound.listen()
    except OSError:
        bound.close()
        raise
    return bound


@contextmanager
def _address(file: Path) -> Iterator[bytes]:
    """Give an address of a socket that is short enough."""
    plain = os.fsencode(file)
    if len(plain) <= LONGEST_ADDRESS_BYTES:
        yield plain
        return
    opened = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        way = f"/proc/self/fd/{opened}"
        if not os.path.isdir(way):
            raise OSError(f"{file} is too long a path for a socket here")
        yield f"{way}/{file.name}".encode("ascii")
    finally:
        os.close(opened)
