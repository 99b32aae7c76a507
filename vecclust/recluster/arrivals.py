"""Label what came after a fit: placed in the run's own space, never forced into a cluster."""

from __future__ import annotations

import numpy as np

from vecclust.errors import DamagedRun
from vecclust.recluster.needs import ClusteredStore
from vecclust.recluster.rows import load_rows
from vecclust.records import Label


def label_arrivals(store: ClusteredStore) -> int:
    """Give every photo without a label its place in the current run.

    Args:
        store: the library, open for writing.

    Returns:
        The number of photos labelled, noise counted in; 0 where there is no run.

    Raises:
        DamagedRun: the run's arrays are missing or damaged; a refit mends it.
    """
    run = store.state().current_run
    if run is None:
        return 0
    labelled = store.labels(run)
    arrivals = sorted(store.photo_keys() - labelled.keys())
    if not arrivals:
        return 0
    from vecclust.cluster import Placer, load_state

    state, fitted = load_state(store.fit_folder(run)), load_rows(store.fit_folder(run))
    if len(fitted.photos) != state.n_rows:
        raise DamagedRun(f"run {run} was fitted on {state.n_rows} photos but names {len(fitted.photos)}")
    photos, vectors = store.vectors()
    row_of = {photo: row for row, photo in enumerate(photos)}
    rows = np.array([row_of.get(photo, -1) for photo in fitted.photos], np.int64)
    present = rows >= 0
    fitted_vectors = np.where(present[:, None], vectors[rows], np.float32(0.0))
    placed = Placer(state, fitted_vectors, present=present).place(vectors[[row_of[photo] for photo in arrivals]])
    clusters = fitted.clusters
    new = [
        Label(photo, clusters[label] if label >= 0 else None, strength if label >= 0 else 0.0, "predict")
        for photo, label, strength in zip(arrivals, placed.labels.tolist(), placed.strengths.tolist(), strict=True)
    ]
    return store.add_labels(new, run=run)
