"""The server as a process: listens on loopback, says where, ends at once."""

from __future__ import annotations

import errno
import gc
import socket
from collections.abc import Callable

import uvicorn

from vecclust.errors import UsageError
from vecclust.library.library import Library
from vecclust.web.app import App
from vecclust.web.gate import Gate, Keys
from vecclust.web.opener import Opener

HOST = "127.0.0.1"
# For answers under way; streams end by themselves before.
_PATIENCE_S = 1


class Serving:
    """One server, listening already when it is made; connections wait until it runs.

    Args:
        library: open for reading.
        opener: opens it for writing, and in other processes.
        port: where to listen, 0 for any that is free.

    Raises:
        UsageError: the port is taken.
    """

    def __init__(self, library: Library, *, opener: Opener, port: int = 0) -> None:
        self._listener = _listening(port)
        self.port: int = self._listener.getsockname()[1]
        self._keys = Keys.fresh()
        self._app = App(library, opener=opener, is_ending=lambda: self._server.should_exit)
        config = uvicorn.Config(
            Gate(self._app.starlette(), port=self.port, keys=self._keys),
            http="h11",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="error",
            # A header that says who asks is nobody's to set here.
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_PATIENCE_S,
        )
        self._server = uvicorn.Server(config)

    @property
    def address(self) -> str:
        """The address with its key."""
        return f"http://{HOST}:{self.port}/?token={self._keys.token}"

    def run(self) -> None:
        """Answer until the end; in the main thread until SIGTERM or Ctrl-C too, which go on to who called."""
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._app.close()
            self._listener.close()

    def end(self) -> None:
        """Have it end soon; may be called from another thread."""
        self._server.should_exit = True


def serve(library: Library, *, opener: Opener, port: int, announce: Callable[[str], None]) -> None:
    """Serve the pages of a library until SIGTERM or Ctrl-C; call it in the main thread.

    Args:
        library: open for reading.
        opener: opens it for writing, and in other processes.
        port: where to listen, 0 for any that is free.
        announce: told the address with its key once it can be opened.

    Raises:
        UsageError: the port is taken.
    """
    serving = Serving(library, opener=opener, port=port)
    try:
        announce(serving.address)
        serving.run()
    finally:
        # Or the interpreter looks at every object of torch and lancedb once more before it ends: 1 s of 1.4.
        gc.freeze()


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            why = "is taken" if error.errno == errno.EADDRINUSE else "is not yours to use"
            raise UsageError(f"port {port} {why}", hint="Name another with --port, or none for any.") from error
        raise
    return listener
