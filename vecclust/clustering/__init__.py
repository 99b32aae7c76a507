"""Vectors to layout to labels, arrivals to labels, ids from run to run: arrays in, arrays out.

Alone knows umap, hdbscan, scikit-learn, scipy and numba. Refuses to know stores, photos, paths of pictures
and configuration. Importing this room is light: the libraries are imported by the functions that need them.
Invariants: the same rows in the same order, seed and parameters give the same labels; labels are (n,) int64
with -1 for noise; what a run keeps is arrays and JSON, never a pickle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vecclust.clustering.clusterers import group_within
from vecclust.clustering.comparison import agreement, figures_of_way, ways
from vecclust.clustering.figures import mean_strengths, medoids
from vecclust.clustering.fit import STAGES, Fit, fit
from vecclust.clustering.identity import Carried, ClusterChange, Known, match
from vecclust.clustering.naming import (
    ClusterWords,
    Kept,
    WordStatistics,
    name_clusters,
    score_clusters,
    score_words,
    word_statistics,
)
from vecclust.clustering.neighbours import limit_threads
from vecclust.clustering.novelty import largest_new_group
from vecclust.clustering.params import FitParams
from vecclust.clustering.places import find_places
from vecclust.clustering.prediction import Placement, Placer
from vecclust.clustering.related import related_clusters
from vecclust.clustering.state import STATE_FILES, FitState, load_state, save_state
from vecclust.clustering.warm_start import Earlier, refit_kind

if TYPE_CHECKING:
    from vecclust.clustering.estimator import VectorClusterer

__all__ = [
    "STAGES",
    "STATE_FILES",
    "Carried",
    "ClusterChange",
    "ClusterWords",
    "Earlier",
    "Fit",
    "FitParams",
    "FitState",
    "Kept",
    "Known",
    "Placement",
    "Placer",
    "VectorClusterer",
    "WordStatistics",
    "agreement",
    "figures_of_way",
    "find_places",
    "fit",
    "group_within",
    "largest_new_group",
    "limit_threads",
    "load_state",
    "match",
    "mean_strengths",
    "medoids",
    "name_clusters",
    "refit_kind",
    "related_clusters",
    "save_state",
    "score_clusters",
    "score_words",
    "ways",
    "word_statistics",
]


def __getattr__(name: str) -> Any:
    """Hand out the estimator, whose base classes are scikit-learn's, at first use."""
    if name == "VectorClusterer":
        from vecclust.clustering.estimator import VectorClusterer

        return VectorClusterer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
