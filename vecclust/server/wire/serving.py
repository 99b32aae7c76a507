"""The daemon's side: a thread for each asker, few at a time, none of which can harm the daemon or hold it up.

It knows how to hear a question and to send the outcome; what the answer is, it is told. Who is slow, silent or speaks
something else is hung up on.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from vecclust.errors import VecclustError, pack_error
from vecclust.server.wire.asking import (
    ANSWER_BYTES,
    GREETING_BYTES,
    GREETING_S,
    QUESTION_BYTES,
    SILENCE_S,
    Declined,
    greeting,
)
from vecclust.server.wire.frames import BrokenWire, pack_frame, receive_frame, send_frame
from vecclust.server.wire.meeting import Listener

log = logging.getLogger(__name__)

# More at once are turned away, and do without the daemon.
MOST_LINES = 16
# When no more descriptors are to be had, the queue of the system is left alone for so long.
REFUSED_PAUSE_S = 1.0

Word = Mapping[str, Any]
Tell = Callable[[Word], None]


class Server:
    """Serves askers until closed.

    Args:
        listener: where they come in; closed with the server.
        answer: gives the answer to a question. It may tell the asker words meanwhile, which is a `BrokenWire` once
            nobody listens; a `Declined` or a `VecclustError` is handed over. Called by several threads at once.
        greeting_s: longest time until an asker has asked, in seconds.
    """

    def __init__(
        self,
        listener: Listener,
        answer: Callable[[Word, Tell], Word],
        *,
        greeting_s: float = GREETING_S,
    ) -> None:
        self._listener = listener
        self._answer = answer
        self._greeting_s = greeting_s
        self._lock = threading.Lock()
        self._lines: dict[threading.Thread, socket.socket] = {}
        self._closing, self._closed = socket.socketpair()
        self._is_closed = False
        self._door = threading.Thread(target=self._listen, name="vecclust-desk", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._door.start()

    def close(self, *, seconds: float = 2.0) -> bool:
        """Turn everybody away, and wait for the threads; one that is deep in a model ends with the process.

        Args:
            seconds: longest wait.

        Returns:
            Whether all of them have ended.
        """
        until_s = time.monotonic() + seconds
        with self._lock:
            self._is_closed = True
            threads = list(self._lines)
            for line in self._lines.values():
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
        self._closing.close()
        if self._door.is_alive():
            self._door.join(seconds)
        self._listener.close()
        self._closed.close()
        for thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _listen(self) -> None:
        self._listener.socket.setblocking(False)
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._closed, selectors.EVENT_READ)
            waiting.register(self._listener.socket, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in waiting.select()}
                if self._closed in ready:
                    return
                try:
                    line, _ = self._listener.socket.accept()
                except (BlockingIOError, ConnectionError):
                    continue
                except OSError as error:
                    log.warning("an asker could not be let in: %s", error)
                    time.sleep(REFUSED_PAUSE_S)
                    continue
                self._let_in(line)

    def _let_in(self, line: socket.socket) -> None:
        thread = threading.Thread(target=self._serve, args=(line,), name="vecclust-asker", daemon=True)
        with self._lock:
            full = self._is_closed or len(self._lines) >= MOST_LINES
            if not full:
                self._lines[thread] = line
        if full:
            line.close()
            return
        try:
            thread.start()
        except RuntimeError as error:  # no more threads
            log.warning("an asker could not be let in: %s", error)
            self._forget(thread)
            line.close()

    def _serve(self, line: socket.socket) -> None:
        try:
            with line:
                line.setblocking(True)
                question = self._hear(line)
                if question is not None:
                    send_frame(line, self._outcome(line, question), seconds=SILENCE_S)
        except BrokenWire as error:
            log.debug("an asker went away: %s", error)
        except Exception:
            log.exception("an asker was not served")
        finally:
            self._forget(threading.current_thread())

    def _hear(self, line: socket.socket) -> Word | None:
        """Let an asker in and hear the question; None for one of another version, who is told so."""
        self._listener.admit(line, seconds=self._greeting_s)
        heard = receive_frame(line, most_bytes=GREETING_BYTES, seconds=self._greeting_s)
        send_frame(line, pack_frame(greeting()), seconds=self._greeting_s)
        if heard != greeting():
            return None
        return receive_frame(line, most_bytes=QUESTION_BYTES, seconds=self._greeting_s)

    def _outcome(self, line: socket.socket, question: Word) -> bytes:
        def tell(word: Word) -> None:
            send_frame(line, pack_frame(word), seconds=self._greeting_s)

        try:
            frame = pack_frame({"answer": self._answer(question, tell)})
            return frame if len(frame) <= ANSWER_BYTES else pack_frame({"declined": "the answer is too long"})
        except Declined as declined:
            return pack_frame({"declined": str(declined)})
        except VecclustError as error:
            return pack_frame({"error": pack_error(error)})
        except BrokenWire:
            raise
        except Exception:
            # A defect here is none of the asker's, who can do without.
            log.exception("a question could not be answered")
            return pack_frame({"declined": "it could not be answered"})

    def _forget(self, thread: threading.Thread) -> None:
        with self._lock:
            self._lines.pop(thread, None)
