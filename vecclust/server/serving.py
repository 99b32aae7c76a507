"""A server on a listening socket: uvicorn, bounded in what it holds and how long it waits for whoever is silent."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

log = logging.getLogger(__name__)

# Longest time until a request has begun and its headers are here, and between two on one connection.
SILENT_S = 5
# For answers under way at the end.
END_S = 1
# Connections, the silent ones among them; the next is told that it is too many.
MOST_CONNECTIONS = 64


class _Impatient(H11Protocol):
    """Hangs up on who has connected and sends no request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(SILENT_S, self._hang_up_on_silence)

    def _hang_up_on_silence(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


class Server:
    """One application on one socket.

    Args:
        app: the application.
        listener: listening already; connections wait until the server runs. Closed with it.
    """

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self._listener = listener
        self._thread: threading.Thread | None = None
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=_Impatient,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="error",
            # A header that says who asks is nobody's to set here.
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_keep_alive=SILENT_S,
            timeout_graceful_shutdown=END_S,
        )
        self._server = uvicorn.Server(config)

    @property
    def is_ending(self) -> bool:
        """Whether it is about to end."""
        return self._server.should_exit

    def run(self) -> None:
        """Answer until the end; in the main thread until SIGTERM or Ctrl-C too, which go on to who called."""
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._listener.close()

    def start(self) -> None:
        """Answer in a thread of its own, until `close`."""
        self._thread = threading.Thread(target=self.run, name="vecclust-server", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Have it end soon; may be called from another thread."""
        self._server.should_exit = True

    def close(self, *, seconds: float = 2 * END_S) -> bool:
        """End a server that was started, and wait for it.

        Args:
            seconds: longest wait.

        Returns:
            Whether it has ended.
        """
        self.end()
        if self._thread is None:
            self._listener.close()
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()
