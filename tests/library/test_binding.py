"""A library's model: let go of when idle, loaded again by whoever needs it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.library.test_library import HUES, picture
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder

# The same words embedded before and after, beside what the process holds; read from Linux, where it can be measured.
PROGRAM = """
import re, sys
from pathlib import Path
from vecclust.library.watched import WatchedLibrary

def resident_mb():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

with WatchedLibrary.open(sys.argv[1], flags={"model": "bundled"}) as library:
    import open_clip
    before_mb = resident_mb()
    answer = library.search("something red")
    loaded_mb = resident_mb()
    assert not library.let_go(idle_s=3600)
    assert library.let_go(idle_s=0)
    assert not library.let_go(idle_s=0)
    gone_mb = resident_mb()
    assert library.search("something red") == answer
    print(before_mb, loaded_mb, gone_mb)
"""


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with four photos of each of three colours."""
    for colour in HUES:
        (tmp_path / "album" / colour).mkdir(parents=True)
        for number in range(4):
            (tmp_path / "album" / colour / f"{number:02}.jpg").write_bytes(picture(colour, number))
    return tmp_path / "album"


def test_the_memory_of_an_idle_model_goes_back(tmp_path: Path, album: Path) -> None:
    """A good part of what loading the bundled model took; asked again, it gives the same answer."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not say what a process holds")
    flags = {"model": "bundled", "clusters.reducer": "none"}
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=flags) as library:
        library.scan([album])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "library")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    before_mb, loaded_mb, gone_mb = map(float, done.stdout.split())
    print(f"{before_mb:.0f} MB before, {loaded_mb:.0f} MB with the model, {gone_mb:.0f} MB after")
    # Half in one run on a busy machine; torch keeps buffers of its own.
    assert loaded_mb - gone_mb >= 0.25 * (loaded_mb - before_mb)


def test_what_was_handed_in_is_never_let_go(tmp_path: Path) -> None:
    """Nobody could load it again."""
    embedder = FakeEmbedder()
    with WatchedLibrary.open(tmp_path / "library", write=True, embedder=embedder) as library:
        assert not library.let_go(idle_s=0)
        assert library._model.embedder() is embedder


def test_decoding_processes_are_let_go_and_come_back(tmp_path: Path, album: Path) -> None:
    """Not before their time; the next photo is read and labelled as ever."""
    flags = {"clusters.reducer": "pca", "photos.decode_processes": 1}
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=flags, embedder=FakeEmbedder()) as library:
        library.remember([album])
        library.keep_warm()
        library.scan()
        pool = library._ingest._pool
        assert pool is not None
        assert pool.pids
        assert not library.let_go(idle_s=3600)
        assert library.let_go(idle_s=0)
        assert not pool.pids
        (album / "red" / "new.jpg").write_bytes(picture("red", 100))
        report = library.scan()
        assert (report.added, report.labelled) == (1, 1)


def test_threads_that_ask_while_it_is_let_go_get_one_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has it keeps it; whoever asks next has it loaded once, not once each."""
    loads: list[FakeEmbedder] = []

    def load(name: object, **wanted: object) -> FakeEmbedder:
        loads.append(FakeEmbedder())
        return loads[-1]

    monkeypatch.setattr("vecclust.embeddings.load", load)
    frame = np.zeros((1, 32, 32, 3), np.uint8)
    with WatchedLibrary.open(tmp_path / "library", write=True) as library:
        binding = library._model
        held = binding.embedder()
        assert binding.let_go(idle_s=0)
        vectors: list[bytes] = []

        def ask() -> None:
            vectors.extend(binding.embedder().embed_frames(frame).tobytes() for _ in range(50))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        n_let_go = sum(binding.let_go(idle_s=0) for _ in range(50))
        for thread in threads:
            thread.join()
        assert held.embed_frames(frame).tobytes() == vectors[0]
        assert len(vectors) == 200
        assert len(set(vectors)) == 1
        assert len(loads) <= 2 + n_let_go
