"""What months may bring, in minutes: killed fifty times over an import, and asleep while thousands of photos come."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.test_library import HUES, picture
from vecclust import Library, photos
from vecclust.errors import NotFound
from vecclust.testing import FakeEmbedder

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_S = 540.0
FLAGS = [
    'clusters.reducer="pca"', "photos.settle_s=0.1", "photos.decode_processes=1", "watch.refit_least=40",
    "watch.refit_quiet_s=0", "watch.refit_pause_s=0", "store.commit_photos=8", "watch.nice=0",
]  # fmt: skip


@contextmanager
def daemon(library: Path, *arguments: str, journal: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a daemon that notes every frame it embeds; what still runs at the end is killed."""
    command = [sys.executable, "-m", "tests.daemon.watching", str(library), *arguments, *FLAGS]
    environment = {**os.environ, "TEST_JOURNAL": str(journal)}
    child = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        if child.stderr is not None:
            child.stderr.close()


def folder_of(album: Path, library: Library) -> dict[str, str]:
    """Give the content of every photo file there is."""
    seen = photos.walk(album, library.rules).files
    return {file.absolute: photos.read_content(file, file_bytes=10**9).photo for file in seen}


def until_in_step(child: subprocess.Popen[str], library: Path, album: Path) -> None:
    """Wait until the library, read from outside, equals the folder and every photo has its label."""
    deadline = time.monotonic() + DEADLINE_S
    with Library.open(library, embedder=FakeEmbedder()) as opened:
        wanted = folder_of(album, opened)
        while True:
            assert child.poll() is None, f"the daemon ended: {child.communicate()[1]}"
            assert time.monotonic() < deadline, "it never came to it"
            store = opened._store
            rows = {row.absolute: row.photo for row in store.files() if not row.missing_since_ns}
            if rows == wanted and set(wanted.values()) <= set(store.labels()):
                return
            time.sleep(0.5)


def kept_photos(library: Path) -> set[str]:
    """Name the photos that are committed, each of which must stand once."""
    try:
        with Library.open(library, embedder=FakeEmbedder()) as opened:
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
    committed: list[tuple[int, set[str]]] = []
    for round_ in range(50):
        change(album, round_, dice)
        with daemon(library, str(album), journal=journal) as child:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=dice.uniform(0.2, 5.0))
                pytest.fail(f"the daemon ended by itself: {child.communicate()[1]}")
            child.kill()
            child.wait()
        n_embedded = len(journal.read_text().splitlines()) if journal.exists() else 0
        committed.append((n_embedded, kept_photos(library)))
    with daemon(library, str(album), journal=journal) as child:
        until_in_step(child, library, album)
        child.terminate()
        assert child.wait(60) == 0
    assert any(photos_ for _, photos_ in committed[:-1]), "nothing was ever committed between two kills"
    embedder = FakeEmbedder()
    with Library.open(library, write=True, embedder=embedder, flags={"clusters.reducer": "pca"}) as opened:
        opened.scan(prune=True)
        store, wanted = opened._store, folder_of(album, opened)
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
        again = Counter(embedded[n_before:]).keys() & {frames[photo] for photo in known if photo in frames}
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
        (album / colour).mkdir(parents=True)
        for number in range(8):
            (album / colour / f"{number}.jpg").write_bytes(picture(colour, number))
    with daemon(library, str(album), journal=tmp_path / "journal") as child:
        wait_for_library(child, library)
        until_in_step(child, library, album)
        child.send_signal(signal.SIGSTOP)
        whole = picture("blue", 0)
        for number in range(20_000):
            # What follows the end marker is not decoded: 20,000 distinct contents without 20,000 encodings.
            (album / "blue" / f"n{number:05}.jpg").write_bytes(whole + number.to_bytes(4, "big"))
        child.send_signal(signal.SIGCONT)
        until_in_step(child, library, album)
        child.terminate()
        assert child.wait(60) == 0


def wait_for_library(child: subprocess.Popen[str], library: Path) -> None:
    """Wait until there is a library to read."""
    deadline = time.monotonic() + DEADLINE_S
    while not (library / "watch" / "state.json").exists():
        assert child.poll() is None, f"the daemon ended: {child.communicate()[1]}"
        assert time.monotonic() < deadline
        time.sleep(0.1)
