"""Label what came after a fit: placed in the run's own space, never forced into a cluster."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

import numpy as np

from vecclust.library.runs.rows import FittedRows, load_fit
from vecclust.types.clusters import Label

if TYPE_CHECKING:
    from vecclust.clustering import Placement, Placer
    from vecclust.store import Store


class Labeller:
    """Labels arrivals.

    Args:
        often: whether small batches will come again and again, so that the run's arrays are kept between calls:
            reading them costs more than placing a few. See `Placer` too.
    """

    def __init__(self, *, often: bool = False) -> None:
        self._often = often
        self._key: tuple[str, frozenset[str]] | None = None
        self._warm: tuple[Placer, FittedRows] | None = None
        self._photos: frozenset[str] = frozenset()

    def let_go(self) -> None:
        """Let go of the arrays that were kept; the next arrival reads them again."""
        self._warm = None

    def label(self, store: Store) -> int:
        """Give every photo without a label its place in the current run.

        Args:
            store: the library, open for writing.

        Returns:
            The number of photos labelled, those without a cluster counted in; 0 where there is no run.

        Raises:
            DamagedRun: the run's arrays are missing or damaged; a refit mends it.
        """
        run = store.state().current_run
        if run is None:
            return 0
        keys = store.photo_keys()
        arrivals = sorted(keys - store.labelled(run))
        if not arrivals:
            return 0
        placer, fitted = self._placer(store, run, keys)
        photos, vectors = store.vectors(arrivals)
        placed = placer.place(vectors)
        return store.add_labels(_labels(photos, placed, clusters=fitted.clusters), run=run)

    def _placer(self, store: Store, run: str, keys: Set[str]) -> tuple[Placer, FittedRows]:
        """Give what places into a run, made anew where the run is another or some of its photos went away."""
        if self._warm is not None and self._key == (run, self._photos - keys):
            return self._warm
        from vecclust.clustering import Placer

        state, fitted = load_fit(store.fit_folder(run))
        photos, vectors = store.vectors()
        row_of = {photo: row for row, photo in enumerate(photos)}
        rows = np.array([row_of.get(photo, -1) for photo in fitted.photos], np.int64)
        present = rows >= 0
        fitted_vectors = np.where(present[:, None], vectors[rows], np.float32(0.0))
        made = Placer(state, fitted_vectors, present=present, often=self._often), fitted
        if self._often:
            self._warm, self._photos = made, frozenset(fitted.photos)
            self._key = run, self._photos - keys
        return made


def _labels(photos: Sequence[str], placed: Placement, *, clusters: Sequence[str]) -> list[Label]:
    """Put down where arrivals were placed."""
    rows = zip(photos, placed.labels, placed.strengths, placed.novelty, placed.newcomer, strict=True)
    return [
        Label(
            photo,
            cluster=clusters[label] if label >= 0 else None,
            strength=float(strength) if label >= 0 else 0.0,
            assigned_by="predict",
            novelty=float(novelty),
            newcomer=bool(newcomer),
        )
        for photo, label, strength, novelty, newcomer in rows
    ]
