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

# The smallest cluster: below five members a cluster is hardly told from chance, but a collection of twelve has kinds of
# four.
AUTO_SIZE_MIN, AUTO_SIZE_MAX = 3, 5
AUTO_SIZE_SHARE = 0.125
# Three seeds each on 1,670 photos by two weak embeddings, a drawn album and blobs: 5 gave the best AMI or within 0.005
# of it everywhere (3 lost up to 0.1 on blobs, for 3 % fewer unclustered photos). As many as `min_cluster_size`,
# hdbscan's own default, lumped the 1,670 photos into two clusters with two seeds of three.
AUTO_MIN_SAMPLES = 5
# Neighbours in the graph; see `evidence.MAX_LINKED`.
AUTO_N_NEIGHBORS = 30
# The resolution is chosen anew when the collection has grown or shrunk by this factor.
CHOICE_LASTS_FOR = 2.0


# Of runs made before 0.2.
_RETIRED = frozenset({"min_group_size", "max_share"})
_ADDED = frozenset({"resolution", "time_weight", "place_weight"})


@dataclass(frozen=True, slots=True)
class FitParams:
    """The parameters of one fit.

    Attributes:
        reducer: `umap`, `pca`, or `none` to cluster the vectors themselves.
        n_neighbors: neighbours per photo in the graph, by which photos are linked and laid out, 2 to 200; 0 for
            automatic (30).
        n_components: dimensions of the layout, 1 to 50.
        seed: seed of everything random, 0 to 2**32 - 1.
        clusterer: `hdbscan`, `kmeans` or `agglomerative`.
        min_cluster_size: smallest cluster, at least 2; 0 for automatic (5; 3 to 5 in collections of fewer than 40).
        min_samples: neighbours that make a point dense in HDBSCAN's tree, at least 1; 0 for automatic (5).
        n_clusters: clusters of kmeans and agglomerative, at least 1; 0 for automatic (best silhouette).
        granularity: with `hdbscan`, `coarse` for about half of the clusters, `fine` for about twice as many; `kept` for
            what the earlier fit had, `auto` where there is none. What is named is chosen anew.
        resolution: of the communities, see `evidence`; 0 where it is to be chosen.
        chosen_at: pictures for which the resolution was chosen; 0 where it is to be chosen.
        time_weight: of when photos were taken, beside what they show, which weighs 1; from 0 to 1.
        place_weight: likewise of where.
        assign_all: give every row without a cluster the nearest one too, apart from its label.
        threads: threads for matrix products, 0 for as many as the libraries like.
    """

    reducer: Reducer = "umap"
    n_neighbors: int = 0
    n_components: int = 5
    seed: int = 42
    clusterer: Clusterer = "hdbscan"
    min_cluster_size: int = 0
    min_samples: int = 0
    n_clusters: int = 0
    granularity: Granularity = "kept"
    resolution: float = 0.0
    chosen_at: int = 0
    assign_all: bool = False
    threads: int = 0
    time_weight: float = 0.0
    place_weight: float = 0.0

    def __post_init__(self) -> None:
        for name, choices in (("reducer", Reducer), ("clusterer", Clusterer), ("granularity", Granularity)):
            if (value := getattr(self, name)) not in get_args(choices):
                raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(get_args(choices))}")
        _check_range("chosen_at", self.chosen_at, least=0, most=2**31 - 1)
        _check_range("n_neighbors", self.n_neighbors, least=2, most=200, auto=True)
        _check_range("n_components", self.n_components, least=1, most=50)
        _check_range("seed", self.seed, least=0, most=2**32 - 1)
        _check_range("min_cluster_size", self.min_cluster_size, least=2, most=2**31 - 1, auto=True)
        _check_range("min_samples", self.min_samples, least=1, most=2**31 - 1, auto=True)
        _check_range("n_clusters", self.n_clusters, least=1, most=2**31 - 1, auto=True)
        if not isinstance(self.assign_all, bool):
            raise ValueError(f"assign_all is {self.assign_all!r}; it must be true or false")
        for name in ("time_weight", "place_weight"):
            if not isinstance(value := getattr(self, name), int | float) or not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} is {value!r}; it must be a number from 0 to 1")
        _check_range("threads", self.threads, least=0, most=1024)
        if not isinstance(self.resolution, int | float) or not 0.0 <= self.resolution < float("inf"):
            raise ValueError(f"resolution is {self.resolution!r}; it must be 0 or a positive number")

    def resolved(self, n_photos: int) -> FitParams:
        """Replace what is automatic by what suits a collection of this size.

        Args:
            n_photos: at least 0.

        Returns:
            The same parameters with `n_neighbors`, `min_cluster_size` and `min_samples` set. `n_clusters` stays 0 where
            it is automatic: only the layout can tell; so does `resolution`.
        """
        by_share = int(AUTO_SIZE_SHARE * n_photos)
        return replace(
            self,
            n_neighbors=self.n_neighbors or AUTO_N_NEIGHBORS,
            min_cluster_size=self.min_cluster_size or min(max(by_share, AUTO_SIZE_MIN), AUTO_SIZE_MAX),
            min_samples=self.min_samples or AUTO_MIN_SAMPLES,
        )

    def carry_over(self, before: FitParams | None, *, n_pictures: int) -> FitParams:
        """Take over what an earlier fit of the same collection had.

        Args:
            before: the parameters of the earlier fit, or None.
            n_pictures: distinct pictures now.

        Returns:
            The parameters: `granularity` is never `kept`; `resolution` and `chosen_at` are those of the earlier fit,
            unless the collection has doubled or halved since they were chosen.
        """
        granularity = self.granularity
        if granularity == "kept":
            granularity = "auto" if before is None else before.granularity
        kept = replace(self, granularity=granularity)
        if before is None or self.resolution or not before.resolution:
            return kept
        lasts = before.chosen_at / CHOICE_LASTS_FOR < n_pictures < before.chosen_at * CHOICE_LASTS_FOR
        return replace(kept, resolution=before.resolution, chosen_at=before.chosen_at) if lasts else kept

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters as a JSON-able dict."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FitParams:
        """Rebuild parameters from `as_dict`, also those of runs made before 0.2.

        Args:
            values: the fields of this class; what was added since may be missing, what was taken away is passed over.

        Raises:
            ValueError: an unknown or missing field, or a value out of range.
        """
        names = {field.name for field in fields(cls)}
        given = {name: values[name] for name in set(values) - _RETIRED}
        if not names - _ADDED <= set(given) <= names:
            raise ValueError(f"fit parameters must be exactly {sorted(names)}, not {sorted(values)}")
        return cls(**given)


def _check_range(name: str, value: object, *, least: int, most: int, auto: bool = False) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and ((auto and value == 0) or least <= value <= most):  # type: ignore[operator]
        return
    allowed = f"{least} to {most}" + (", or 0 for automatic" if auto else "")
    raise ValueError(f"{name} is {value!r}; it must be a whole number, {allowed}")
