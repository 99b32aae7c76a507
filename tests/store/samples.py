"""Made-up photos, labels and runs for the tests of the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vecclust.store import Store, StoreSettings
from vecclust.types.clusters import ClusterRow, Label
from vecclust.types.photos import Framing, PhotoRow, Taken
from vecclust.types.runs import Run
from vecclust.types.status import LibraryModel

DIM = 16
MODEL_ID = "tiny/1"
MODEL = LibraryModel("tiny", MODEL_ID, DIM, Framing(32, 32))
# Syncing is most of what a small commit costs; the tests of syncing ask for it.
FAST = StoreSettings(durable=False, lock_wait_s=0.0)


def photo_key(number: int) -> str:
    """Name the photo of a number."""
    return hashlib.sha256(f"photo {number}".encode()).hexdigest()


def unit_vectors(n: int, *, seed: int = 0, dim: int = DIM) -> NDArray[np.float32]:
    """Draw n vectors of norm 1."""
    drawn = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    vectors: NDArray[np.float32] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return vectors


def photo_rows(n: int, *, first: int = 0, dim: int = DIM) -> list[PhotoRow]:
    """Make n photos, one taken each day from the first of 2020 on."""
    vectors = unit_vectors(n, seed=first + 1, dim=dim)
    return [
        PhotoRow(
            photo=photo_key(first + at),
            vector=vectors[at],
            width_px=40,
            height_px=30,
            size_bytes=1000 + first + at,
            taken=Taken(datetime(2020, 1, 1) + timedelta(days=first + at), "original"),
            place=None,
            added_ns=1,
            thumbnail=b"jpeg %d" % (first + at),
        )
        for at in range(n)
    ]


def new_library(folder: Path, *, n_photos: int = 0, settings: StoreSettings = FAST) -> Store:
    """Make a library with some photos, open for writing."""
    store = Store.open(folder, write=True, create=True, settings=settings)
    store.bind_model(MODEL)
    store.add_photos(photo_rows(n_photos))
    return store


def commit_sample_run(store: Store, *, clusters: Sequence[str] = ("c1", "c2")) -> str:
    """Fit all photos of a library into the clusters by turns, the first photo being noise, as its next run."""
    run = store.next_run()
    photos = sorted(store.photo_keys())
    labels = [
        Label(photo, clusters[at % len(clusters)] if at else None, 0.5 if at else 0.0, "fit")
        for at, photo in enumerate(photos)
    ]
    rows = [ClusterRow(run, cluster, 1, next(iter(photos), ""), 0.5, "born") for cluster in clusters]
    (store.new_fit_folder(run) / "layout.npy").write_bytes(run.encode())
    highest = max(int(cluster[1:]) for cluster in clusters) + 1
    store.commit_run(
        Run(run, 1, MODEL_ID, {"seed": 1}, len(photos), len(clusters), 1),
        clusters=rows,
        labels=labels,
        next_cluster=max(highest, store.state().next_cluster),
    )
    return run
