"""What a fit is asked to do: plain values, checked once, automatic ones resolved for a collection.

Knows the ranges and the reasons of the defaults. Refuses to know vectors and the libraries that do the work.
Invariant: `FitParams.resolved` is idempotent, and its result, the seed and the rows determine the labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

Reducer = Literal["umap", "pca", "none"]
Clusterer = Literal["hdbscan", "kmeans", "agglomerative"]
Granularity = Literal["kept", "coarse", "auto", "fine"]

# 1 % is what the article used on its 2,100 photos; at 20,000 rows 1 % (200) left 21 clusters and ARI 0.54
# where 20 gave 57 and 0.71, hence the ceiling. Below five members a cluster is hardly told from chance.
AUTO_SIZE_SHARE = 0.01
AUTO_SIZE_MIN = 5
AUTO_SIZE_MAX = 20
# Three seeds each on 1,670 photos by two weak embeddings, a drawn album and blobs: 5 gave the best AMI or within 0.005
# of it everywhere (3 lost up to 0.1 on blobs, for 3 % fewer unclustered photos). As many as `min_cluster_size`,
# hdbscan's own default, lumped the 1,670 photos into two clusters with two seeds of three.
AUTO_MIN_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class FitParams:
    """The parameters of one fit.

    Attributes:
        reducer: `umap`, `pca`, or `none` to cluster the vectors themselves.
        n_neighbors: neighbours per photo in the graph, which a layout looks at, 2 to 200; 0 for automatic: what the
            earlier fit of the collection had, else chosen, see `width`.
        n_components: dimensions of the layout, 1 to 50.
        seed: seed of everything random, 0 to 2**32 - 1.
        clusterer: `hdbscan`, `kmeans` or `agglomerative`.
        min_cluster_size: smallest cluster, at least 2; 0 for automatic: what the earlier fit of the collection had,
            else chosen, see `choose`.
        min_group_size: smallest group of the second pass over what is left, at least 2; 0 for automatic (5 where
            `min_cluster_size` is automatic). No second pass where it is not below `min_cluster_size`.
        min_samples: neighbours that make a point dense, at least 1; 0 for automatic, likewise.
        n_clusters: clusters of kmeans and agglomerative, at least 1; 0 for automatic (best silhouette).
        granularity: of HDBSCAN, `coarse` for about half of the clusters, `fine` for about twice as many; `kept` for
            what the earlier fit had, `auto` where there is none. What is named is chosen anew.
        chosen_at: pictures for which what is automatic was chosen; 0 where all was given, or is to be chosen.
        max_share: a cluster with a larger share of the pictures is looked into, in (0, 1]; 1 never looks.
        assign_all: give every row without a cluster the nearest one too, apart from its label.
        threads: threads for matrix products, 0 for as many as the libraries like.
    """

    reducer: Reducer = "umap"
    n_neighbors: int = 15
    n_components: int = 5
    seed: int = 42
    clusterer: Clusterer = "hdbscan"
    min_cluster_size: int = 0
    min_group_size: int = 0
    min_samples: int = 0
    n_clusters: int = 0
    granularity: Granularity = "kept"
    chosen_at: int = 0
    max_share: float = 0.15
    assign_all: bool = False
    threads: int = 0

    def __post_init__(self) -> None:
        for name, choices in (("reducer", Reducer), ("clusterer", Clusterer), ("granularity", Granularity)):
            if (value := getattr(self, name)) not in get_args(choices):
                raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(get_args(choices))}")
        _check_range("chosen_at", self.chosen_at, least=0, most=2**31 - 1)
        _check_range("n_neighbors", self.n_neighbors, least=2, most=200, auto=True)
        _check_range("n_components", self.n_components, least=1, most=50)
        _check_range("seed", self.seed, least=0, most=2**32 - 1)
        _check_range("min_cluster_size", self.min_cluster_size, least=2, most=2**31 - 1, auto=True)
        _check_range("min_group_size", self.min_group_size, least=2, most=2**31 - 1, auto=True)
        _check_range("min_samples", self.min_samples, least=1, most=2**31 - 1, auto=True)
        _check_range("n_clusters", self.n_clusters, least=1, most=2**31 - 1, auto=True)
        if not isinstance(self.assign_all, bool):
            raise ValueError(f"assign_all is {self.assign_all!r}; it must be true or false")
        _check_range("threads", self.threads, least=0, most=1024)
        if not isinstance(self.max_share, int | float) or not 0.0 < self.max_share <= 1.0:
            raise ValueError(f"max_share is {self.max_share!r}; it must be above 0 and at most 1")

    def resolved(self, n_pictures: int) -> FitParams:
        """Replace what is automatic by what suits a collection of this size, as long as nothing more is known of it.

        Args:
            n_pictures: distinct pictures, at least 0.

        Returns:
            The same parameters with `min_cluster_size`, `min_group_size` and `min_samples` set. `n_clusters` stays 0
            where it is automatic: only the layout can tell.
        """
        by_share = round(AUTO_SIZE_SHARE * n_pictures)
        size = self.min_cluster_size or min(max(by_share, AUTO_SIZE_MIN), AUTO_SIZE_MAX)
        group_size = self.min_group_size or self.min_cluster_size or AUTO_SIZE_MIN
        return replace(
            self, min_cluster_size=size, min_group_size=group_size, min_samples=self.min_samples or AUTO_MIN_SAMPLES
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters as a JSON-able dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FitParams:
        """Rebuild parameters from `as_dict`.

        Args:
            values: exactly the fields of this class.

        Raises:
            ValueError: an unknown or missing field, or a value out of range.
        """
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            raise ValueError(f"fit parameters must be exactly {sorted(names)}, not {sorted(values)}")
        return cls(**values)


def _check_range(name: str, value: object, *, least: int, most: int, auto: bool = False) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and ((auto and value == 0) or least <= value <= most):  # type: ignore[operator]
        return
    allowed = f"{least} to {most}" + (", or 0 for automatic" if auto else "")
    raise ValueError(f"{name} is {value!r}; it must be a whole number, {allowed}")
