"""What months may bring, in minutes: killed fifty times over an import, and asleep while thousands of photos come."""

from __future__ import annotations

import hashlib
import random
import signal
import time
from pathlib import Path

import pytest

from tests.daemon.processes import Process, folder_of, put, rows_of
from tests.library.test_library import HUES, picture
from vecclust import photos
from vecclust.errors import NotFound
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder

DEADLINE_S = 540.0
FLAGS = [
    'clusters.reducer="pca"', "photos.settle_s=0.1", "photos.decode_processes=1", "watch.refit_least=40",
    "watch.refit_quiet_s=0", "watch.refit_pause_s=0", "store.commit_photos=8",
    # Only what is noticed may save it, not the look that time brings anyway.
    "watch.interval_s=3600", "watch.canary_s=3600",
]  # fmt: skip


def until_in_step(process: Process, album: Path) -> None:
    """Wait until the library equals the folder and every photo has its label."""
    wanted = folder_of(album)

    def in_step(library: WatchedLibrary) -> bool:
        return rows_of(library) == wanted and set(wanted.values()) <= set(library._store.labels())

    process.until(in_step, deadline_s=DEADLINE_S, look_every_s=0.5)


def start_s(place: Path) -> float:
    """Measure how long a daemon takes here and now until it watches: half a second, on a busy machine several."""
    (place / "album").mkdir(parents=True)
    began_s = time.monotonic()
    with Process(place / "library", str(place / "album"), *FLAGS) as process:
        process.until(lambda opened: opened.status().daemon.doing == "watching")
    return time.monotonic() - began_s


def kept_photos(library: Path) -> set[str]:
    """Name the photos that are committed, each of which must stand once."""
    try:
        with WatchedLibrary.open(library, embedder=FakeEmbedder()) as opened:
            keys, _ = opened._store.vectors()
    except NotFound:
        return set()
    assert len(keys) == len(set(keys)), "a photo stands twice"
    return set(keys)


def change(album: Path, round_: int, dice: random.Random) -> None:
    """Do what a phone and its owner do: new photos, one moved, one overwritten."""
    for number in range(10):
        colour = dice.choice(list(HUES))
        (album / colour).mkdir(parents=True, exist_ok=True)
        (album / colour / f"{round_:03}-{number}.jpg").write_bytes(picture(colour, 1000 + round_ * 10 + number))
    files = sorted(album.rglob("*.jpg"))
    moved, overwritten = dice.sample(files, 2)
    moved.rename(album / f"moved-{round_}.jpg")
    overwritten.write_bytes(picture("red", 90_000 + round_))


@pytest.mark.slow
def test_killed_fifty_times_over_an_import_it_holds_what_the_folder_holds(tmp_path: Path) -> None:
    """SIGKILL at random moments: no photo lost, none twice, none embedded again once committed, labels of one run."""
    album, library, journal = tmp_path / "album", tmp_path / "library", tmp_path / "journal"
    album.mkdir()
    dice = random.Random(20_261_124)
    # Some are killed while they start, more while they read.
    longest_s = max(1.5, 1.8 * start_s(tmp_path / "measured"))
    committed: list[tuple[int, set[str]]] = []
    for round_ in range(50):
        change(album, round_, dice)
        with Process(library, str(album), *FLAGS, TEST_JOURNAL=str(journal)) as process:
            process.lives_on(dice.uniform(0.2, longest_s))
        n_embedded = len(journal.read_text().splitlines()) if journal.exists() else 0
        committed.append((n_embedded, kept_photos(library)))
    with Process(library, str(album), *FLAGS, TEST_JOURNAL=str(journal)) as process:
        until_in_step(process, album)
        assert process.end()[0] == 0
    assert any(photos_ for _, photos_ in committed[:-1]), "nothing was ever committed between two kills"
    embedder = FakeEmbedder()
    with WatchedLibrary.open(library, write=True, embedder=embedder, flags={"clusters.reducer": "pca"}) as opened:
        opened.scan(prune=True)
        store, wanted = opened._store, folder_of(album)
        assert (embedder.n_frames_embedded, store.photo_keys()) == (0, set(wanted.values()))
        assert {row.absolute: row.photo for row in store.files()} == wanted
        assert set(store.labels()) == store.photo_keys()
        assert {label.cluster for label in store.labels().values()} - {None} <= {
            row.cluster for row in store.clusters()
        }
    frames = {photo: frame_of(path) for path, photo in wanted.items()}
    embedded = journal.read_text().splitlines()
    assert set(frames.values()) <= set(embedded)
    for n_before, known in committed:
        again = set(embedded[n_before:]) & {frames[photo] for photo in known if photo in frames}
        assert not again, "a committed photo was embedded again"


def frame_of(path: str) -> str:
    """Name what the model is shown of a file."""
    frame = photos.read_photo(path, FakeEmbedder().framing, limits=photos.DecodeLimits(), inline=True).frame
    return hashlib.sha256(frame.tobytes()).hexdigest()


@pytest.mark.slow
def test_twenty_thousand_photos_that_came_while_it_slept_are_all_found(tmp_path: Path) -> None:
    """Stopped by SIGSTOP while more comes than the kernel's queue of events holds: none is missed."""
    album, library = tmp_path / "album", tmp_path / "library"
    for colour in HUES:
        put(album, colour, range(8))
    # An import is read and labelled commit by commit: 2,500 commits of 8 photos take half an hour on a busy machine.
    with Process(library, str(album), *FLAGS, "store.commit_photos=256") as process:
        until_in_step(process, album)
        process.until(lambda opened: opened.status().daemon.doing == "watching")
        process.child.send_signal(signal.SIGSTOP)
        whole = picture("blue", 0)
        for number in range(20_000):
            # What follows the end marker is not decoded: distinct contents without as many encodings. What is to be
            # found is files, and a photo may have many.
            (album / "blue" / f"n{number:05}.jpg").write_bytes(whole + (number % 500).to_bytes(4, "big"))
        process.child.send_signal(signal.SIGCONT)
        until_in_step(process, album)
        assert process.end()[0] == 0
