"""Read, embed and commit a list of files, keeping the model busy and every batch whole.

Decoding runs ahead in other processes; this side takes results in order, embeds them in batches and commits photos
before the rows of their files. A failure costs one photo and is recorded with its reason and its next try.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.config import StoreConfig
from vecclust.errors import PhotoError, Unfinished, Unreachable, Vanished
from vecclust.library.ingest.plan import ReadJob, file_row, next_try_ns
from vecclust.photos import KnownPhoto
from vecclust.types.files import FileRow
from vecclust.types.photos import DecodedPhoto, PhotoRow
from vecclust.types.progress import Progress

if TYPE_CHECKING:
    from vecclust.embeddings import Embedder
    from vecclust.library.opening import Clock
    from vecclust.photos import DecodePool
    from vecclust.store import Store

log = logging.getLogger(__name__)

# Each commit leaves small fragments; a long import tidies up on its way, so that questions stay quick meanwhile.
COMMITS_BETWEEN_UPKEEP = 64
# A scan waits this long for a file of odd end; one that needs more quiet is left to a later scan.
PATIENCE_S = 10.0
# Files decoded ahead of the model: enough that it never waits, few enough that memory stays flat.
N_AHEAD = 64

Outcome = DecodedPhoto | KnownPhoto | PhotoError


@dataclass(slots=True)
class Done:
    """What came of the jobs.

    Attributes:
        ready: job and photo of every file whose photo has a row now.
        failed: rows of the files that could not be read.
        n_damaged: those of `ready` that are damaged.
        embedded: photos whose rows are new.
        pending: files that are still being written.
        left: files that were left unread, for a scan that reads no more than so many.
    """

    ready: list[tuple[ReadJob, str]] = field(default_factory=list)
    failed: list[FileRow] = field(default_factory=list)
    n_damaged: int = 0
    embedded: int = 0
    pending: list[ReadJob] = field(default_factory=list)
    left: list[ReadJob] = field(default_factory=list)


def is_fresh(job: ReadJob) -> bool:
    """Tell whether a file that is yet to be read has no row that counts it among those that wait.

    Args:
        job: the file.
    """
    return job.before is None or job.before.state != "waiting"


@contextmanager
def committing(commit: Callable[[], object]) -> Iterator[None]:
    """Commit at the end, and also when interrupted; not after an error, whose state is not to be trusted.

    Args:
        commit: writes what is ready.
    """
    try:
        yield
    except Exception:
        raise
    except BaseException:
        commit()
        raise
    commit()


class Work:
    """One pass over a list of jobs.

    Args:
        store: where rows go.
        embedder: gives the model at first need.
        clock: the time.
        known_by_size: photos already in the library by the length of their files.
        pace: when to commit.
        n_unread: files that are yet to be read, the fresh ones among the jobs included; see `is_fresh`.
    """

    def __init__(
        self,
        store: Store,
        *,
        embedder: Callable[[], Embedder],
        clock: Clock,
        known_by_size: Mapping[int, frozenset[str]],
        pace: StoreConfig,
        n_unread: int = 0,
    ) -> None:
        self._store = store
        self._n_unread, self._n_read = n_unread, 0
        self._embedder = embedder
        self._clock = clock
        self._by_size = known_by_size
        self._known: set[str] = set().union(*known_by_size.values()) if known_by_size else set()
        self._pace = pace
        self._batch_size = 0
        self._model_id = ""
        self._n_queued = 0
        self._queue: dict[str, tuple[DecodedPhoto, list[ReadJob]]] = {}
        self._photo_rows: list[PhotoRow] = []
        self._file_rows: list[FileRow] = []
        self._committed_ns = clock.now_ns()
        self._n_commits = 0
        self.done = Done()

    def run(
        self, jobs: Sequence[ReadJob], decoder: DecodePool, *, progress: Progress, again: bool = False
    ) -> list[ReadJob]:
        """Bring every job to its end; interrupted, commit what is ready and go.

        Args:
            jobs: the files.
            decoder: reads them ahead.
            progress: told after every file how many are done: one that waits for its batch is not.
            again: whether the caller will look again at files that only need some more quiet.

        Returns:
            Jobs to look at again; none unless `again`.
        """
        doubtful: list[ReadJob] = []
        order = deque(jobs)
        asked = ((job.seen, self._by_size.get(job.seen.size_bytes, frozenset())) for job in jobs)
        progress("photos", 0, len(jobs))
        self._store.note_unread(self._n_unread)
        with committing(self._commit):
            for number, (_, outcome) in enumerate(decoder.decode_ahead(asked, N_AHEAD), start=1):
                job = order.popleft()
                if again and isinstance(outcome, Unfinished) and 0 < outcome.quiet_s <= PATIENCE_S:
                    doubtful.append(job)
                else:
                    self._take(job, outcome, progress)
                self._commit_if_due()
                progress("photos", number - self._n_queued, len(jobs))
            self._embed_queue()
            progress("photos", len(jobs), len(jobs))
        return doubtful

    def _take(self, job: ReadJob, outcome: Outcome, progress: Progress) -> None:
        if isinstance(outcome, Vanished):
            return
        if isinstance(outcome, PhotoError):
            self._fail(job, outcome)
        elif outcome.photo in self._known:
            self._ready(job, outcome)
        elif isinstance(outcome, KnownPhoto):
            raise AssertionError(f"decoder knows {outcome.photo}, the library does not")
        elif outcome.photo in self._queue:
            self._queue[outcome.photo][1].append(job)
            self._n_queued += 1
        else:
            self._queue[outcome.photo] = (outcome, [job])
            self._n_queued += 1
            # Asked once: the answer is held against the library's tables each time, a millisecond for each photo.
            if not self._batch_size:
                progress("loading", 0, 1)
                self._batch_size = self._embedder().batch_size
            if len(self._queue) >= self._batch_size:
                self._embed_queue()

    def _embed_queue(self) -> None:
        if not self._queue:
            return
        waiting = list(self._queue.values())
        frames = np.stack([decoded.frame for decoded, _ in waiting])
        embedder = self._embedder()
        self._model_id = embedder.model_id
        vectors = embedder.embed_each(frames)
        self._queue.clear()
        self._n_queued = 0
        for (decoded, jobs), vector in zip(waiting, vectors, strict=True):
            if isinstance(vector, PhotoError):
                for job in jobs:
                    self._fail(job, vector)
                continue
            self._photo_rows.append(self._photo_row(decoded, vector, jobs[0]))
            self._known.add(decoded.photo)
            for job in jobs:
                self._ready(job, decoded)

    def _photo_row(self, decoded: DecodedPhoto, vector: NDArray[np.float32], job: ReadJob) -> PhotoRow:
        return PhotoRow(
            photo=decoded.photo,
            vector=vector,
            width_px=decoded.width_px,
            height_px=decoded.height_px,
            size_bytes=job.seen.size_bytes,
            taken=decoded.taken,
            place=decoded.place,
            added_ns=self._clock.now_ns(),
            thumbnail=decoded.thumbnail,
            camera=decoded.camera,
        )

    def _ready(self, job: ReadJob, found: DecodedPhoto | KnownPhoto) -> None:
        row = file_row(job.seen, photo=found.photo)
        if found.damaged:
            log.info("%r is damaged: %s", job.seen.absolute, found.damaged)
            row = dataclasses.replace(row, state="damaged", reason=found.damaged)
            self.done.n_damaged += 1
        self._add_row(job, row)
        self.done.ready.append((job, found.photo))

    def _add_row(self, job: ReadJob, row: FileRow) -> None:
        self._file_rows.append(row)
        self._n_read += is_fresh(job)

    def _fail(self, job: ReadJob, error: PhotoError) -> None:
        before = job.before
        attempts = 1 + (before.attempts if before is not None and before.mtime_ns == job.seen.mtime_ns else 0)
        row = dataclasses.replace(
            file_row(job.seen, photo=before.photo if before is not None else None),
            state="problem",
            attempts=attempts,
            next_try_ns=next_try_ns(attempts, now_ns=self._clock.now_ns(), forever=isinstance(error, Unreachable)),
            reason=error.message,
        )
        log.info("cannot read %r: %s", job.seen.absolute, error.message)
        self._add_row(job, row)
        self.done.failed.append(row)

    def _commit_if_due(self) -> None:
        waited_s = (self._clock.now_ns() - self._committed_ns) / 1e9
        most = self._pace.commit_photos
        full = len(self._photo_rows) >= most or len(self._file_rows) >= 8 * most
        if full or (waited_s >= self._pace.commit_s and (self._photo_rows or self._file_rows)):
            self._commit()

    def _commit(self) -> None:
        """Write photos, then the files that hold them: killed in between, the next scan only hashes them again."""
        if self._photo_rows:
            self.done.embedded += self._store.add_photos(self._photo_rows, model_id=self._model_id)
            self._photo_rows = []
        if self._file_rows:
            self._store.put_files(self._file_rows)
            self._file_rows = []
            self._n_unread, self._n_read = self._n_unread - self._n_read, 0
            self._store.note_unread(self._n_unread)
            self._n_commits += 1
            if self._n_commits % COMMITS_BETWEEN_UPKEEP == 0:
                self._store.maintain()
        self._committed_ns = self._clock.now_ns()
