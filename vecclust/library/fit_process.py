"""A fit in a process of its own, of low priority, that only reads: whoever started it goes on meanwhile.

Both ends are here. `FitProcess` starts `python -m vecclust.library.fit_process`, which leaves in a folder how far it
is, what it found and why it refused; the one writer adopts the result. A process that fails or is killed leaves
nothing but that folder, which is thrown away; the earlier run stays in force. It ends when the pipe at its input does,
so it does not outlive whoever started it, however that went.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from vecclust.errors import StoreError, VecclustError, pack_error, unpack_error
from vecclust.types.runs import RefitKind, RefitReport

if TYPE_CHECKING:
    from vecclust.library.runs.fit_result import FitResult

# What the process leaves beside its result: a line for each step, what adopting would change, why it refused.
_PROGRESS, _PREVIEW, _REFUSAL = "progress", "preview.json", "refusal.json"
# Steps of one stage that follow each other faster than this are left out.
_STEP_EVERY_S = 0.1


class FitFailed(Exception):
    """The process ended without a result, or with one that is not whole.

    Args:
        message: how it ended.
        error: why, where it said so itself; None for a `StoreError` of that message.
    """

    def __init__(self, message: str, *, error: VecclustError | None = None) -> None:
        super().__init__(message)
        self.error = error or StoreError(f"a fit failed, the earlier run stays in force: {message}")


class FitProcess:
    """At most one fit under way, and what it found.

    Not for two threads at a time.

    Args:
        library: the library's directory.
        folder: where the process leaves what it finds, made for each fit and removed by `close`; None for a place in
            the library, which only its writer may use.
        nice: how much lower than this process's its priority is.

    Attributes:
        folder: where that is.
    """

    def __init__(self, library: Path, folder: Path | None = None, *, nice: int = 10) -> None:
        self._library = library
        self.folder = folder or library / "watch" / "fit"
        self._nice = nice
        self._child: subprocess.Popen[bytes] | None = None
        self._n_read = 0

    @property
    def pid(self) -> int | None:
        """The process under way; None before `start`, and once `poll` has seen its end."""
        return None if self._child is None else self._child.pid

    def start(self, params: Mapping[str, Any], *, kind: RefitKind | None = "full", preview: bool = False) -> None:
        """Begin a fit; the one before it is given up.

        Args:
            params: `FitParams.as_dict()`.
            kind: what kind of fit, None for the cheapest that will do; see `runs.fit_result.fit_photos`.
            preview: find out as well what adopting it would change.
        """
        self.close()
        self.folder.mkdir(mode=0o700, parents=True)
        self._n_read = 0
        request = {
            "library": str(self._library),
            "folder": str(self.folder),
            "params": dict(params),
            "kind": kind,
            "preview": preview,
            "nice": self._nice,
        }
        command = [sys.executable, "-m", "vecclust.library.fit_process", json.dumps(request)]
        # A process group of its own: Ctrl-C in a terminal goes to its parent alone, which ends it.
        with _signals_afterwards():
            self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0)

    def progress(self) -> list[tuple[str, int, int]]:
        """Give the steps that were taken since the last call: stage, done and total."""
        try:
            written = (self.folder / _PROGRESS).read_bytes()
        except OSError:
            return []
        fresh = written[self._n_read : written.rfind(b"\n") + 1]
        self._n_read += len(fresh)
        return [step for line in fresh.splitlines() if (step := _step_of(line)) is not None]

    def poll(self) -> bool:
        """Tell whether the fit has ended and its result is there; True once, when its end is seen.

        Raises:
            FitFailed: it has ended without one.
        """
        if self._child is None or self._child.poll() is None:
            return False
        status = self._child.returncode
        self._release_child()
        if status == 0:
            return True
        try:
            error = unpack_error(json.loads((self.folder / _REFUSAL).read_text(encoding="ascii")))
        except (OSError, ValueError):
            raise FitFailed(f"its process ended with {status}") from None
        finally:
            self.close()
        raise FitFailed(error.message, error=error)

    def result(self) -> FitResult:
        """Read what was found, any number of times until `close`.

        Raises:
            FitFailed: it is not whole.
        """
        from vecclust.library.runs.fit_result import load_fit_result

        try:
            return load_fit_result(self.folder)
        except StoreError as error:
            raise FitFailed(error.message, error=error) from error

    def preview(self) -> RefitReport:
        """Read what adopting the result would have changed when it was made, where `start` asked for it."""
        facts = json.loads((self.folder / _PREVIEW).read_text(encoding="ascii"))
        return RefitReport(**{**facts, "ended": tuple(facts["ended"])})

    def close(self) -> None:
        """End the process, if there is one, and throw away what it left: it only reads, so nothing is lost."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._release_child()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _release_child(self) -> None:
        """Let go of a process that has ended, and of our end of its pipe."""
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()
        self._child = None


