"""What this room needs of the library, as a protocol: tests and other stores can stand in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vecclust.types.clusters import ClusterName, ClusterRow, Label
from vecclust.types.constraints import Constraints
from vecclust.types.runs import Run
from vecclust.types.status import LibraryModel, LibraryState


class ClusteredStore(Protocol):
    """What this room needs of the library; `store.Store` is one."""

    def model(self) -> LibraryModel | None:
        """Give the model of the library's vectors."""

    def state(self) -> LibraryState:
        """Give the current run and the counters."""

    def photo_keys(self) -> frozenset[str]:
        """Give all content hashes."""

    def vectors(self, keys: Collection[str] | None = None) -> tuple[list[str], NDArray[np.float32]]:
        """Give content hashes, sorted, and their vectors (n, d); all photos, or those asked for."""

    def labels(self, run: str | None = None) -> Mapping[str, Label]:
        """Give the labels of a run as the owner wants them, of the current one where None."""

    def labelled(self, run: str | None = None) -> frozenset[str]:
        """Name the photos a run has labels of, the current one where None."""

    def run_labels(self, run: str | None = None) -> Mapping[str, Label]:
        """Give the labels of a run as it has them itself, of the current one where None."""

    def run_clusters(self, run: str | None = None) -> Sequence[ClusterRow]:
        """Give the clusters that a run has itself, the current one where None."""

    def splits(self) -> Mapping[str, str]:
        """Tell of which cluster each one was a part that broke off."""

    def constraints(self) -> Constraints:
        """Give what is in force of what the owner said."""

    def names(self) -> Mapping[str, ClusterName]:
        """Give the names of clusters."""

    def runs(self) -> Sequence[Run]:
        """Give the kept runs, oldest first."""

    def next_run(self) -> str:
        """Name the run that the next `commit_run` must carry."""

    def new_fit_folder(self, run: str) -> Path:
        """Make an empty folder for the arrays of a run that is not committed yet."""

    def fit_folder(self, run: str) -> Path:
        """Give the folder of a run's fitted arrays."""

    def commit_run(
        self, run: Run, *, clusters: Sequence[ClusterRow], labels: Sequence[Label], next_cluster: int
    ) -> None:
        """Make a run the current one, all of it at once."""

    def add_labels(self, labels: Sequence[Label], *, run: str) -> int:
        """Add labels of arrivals to a run that is still the current one, and say how many."""
