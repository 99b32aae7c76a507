"""One pass over files: what it asks of the model and the store, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from vecclust.config import StoreConfig
from vecclust.library.ingest.plan import ReadJob
from vecclust.library.ingest.work import Outcome, Work
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.types.files import FileRow, SeenFile
from vecclust.types.photos import DecodedPhoto, PhotoRow
from vecclust.types.progress import no_progress


class PlainDecoder:
    """Gives every file a frame of its own."""

    def decode_ahead(
        self, jobs: Iterable[tuple[SeenFile, frozenset[str]]], ahead: int
    ) -> Iterator[tuple[SeenFile, Outcome]]:
        """Decode as files are taken."""
        framing = FakeEmbedder().framing
        for number, (seen, _) in enumerate(jobs):
            frame = np.full((framing.height_px, framing.width_px, 3), number % 256, np.uint8)
            yield seen, DecodedPhoto(f"{number:064x}", frame, 8, 8, b"", None, None)


class NotingStore:
    """Notes what is committed."""

    def __init__(self) -> None:
        self.commits: list[tuple[str, int]] = []

    def add_photos(self, rows: Sequence[PhotoRow], *, model_id: str) -> int:
        """Note them, and whose vectors they have: another model may become the library's before they are written."""
        assert model_id == FakeEmbedder().model_id
        self.commits.append(("photos", len(rows)))
        return len(rows)

    def put_files(self, rows: Sequence[FileRow]) -> None:
        """Note them."""
        self.commits.append(("files", len(rows)))

    def note_unread(self, n_files: int) -> None:
        """Do nothing."""

    def maintain(self) -> None:
        """Do nothing."""


def jobs(n: int) -> list[ReadJob]:
    """Make new files."""
    return [ReadJob(SeenFile("/p", f"{i:04}.jpg", 1, 1, 1, i, 1), None) for i in range(n)]


def test_the_model_is_asked_for_by_the_batch_not_by_the_photo() -> None:
    """Each asking holds the model against the library's tables, which costs as much as embedding a photo."""
    asked: list[int] = []
    embedder = FakeEmbedder()

    def source() -> FakeEmbedder:
        asked.append(1)
        return embedder

    store, n_photos = NotingStore(), 10 * embedder.batch_size
    work = Work(
        store, embedder=source, clock=FakeClock(0), known_by_size={}, pace=StoreConfig(commit_photos=5 * n_photos)
    )
    work.run(jobs(n_photos), PlainDecoder(), progress=no_progress)
    assert len(asked) <= 11
    assert store.commits == [("photos", n_photos), ("files", n_photos)]
