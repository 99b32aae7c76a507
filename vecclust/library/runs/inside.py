"""What is inside a cluster: its photos grouped by themselves, in the layout of the run; nothing is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vecclust.library.runs.rows import load_fit
from vecclust.types.clusters import Label

if TYPE_CHECKING:
    from vecclust.store import Store


def look_inside(store: Store, run: str, members: Sequence[Label]) -> list[list[Label]]:
    """Group the photos of a cluster that the run was fitted on.

    Args:
        store: the library.
        run: the run.
        members: the cluster's photos, in any order.

    Returns:
        The groups, the largest first, each in the order of `members`; none where it is of one piece.

    Raises:
        DamagedRun: the run's arrays are missing or damaged; a refit mends it.
    """
    from vecclust.clustering import group_within

    state, fitted = load_fit(store.fit_folder(run))
    row_of = {photo: row for row, photo in enumerate(fitted.photos)}
    known = [label for label in members if label.photo in row_of]
    rows = np.array([row_of[label.photo] for label in known], np.int64)
    groups: dict[int, list[Label]] = {}
    for label, group in zip(known, group_within(state, rows).tolist(), strict=True):
        if group >= 0:
            groups.setdefault(group, []).append(label)
    return sorted(groups.values(), key=lambda group: -len(group))
