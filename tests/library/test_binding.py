"""A library's model: let go of when idle, loaded again by whoever needs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.library.test_library import HUES, picture
from vecclust import Library
from vecclust.daemon.backend import DaemonBackend
from vecclust.daemon.jobs import JobQueue
from vecclust.embeddings.pictures import MOST_PICTURES
from vecclust.errors import ModelMismatch
from vecclust.library.watched import WatchedLibrary
from vecclust.server.app import Question
from vecclust.server.verbs import VERBS
from vecclust.testing import FakeEmbedder, make_tiny_model

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


# Words, and a photo that the library knows.
LIGHT = """
import sys
from vecclust import Library

with Library.open(sys.argv[1], flags={"model": "bundled"}) as library:
    library.similar(library.search("something red").results[0].path)
print(*[name for name in ("torch", "open_clip", "timm") if name in sys.modules])
"""


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with four photos of each of three colours."""
    for colour in HUES:
        (tmp_path / "album" / colour).mkdir(parents=True)
        for number in range(4):
            (tmp_path / "album" / colour / f"{number:02}.jpg").write_bytes(picture(colour, number))
    return tmp_path / "album"


@pytest.fixture
def tiny_models(tmp_path: Path) -> tuple[Path, Path]:
    """Two models of random weights that have the same shape."""
    return make_tiny_model(tmp_path / "model"), make_tiny_model(tmp_path / "other", seed=1)


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


def test_words_and_known_photos_need_no_torch(tmp_path: Path, album: Path) -> None:
    """Its import alone costs more than the rest of the question."""
    flags = {"model": "bundled", "clusters.reducer": "none"}
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=flags) as library:
        library.scan([album])
    program = [sys.executable, "-c", LIGHT, str(tmp_path / "library")]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_words_of_another_model_are_refused(tiny_models: tuple[Path, Path], tmp_path: Path, album: Path) -> None:
    """Weights that were replaced since: their words have nothing to do with the library's vectors."""
    model, other = tiny_models
    flags = {"model": f"local-dir:{model}", "clusters.reducer": "none"}
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=flags) as library:
        library.scan([album])
        assert library.search("something red").results
    shutil.copytree(other, model, dirs_exist_ok=True)
    with WatchedLibrary.open(tmp_path / "library") as library, pytest.raises(ModelMismatch):
        library.search("something red")


def test_the_daemons_words_need_no_picture_model(tmp_path: Path, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Askers share the text side; the whole model is loaded for pictures alone."""
    flags = {"model": "bundled", "clusters.reducer": "none"}
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=flags) as library:
        library.scan([album])
        expected = library.search("something red")
    monkeypatch.setattr("vecclust.embeddings.load", lambda *_, **__: pytest.fail("the whole model was loaded"))
    with WatchedLibrary.open(tmp_path / "library") as library:
        backend = DaemonBackend(library, JobQueue())
        asked = Question(VERBS["search"], {"text": "something red"}, None)
        assert backend.read(asked) == expected
        backend.close()


def heavy_after_scan(library: Path, folder: Path, *, model: Path, precision: str = "auto") -> set[str]:
    """Scan a folder in a process of its own; give what of the vendors it imported.

    Args:
        library: the library's directory.
        folder: the photos.
        model: the folder of the model.
        precision: of its weights.
    """
    flags = {"model": f"local-dir:{model}", "embed.precision": precision}
    done = subprocess.run(
        [sys.executable, "-c", FIRST, str(library), str(folder), json.dumps(flags)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


# A scan, and a question with a picture that the library does not know.
FIRST = """
import json, sys
from vecclust import Library

library, folder, flags = sys.argv[1:]
with Library.open(library, write=True, flags=json.loads(flags)) as opened:
    report = opened.scan([folder])
    assert report.new_photos, report
    opened.similar(folder + "/../asked.jpg")
print(*[name for name in ("torch", "open_clip", "timm") if name in sys.modules])
"""


def test_few_photos_come_in_without_torch(tmp_path: Path, tiny_models: tuple[Path, Path]) -> None:
    """As many as cost less without it; more, or a precision that is asked for, take the model itself."""
    (tmp_path / "asked.jpg").write_bytes(picture("red", 99))
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(MOST_PICTURES):
        (folder / f"{number:02}.jpg").write_bytes(picture("blue", number))
    library = tmp_path / "library"
    assert heavy_after_scan(library, folder, model=tiny_models[0]) == set()
    assert "torch" in heavy_after_scan(tmp_path / "exact", folder, model=tiny_models[0], precision="float32")
    with Library.open(library) as few, Library.open(tmp_path / "exact") as exact:
        vectors = [
            np.stack([one._store.vector(key) for key in sorted(one._store.photo_keys())]) for one in (few, exact)
        ]
    assert np.abs(vectors[0] - vectors[1]).max() < 1e-5
    for number in range(MOST_PICTURES + 1):
        (folder / f"more{number:02}.jpg").write_bytes(picture("green", number))
    assert "torch" in heavy_after_scan(library, folder, model=tiny_models[0])


def test_another_model_is_refused_before_few_photos_too(
    tmp_path: Path, tiny_models: tuple[Path, Path], album: Path
) -> None:
    """Weights that were exchanged under the library give other vectors."""
    flags = {"model": f"local-dir:{tiny_models[0]}"}
    first = tmp_path / "first"
    first.mkdir()
    (first / "one.jpg").write_bytes(picture("red", 1))
    with Library.open(tmp_path / "library", write=True, flags=flags) as library:
        library.scan([first])
    weights = "open_clip_model.safetensors"
    (tiny_models[0] / weights).write_bytes((tiny_models[1] / weights).read_bytes())
    (first / "two.jpg").write_bytes(picture("red", 2))
    with Library.open(tmp_path / "library", write=True, flags=flags) as library, pytest.raises(ModelMismatch):
        library.scan()
