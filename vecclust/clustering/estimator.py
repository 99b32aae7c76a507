"""The fits of this room in scikit-learn's manner: arrays in, labels out, no library of photos behind it.

Knows scikit-learn's conventions. Refuses to know more than `fit`, `Placer` and `match`, which do the work. Imports
scikit-learn as it is imported; the package hands the class out at first use.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from vecclust.clustering.arrays import Float32s, Int64s
from vecclust.clustering.fit import Fit, fit
from vecclust.clustering.identity import Known, match
from vecclust.clustering.params import Clusterer, FitParams, Granularity, Reducer
from vecclust.clustering.prediction import Placer
from vecclust.clustering.warm_start import Earlier, refit_kind


class VectorClusterer(ClusterMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Clusters vectors by their directions, labels what comes later, and keeps its labels when it is fitted again.

    `fit` begins anew. `partial_fit` adds rows and fits old and new ones together, at a fraction of the cost: the
    neighbour graph is brought up to date and the layout goes on from where it was (every 21st time it is laid out from
    nothing). A label keeps its meaning: new clusters are matched to earlier ones by their rows, a number is never used
    for another cluster, so numbers may be missing. All rows are kept, 4 bytes a number, for that and for `predict`.

    Rows count by their direction alone, as vectors of embedding models do: each is scaled to norm 1 first, and a row
    of zeros, which has none, is refused. Rows in another order may give other labels (UMAP works through them in turn).

    scikit-learn's own checks (`check_estimator`) hold but for `check_estimators_dtypes`, which asks for rows of zeros,
    and for `check_clustering`, which expects as many clusters as `n_clusters` says also of `hdbscan`, which finds its
    own.
    `predict` may answer -1 even where all rows of the fit were clustered: it never forces a row into a cluster.

    Args:
        reducer: `umap`, `pca` or `none`.
        n_neighbors: neighbours per row in the graph, by which rows are linked and laid out, 2 to 200; 0 for 30.
        n_components: dimensions of the layout, 1 to 50.
        clusterer: `hdbscan`, `kmeans` or `agglomerative`.
        min_cluster_size: smallest cluster, at least 2; 0 for 5, for fewer than 40 rows 3 to 5.
        min_samples: neighbours that make a row dense in HDBSCAN's tree, at least 1; 0 for 5.
        n_clusters: clusters of kmeans and agglomerative, at least 1; 0 for automatic.
        granularity: `coarse`, `auto`, `fine`, or `kept` for that of the fit before.
        random_state: seed of everything random, 0 to 2**32 - 1.

    Attributes:
        labels_: (n,) int64 cluster of every row seen, in the order they came; -1 for noise.
        probabilities_: (n,) float32 strength of each in [0, 1], 0 for noise.
        embedding_: (n, n_components) float32 layout.
        fit_: the last fit, see `Fit`; its own labels are not matched.
        n_features_in_: width of the rows.
    """

    def __init__(
        self,
        *,
        reducer: Reducer = "umap",
        n_neighbors: int = 0,
        n_components: int = 5,
        clusterer: Clusterer = "hdbscan",
        min_cluster_size: int = 0,
        min_samples: int = 0,
        n_clusters: int = 0,
        granularity: Granularity = "kept",
        random_state: int = 42,
    ) -> None:
        self.reducer = reducer
        self.n_neighbors = n_neighbors
        self.n_components = n_components
        self.clusterer = clusterer
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.n_clusters = n_clusters
        self.granularity = granularity
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Cluster rows from nothing.

        Args:
            X: (n, d) numbers, finite, no row all zeros.
            y: ignored.

        Raises:
            ValueError: X or a parameter is not what it must be.
        """
        vectors = self._vectors(X, reset=True)
        self._known, self._n_continued = Known(), 0
        return self._take(vectors, fit(vectors, self._params()))

    def partial_fit(self, X: ArrayLike, y: None = None) -> Self:
        """Add rows, and cluster all rows seen; the same as `fit` where there are none yet.

        Args:
            X: (n, d) numbers, finite, no row all zeros.
            y: ignored.

        Raises:
            ValueError: X or a parameter is not what it must be, or X has another width than before.
        """
        if not hasattr(self, "fit_"):
            return self.fit(X)
        vectors = np.vstack([self._rows, self._vectors(X, reset=False)])
        rows = np.where(np.arange(len(vectors)) < len(self._rows), np.arange(len(vectors)), -1)
        found = fit(
            vectors,
            self._params(),
            earlier=Earlier(self.fit_.state, rows.astype(np.int64)),
            kind=refit_kind("continued", n_continued=self._n_continued, n_light=0, share_new=0.0),
        )
        self._n_continued = self._n_continued + 1 if found.kind == "continued" else 0
        return self._take(vectors, found)

    def predict(self, X: ArrayLike) -> Int64s:
        """Give rows the cluster they would belong to; nothing is learnt from them.

        Args:
            X: (m, d) numbers, finite, no row all zeros.

        Returns:
            (m,) int64, -1 for what lies between clusters and what is of a kind never seen. Each row by itself.

        Raises:
            ValueError: X is not what it must be, or has another width than the fit.
        """
        check_is_fitted(self)
        labels: Int64s = self._numbers[self._placer.place(self._vectors(X, reset=False)).labels]
        return labels

    def _params(self) -> FitParams:
        asked = self.get_params(deep=False)
        return FitParams(seed=asked.pop("random_state"), **asked)

    def _vectors(self, X: ArrayLike, *, reset: bool) -> Float32s:
        rows = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32])
        # Squares of the largest numbers overflow.
        largest = np.abs(rows).max(axis=1, keepdims=True)
        if (largest == 0).any():
            raise ValueError(f"row {int(np.argmin(largest))} is all zeros and has no direction")
        rows = rows / largest
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def _take(self, vectors: Float32s, found: Fit) -> Self:
        """Keep a fit, its labels matched to those before."""
        carried = match([f"{row:012}" for row in range(len(vectors))], found.labels, known=self._known)
        numbers = {label: int(cluster[1:]) - 1 for label, cluster in carried.ids.items()}
        # The last one is that of noise.
        self._numbers = np.array([numbers.get(label, -1) for label in range(len(numbers))] + [-1], np.int64)
        self.labels_ = self._numbers[found.labels]
        self.probabilities_ = found.strengths
        self.embedding_ = found.positions
        self.fit_ = found
        self._rows, self._placer = vectors, Placer(found.state, vectors)
        members = {f"{row:012}": f"c{number + 1}" for row, number in enumerate(self.labels_.tolist()) if number >= 0}
        self._known = Known(members=members, retired=carried.retired, next_number=carried.next_number)
        return self
