"""The live pages as a process: listens on loopback, says where, ends at once."""

from __future__ import annotations

import errno
import gc
import socket
from collections.abc import Callable

from vecclust.errors import UsageError
from vecclust.library.watched import WatchedLibrary
from vecclust.server.access import AccessControl, Keys
from vecclust.server.serving import Server
from vecclust.web.app import App
from vecclust.web.opener import LibraryOpener

HOST = "127.0.0.1"


class WebServer:
    """The pages of one library, listening already when it is made; connections wait until it runs.

    Args:
        library: open for reading.
        opener: opens it for writing, and in other processes.
        port: where to listen, 0 for any that is free.

    Raises:
        UsageError: the port is taken.
    """

    def __init__(self, library: WatchedLibrary, *, opener: LibraryOpener, port: int = 0) -> None:
        listener = _listening(port)
        self.port: int = listener.getsockname()[1]
        self._keys = Keys.fresh()
        self._app = App(library, opener=opener, is_ending=lambda: self._server.is_ending)
        self._server = Server(AccessControl(self._app.starlette(), port=self.port, keys=self._keys), listener)

    @property
    def address(self) -> str:
        """The address with its key."""
        return f"http://{HOST}:{self.port}/?token={self._keys.token}"

    def run(self) -> None:
        """Answer until the end; in the main thread until SIGTERM or Ctrl-C too, which go on to who called."""
        try:
            self._server.run()
        finally:
            self._app.close()

    def end(self) -> None:
        """Have it end soon; may be called from another thread."""
        self._server.end()


def serve(library: WatchedLibrary, *, opener: LibraryOpener, port: int, announce: Callable[[str], None]) -> None:
    """Serve the pages of a library until SIGTERM or Ctrl-C; call it in the main thread.

    Args:
        library: open for reading.
        opener: opens it for writing, and in other processes.
        port: where to listen, 0 for any that is free.
        announce: told the address with its key once it can be opened.

    Raises:
        UsageError: the port is taken.
    """
    server = WebServer(library, opener=opener, port=port)
    try:
        announce(server.address)
        server.run()
    finally:
        # Or the interpreter looks at every object of torch and lancedb once more before it ends: 1 s of 1.4.
        gc.freeze()


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            why = "is taken" if error.errno == errno.EADDRINUSE else "is not yours to use"
            raise UsageError(f"port {port} {why}", hint="Name another with --port, or none for any.") from error
        raise
