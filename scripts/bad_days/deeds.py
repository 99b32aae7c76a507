"""What a process of the owner's does to a library: one deed each, with a model that sees colours."""

from __future__ import annotations

import functools
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import PhotoError, VecclustError
from vecclust.testing import FakeClock, FakeEmbedder

HUES = {"red": (210, 30, 30), "green": (40, 170, 50), "blue": (30, 50, 210), "yellow": (235, 225, 40)}
_OTHER_DIM = 20
_TURN = np.linalg.qr(np.random.default_rng(5).standard_normal((32, 32)))[0][:, :_OTHER_DIM].astype(np.float32)
# What a process that prepares another model is ended by, where photos keep coming.
_TRIES = 3


class TurnedEmbedder(FakeEmbedder):
    """The same colours in another space, of another width."""

    def __init__(self) -> None:
        super().__init__(model_id="fake/turned@111111111111", batch_size=4)
        self.dim = _OTHER_DIM

    def embed_frames(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed frames."""
        turned = super().embed_frames(frames) @ _TURN
        unit: NDArray[np.float32] = (turned / np.linalg.norm(turned, axis=1, keepdims=True)).astype(np.float32)
        return unit

    def embed_each(self, frames: NDArray[np.uint8]) -> list[NDArray[np.float32] | PhotoError]:
        """Embed frames, each for itself."""
        return list(self.embed_frames(frames))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed words."""
        turned = super().embed_texts(texts) @ _TURN
        unit: NDArray[np.float32] = (turned / np.linalg.norm(turned, axis=1, keepdims=True)).astype(np.float32)
        return unit


def embedder_of(name: str) -> FakeEmbedder:
    """Give a model by its name.

    Args:
        name: `fake/colours` or `fake/turned`.
    """
    return TurnedEmbedder() if name == "fake/turned" else FakeEmbedder()


@contextmanager
def opened(library: Path, *, write: bool, ahead_s: float = 0.0) -> Iterator[Any]:
    """Open the library with the model that it has, and a clock that may be wrong.

    Args:
        library: its folder.
        write: to write.
        ahead_s: how far its clock is ahead.
    """
    from vecclust.library.watched import WatchedLibrary

    flags = {"clusters.reducer": "pca", "photos.settle_s": 0.0, "photos.settle_polled_s": 0.0}
    flags |= {"photos.decode_processes": 1, "watch.nice": 0, "store.keep_runs": 3}
    clock = FakeClock(time.time_ns() + int((3600 + ahead_s) * 1e9))
    with WatchedLibrary.open(library, write=write, flags=flags, clock=clock) as made:
        bound = made._store.model()
        made._embedder = embedder_of("" if bound is None else bound.name)
        vars(made)["_load_other"] = embedder_of
        yield made


def act(name: str, library: Path, album: Path, *, seed: int, ahead_s: float) -> int:
    """Do one thing, as one process of the owner would, to its exit code; what is printed has been acknowledged.

    Args:
        name: of the deed.
        library: its folder.
        album: the photos' folder.
        seed: of what is chosen.
        ahead_s: how far the clock is ahead.
    """
    from vecclust.cli.app import run

    def do() -> None:
        chance = random.Random(seed)
        if name == "daemon":
            from vecclust.daemon.serve import serve

            serve(functools.partial(_opened_to_stay, library), [album])
        elif name in OUTSIDE:
            OUTSIDE[name](library, album, chance)
        else:
            with opened(library, write=name not in READING, ahead_s=ahead_s) as made:
                DEEDS[name](made, album, chance)

    return run(do, wants_json=False)


def _opened_to_stay(library: Path) -> Any:
    return opened(library, write=True)


def scan(made: Any, album: Path, chance: random.Random) -> None:
    """Bring the library in step."""
    made.scan([album])


def recluster(made: Any, album: Path, chance: random.Random) -> None:
    """Fit from nothing."""
    made.recluster()


def light(made: Any, album: Path, chance: random.Random) -> None:
    """Fit from what there is."""
    made.recluster(kind="light")


def name(made: Any, album: Path, chance: random.Random) -> None:
    """Name clusters of one colour by it, where none is named so yet."""
    taken = {given.name for given in made._store.names().values()}
    for cluster, hues in hues_of(made).items():
        hue, n = hues.most_common(1)[0]
        if hue not in taken and n == hues.total() and cluster not in made._store.names():
            print(f"naming {hue} {cluster}", flush=True)
            made.rename(cluster, hue)
            print(f"named {hue} {cluster}", flush=True)
            taken.add(hue)


def edit(made: Any, album: Path, chance: random.Random) -> None:
    """Pin a photo where it is."""
    from vecclust.types.edits import EditRequest

    paths = sorted(row.absolute for row in made._store.files(state="ready"))
    if paths and made._store.state().current_run:
        made.edit(EditRequest("pin", photos=(chance.choice(paths),)))


def undo(made: Any, album: Path, chance: random.Random) -> None:
    """Take back an edit that is no name."""
    from vecclust.types.edits import EditRequest

    edits = [one.edit for one in made.edits() if one.kind != "rename"]
    if edits:
        made.edit(EditRequest("take-back", edits=(chance.choice(edits),)))


def maintain(made: Any, album: Path, chance: random.Random) -> None:
    """Compact everything and let go of old commits."""
    for table in made._store._all_tables():
        if made._store._tables.has(table):
            made._store._tables.optimize(table)
    made._store.maintain()


def rollback(made: Any, album: Path, chance: random.Random) -> None:
    """Go back to a run that is kept."""
    runs = made._store.restorable_runs()
    if runs:
        made.rollback(chance.choice(runs))


def prune(made: Any, album: Path, chance: random.Random) -> None:
    """Let go of what is missing, as its owner says."""
    if (album / "kept.txt").exists():
        made.scan([album], prune=True)


def migrate(made: Any, album: Path, chance: random.Random) -> None:
    """Give the library its other model, or go on with that, or go back to the one before."""
    bound = made._store.model()
    other = "fake/colours" if bound is not None and bound.name == "fake/turned" else "fake/turned"
    for _ in range(_TRIES):
        report = made.prepare_model(other)
        if report.missing:
            return
        with opened(made.folder, write=True) as writer:
            if writer.switch_model(back=report.back).switched:
                return


def stop_migration(made: Any, album: Path, chance: random.Random) -> None:
    """Throw away what was prepared of another model."""
    made.stop_migration()


def drop_old(made: Any, album: Path, chance: random.Random) -> None:
    """Let go of the vectors of the model before."""
    made.drop_former_model()


def ask(made: Any, album: Path, chance: random.Random) -> None:
    """Ask questions whose right answer is known."""
    made.status(), made.clusters(), made.runs(), made.edits(), made.kept_folders(), made.problems()
    store = made._store
    with store.snapshot():
        keys, vectors = store.vectors()
        files = store.files_of(keys)
        photo = chance.choice(keys) if keys else ""
        if photo not in files:
            return
        hits = store.search(vectors[keys.index(photo)], limit=5)
    hues = {hue_of(files[key][0].path) for key, _ in hits if key in files}
    if hues != {hue_of(files[photo][0].path)}:
        raise AssertionError(f"like {files[photo][0].path}: {hues}")


def doctor(library: Path, album: Path, chance: random.Random) -> None:
    """Look after the library and mend it."""
    _command(library, "doctor", *(["--repair"] if chance.random() < 0.8 else ["--deep"]))


def backup(library: Path, album: Path, chance: random.Random) -> None:
    """Copy the library."""
    file = library.parent.parent / f"backup-{chance.randrange(10**9)}.tar"
    print(f"backing {file}", flush=True)
    _command(library, "backup", str(file))


def restore(library: Path, album: Path, chance: random.Random) -> None:
    """Bring back the newest copy of the whole library."""
    files = sorted(library.parent.parent.glob("backup-*.tar"), key=os.path.getmtime)
    if files:
        print(f"restoring {files[-1]}", flush=True)
        _command(library, "restore", str(files[-1]))
        print(f"restored {files[-1]}", flush=True)


def restore_day(library: Path, album: Path, chance: random.Random) -> None:
    """Add what one of the small copies of a day says."""
    files = sorted((library / "backups").glob("*")) if (library / "backups").is_dir() else []
    if files:
        _command(library, "restore", str(chance.choice(files)))


def _command(library: Path, *words: str) -> None:
    """Run a command of the command line in this process."""
    from vecclust.cli.app import app

    code = app(args=["--library", str(library), *words], standalone_mode=False)
    if code:
        raise _Refused(code)


class _Refused(VecclustError):
    """A command ended with an exit code and has said why."""

    def __init__(self, code: int) -> None:
        super().__init__("see above")
        self.exit_code = code  # type: ignore[misc]


_Deed = Callable[[Any, Path, random.Random], None]
DEEDS: dict[str, _Deed] = {
    deed.__name__: deed
    for deed in (
        *(scan, recluster, light, name, edit, undo, maintain, rollback, prune),
        *(migrate, stop_migration, drop_old, ask),
    )
}
# These take no writer's lock, or take it for themselves.
READING = frozenset({"migrate", "stop_migration", "ask"})
OUTSIDE: dict[str, Callable[[Path, Path, random.Random], None]] = {
    deed.__name__: deed for deed in (doctor, backup, restore, restore_day)
}


def hue_of(path: str) -> str:
    """Read the colour of a photo off its name.

    Args:
        path: its file.
    """
    return os.path.basename(path).split("-")[0]


def hues_of(made: Any) -> dict[str, Counter[str]]:
    """Count the colours of every cluster's photos, whose files may be away.

    Args:
        made: the library.
    """
    store = made._store
    files = store.files_of(store.photo_keys())
    found: dict[str, Counter[str]] = {}
    for label in store.labels().values():
        if label.cluster is not None and label.photo in files:
            found.setdefault(label.cluster, Counter())[hue_of(files[label.photo][0].path)] += 1
    return found


def read_facts(file: Path) -> dict[str, Any]:
    """Read what must hold.

    Args:
        file: as a world wrote it down.
    """
    facts: dict[str, Any] = json.loads(file.read_text())
    return facts