@contextlib.contextmanager
def _signals_afterwards() -> Iterator[None]:
    """Have what signals raise wait until the block has ended: a process that it starts is known by then."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals raise in the main thread alone
        return
    struck: list[int] = []
    earlier: dict[int, Any] = {}
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            if callable(handler := signal.getsignal(number)):
                earlier[number] = handler
                signal.signal(number, lambda struck_by, _: struck.append(struck_by))
        yield
    finally:
        for caught, handler in earlier.items():
            signal.signal(caught, handler)
    for one in struck:
        signal.raise_signal(one)


class _ProgressLines:
    """Writes a line for each step: JSON of stage, done and total."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._stage, self._written_s = "", 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        now_s = time.monotonic()
        if stage == self._stage and done != total and now_s - self._written_s < _STEP_EVERY_S:
            return
        self._stage, self._written_s = stage, now_s
        self._file.write(json.dumps([stage, done, total]) + "\n")


def main(request: str) -> int:
    """Fit all photos of a library as the process of a `FitProcess`; the library is never written.

    Args:
        request: JSON as `FitProcess.start` makes it.

    Returns:
        The exit code; where it is not 0, the folder says why.
    """
    asked = json.loads(request)
    if hasattr(os, "nice"):
        os.nice(asked["nice"])
    from vecclust.clustering import FitParams
    from vecclust.library.runs.fit_result import fit_photos, save_fit_result
    from vecclust.library.runs.refit import adopt
    from vecclust.store import Store
    from vecclust.store.failures import translated

    folder = Path(asked["folder"])
    try:
        with (
            Store.open(asked["library"]) as store,
            open(folder / _PROGRESS, "w", encoding="ascii", buffering=1) as file,
        ):
            params = FitParams.from_dict(asked["params"])
            result = fit_photos(store, params, kind=asked["kind"], progress=_ProgressLines(file))
            if asked["preview"]:
                report = adopt(store, result, reason="", dry_run=True)
                (folder / _PREVIEW).write_text(json.dumps(asdict(report)), encoding="ascii")
            save_fit_result(result, folder)
    except (VecclustError, OSError) as reason:
        error = reason if isinstance(reason, VecclustError) else translated(reason, doing="fitting", place=folder)
        # A full disk may not hold the reason either; the exit status tells of a refusal all the same.
        with contextlib.suppress(OSError):
            (folder / _REFUSAL).write_text(json.dumps(pack_error(error)), encoding="ascii")
        return error.exit_code
    return 0


def _step_of(line: bytes) -> tuple[str, int, int] | None:
    """Read a line of progress; one that a full disk tore, or that is none, is left out."""
    try:
        stage, done, total = json.loads(line)
        return str(stage), int(done), int(total)
    except (ValueError, TypeError):
        return None


def _end_with_parent() -> None:
    """End this process when its input ends, however its parent went: SIGKILL leaves no orphan.

    Linux could signal it (PR_SET_PDEATHSIG), but that is tied to the thread that started it, not to the process.
    """

    def read() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1024):
                pass
        os._exit(1)

    threading.Thread(target=read, name="vecclust-orphaned", daemon=True).start()


if __name__ == "__main__":
    _end_with_parent()
    sys.exit(main(sys.argv[1]))
