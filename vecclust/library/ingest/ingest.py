"""Scans of one library: bring the library in step with its folders, then have what came labelled.

Knows which folders are kept and how to look at them once, or again and again; what a label is is `runs`'s affair.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vecclust.config import Config
from vecclust.errors import UsageError
from vecclust.library.ingest.drives import Remembered
from vecclust.library.ingest.plan import wait_of
from vecclust.library.ingest.scan import LOOK_PAUSE_S, Scan, ScanRequest
from vecclust.library.ingest.settling import SettleTimes, wait_s
from vecclust.library.opening import Clock, absolute_folder, decode_limits
from vecclust.library.timeline.found import find_timeline_of
from vecclust.photos import DecodePool
from vecclust.types.files import FileRow, ScanReport, place_of
from vecclust.types.progress import Progress

if TYPE_CHECKING:
    from vecclust.embeddings import Embedder
    from vecclust.library.model import ModelBinding
    from vecclust.library.runs.runs import Runs
    from vecclust.store import Store


class Ingest:
    """Scans of one library.

    Args:
        store: its tables, open for writing but for dry runs.
        config: the settings.
        model: its model.
        runs: labels what came.
        clock: the time.
    """

    def __init__(self, store: Store, *, config: Config, model: ModelBinding, runs: Runs, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._model = model
        self._runs = runs
        self._clock = clock
        self._pool: DecodePool | None = None
        self._keeps_pool = False
        self._processes = 0
        self._read_s = time.monotonic()
        self._remembered = Remembered()

    def close(self) -> None:
        """End the decoding processes."""
        if self._pool is not None:
            self._pool.close()

    def keep_warm(self, *, processes: int = 0) -> None:
        """Keep decoding processes up between scans, until closed.

        Args:
            processes: how many where no setting says so; 0 for one per core.
        """
        self._keeps_pool = True
        self._processes = processes

    def let_go(self, *, idle_s: float) -> bool:
        """End the decoding processes that were kept up, if no photo was read lately; the next one starts new ones.

        Args:
            idle_s: seconds for which none may have been read; 0 for now.

        Returns:
            Whether there were any.
        """
        if self._pool is None or time.monotonic() - self._read_s < idle_s:
            return False
        self._pool.close()
        self._pool = None
        return True

    def scan(self, folders: Iterable[Path | str], *, dry_run: bool, prune: bool, progress: Progress) -> ScanReport:
        """Look at everything, label what came, fit the first run when there are enough; see `Library.scan`.

        Args:
            folders: folders to keep from now on and to scan; those kept already where empty.
            dry_run: say what would be done, change nothing.
            prune: remove photos whose files are missing now.
            progress: told about files read and stages fitted.

        Returns:
            What was found and done.

        Raises:
            UsageError: no folder was ever given, or one is no folder or not there and was never kept.
        """
        asked = self._named(folders)
        if not asked and not self._store.roots():
            raise UsageError("no folder to scan", hint="Name one, it is remembered: vecclust scan ~/Photos.")
        self._model.check_asked()
        return self._scan(ScanRequest(folders=asked, dry_run=dry_run, prune=prune), progress)

    def retry(self, progress: Progress) -> ScanReport:
        """Read the files that could not be read again now.

        Args:
            progress: told about files read and stages fitted.

        Returns:
            What was found and done.
        """
        return self._scan(ScanRequest(retry_all=True), progress)

    def remember(self, folders: Iterable[Path | str]) -> tuple[str, ...]:
        """Keep folders without looking at them yet.

        Args:
            folders: may be none.

        Returns:
            All that are kept, as absolute paths.

        Raises:
            UsageError: no folder was ever given, or one is no folder or not there and was never kept.
        """
        self._scanner().remember(self._named(folders))
        kept = self.folders()
        if not kept:
            raise UsageError("no folder to watch", hint="Name one, it is remembered: vecclust watch ~/Photos.")
        self._model.check_asked()
        return kept

    def catch_up(self, paths: Collection[str] | None, *, more: bool, progress: Progress) -> ScanReport:
        """Look as one who looks again soon: nothing is waited for that is still being written.

        Args:
            paths: absolute paths, to look at these alone; None for everything, with one commit of new photos at most.
            more: whether the caller has more to look at, so that a first fit waits.
            progress: told about files read and stages fitted.

        Returns:
            What was found and done; `left` names what was not read yet.
        """
        scanner = self._scanner()
        if paths is None:
            # Who keeps a library open for months finds out as early as who opens it.
            self._store.mend()
            request = ScanRequest(patient=False, at_most=self._config.store.commit_photos)
            report = scanner.run(request, progress=progress)
        else:
            report = scanner.run_paths(paths, progress=progress)
        return self._finish(report, progress, more=more or bool(report.left))

    def _named(self, folders: Iterable[Path | str]) -> tuple[str, ...]:
        kept = self.folders()
        return tuple(absolute_folder(folder, kept=kept) for folder in folders)

    def folders(self) -> tuple[str, ...]:
        """Give the folders that are kept, as absolute paths."""
        return tuple(root.path for root in self._store.roots())

    def later(self) -> dict[str, float]:
        """Give the files that ask for another look, and in how many seconds each."""
        now_ns = self._clock.now_ns()
        times = SettleTimes(self._config.photos.settle_s, self._config.photos.settle_polled_s)
        roots = {root.path: root for root in self._store.roots()}

        def is_there(row: FileRow) -> bool:
            root = roots.get(row.root)
            return not row.missing_since_ns and (root is None or place_of(row.path, root.places) not in root.held)

        found = {
            row.absolute: max(LOOK_PAUSE_S, wait_s(row, times, now_ns=now_ns))
            for row in self._store.files(state="waiting")
            if is_there(row)
        }
        for row in self._store.files(state="problem"):
            if (wait_ns := wait_of(row, now_ns=now_ns)) is not None and is_there(row):
                found[row.absolute] = wait_ns / 1e9
        return found

    def _scan(self, request: ScanRequest, progress: Progress) -> ScanReport:
        report = self._scanner().run(request, progress=progress)
        if request.dry_run:
            return report
        self._store.drop_dangling()
        report = self._finish(report, progress)
        find_timeline_of(self._store)
        return report

    def _finish(self, report: ScanReport, progress: Progress, *, more: bool = False) -> ScanReport:
        """Label what came and tidy up; a first fit waits until there is no more to read."""
        mended, self._store.mended = self._store.mended, ()
        before = self._store.state().current_run
        if more and before is None:
            labelled, run = 0, None
        else:
            labelled, run = self._runs.label(progress)
        progress("tidying", 0, 1)
        self._store.maintain()
        progress("tidying", 1, 1)
        return dataclasses.replace(report, labelled=labelled, run=run, fitted=run != before, mended=mended)

    def _scanner(self) -> Scan:
        return Scan(
            self._store,
            config=self._config,
            decoder=self._decoder,
            embedder=self._embedder,
            clock=self._clock,
            remembered=self._remembered,
        )

    def _embedder(self, n_files: int) -> Embedder:
        return self._model.embedder(n_pictures=self._few(n_files))

    def _few(self, n_files: int) -> int | None:
        """Give how many files are all that will be read; whoever stays has the model loaded for those to come."""
        return None if self._keeps_pool else n_files

    @contextmanager
    def _decoder(self, n_files: int) -> Iterator[DecodePool]:
        if not self._keeps_pool:
            with self._new_pool(n_files) as pool:
                yield pool
            return
        if self._pool is None:
            self._pool = self._new_pool(n_files)
        try:
            yield self._pool
        finally:
            self._read_s = time.monotonic()

    def _new_pool(self, n_files: int) -> DecodePool:
        return DecodePool(
            self._model.bound(n_pictures=self._few(n_files)).framing,
            limits=decode_limits(self._config),
            processes=self._config.photos.decode_processes or self._processes or None,
        )
