"""The clusters of one library: fitted, adopted, rolled back, and given to what arrives between fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vecclust.config import Config
from vecclust.errors import DamagedRun, NotFound
from vecclust.library.queries.clusters import no_such_cluster, shown
from vecclust.library.queries.status import current_run
from vecclust.library.runs.drift import drift_of, gathered_newcomers
from vecclust.types.clusters import ClusterParts
from vecclust.types.progress import Progress, no_progress
from vecclust.types.runs import Comparison, Growth, RefitKind, RefitReport, Run, Way

if TYPE_CHECKING:
    from vecclust.clustering import FitParams
    from vecclust.library.runs import FitResult, Labeller
    from vecclust.store import Store


class Runs:
    """Fits and labels of one library.

    Args:
        store: its tables, open for writing but for dry runs.
        config: the settings.

    Attributes:
        missing_fit: why nothing could be labelled when that was last asked for, or empty.
    """

    def __init__(self, store: Store, *, config: Config) -> None:
        self._store = store
        self._config = config
        self._labeller: Labeller | None = None
        self._fits_here = True
        self._grown: tuple[str, Growth | None] | None = None
        self.missing_fit = ""

    def leave_fits(self) -> None:
        """Leave first fits and repairs to whoever reads `missing_fit`."""
        self._fits_here = False

    def keep_warm(self) -> None:
        """Keep the run's arrays between calls."""
        from vecclust.library.runs import Labeller

        self._labeller = Labeller(often=True)

    def let_go(self) -> None:
        """Let go of the run's arrays that were kept warm; the next arrival reads them again."""
        if self._labeller is not None:
            self.keep_warm()

    @property
    def fit_params(self) -> FitParams:
        """What a fit is asked to do here."""
        from vecclust.clustering import FitParams

        wanted = self._config.clusters
        return FitParams(
            reducer=wanted.reducer,
            n_neighbors=wanted.n_neighbors,
            n_components=wanted.n_components,
            seed=wanted.seed,
            clusterer=wanted.clusterer,
            min_cluster_size=wanted.min_cluster_size,
            min_group_size=wanted.min_group_size,
            min_samples=wanted.min_samples,
            n_clusters=wanted.n_clusters,
            granularity=wanted.granularity,
            max_share=wanted.max_share,
            assign_all=wanted.assign_all,
        )

    def label(self, progress: Progress) -> tuple[int, str | None]:
        """Label arrivals; fit where there is no run yet and enough photos, or the run's arrays are damaged.

        Returns:
            How many photos were given a label, and the current run.
        """
        current = self._store.state().current_run
        n_labelled, self.missing_fit = self._label_in(current)
        if not self.missing_fit or not self._fits_here:
            return n_labelled, current
        report = self.refit(self.missing_fit, progress=progress)
        self.missing_fit = ""
        return report.photos, report.run

    def _label_in(self, run: str | None) -> tuple[int, str]:
        """Label arrivals in a run, and say why a fit is needed first."""
        from vecclust.library.runs import label_arrivals

        if run is None:
            return 0, "first fit" if self._store.counts().photos >= self._config.clusters.first_fit_photos else ""
        try:
            label = label_arrivals if self._labeller is None else self._labeller.label
            return label(self._store), ""
        except DamagedRun as error:
            return 0, f"repair: {error.message}"

    def refit(self, reason: str, *, dry_run: bool = False, kind: RefitKind = "full", progress: Progress) -> RefitReport:
        """Fit all photos anew.

        Args:
            reason: why, kept with the run.
            dry_run: report the difference, change nothing.
            kind: what kind of fit; see `runs.fit_result.fit_photos`.
            progress: told about stages.
        """
        from vecclust.library.runs import refit

        return refit(self._store, self.fit_params, reason=reason, dry_run=dry_run, kind=kind, progress=progress)

    def adopt(self, result: FitResult, *, reason: str) -> RefitReport:
        """Make a fit that another process found the current run."""
        from vecclust.library.runs import adopt

        report = adopt(self._store, result, reason=reason)
        self.label(no_progress)
        self._store.maintain()
        return report

    def compare(self, *, n_sample: int, n_seeds: int, progress: Progress) -> Comparison:
        """Compare ways to cluster."""
        from vecclust.clustering import figures_of_way, ways

        photos, vectors = self._store.vectors()
        if not photos:
            raise NotFound("the library has no photos yet", hint="Fill it first: vecclust scan FOLDER.")
        drawn = np.random.default_rng(0).choice(len(photos), min(n_sample, len(photos)), replace=False)
        rows = np.sort(drawn)
        run = self._store.state().current_run
        labels = {} if run is None else self._store.labels(run)
        clusters = [None if photos[row] not in labels else labels[photos[row]].cluster for row in rows.tolist()]
        numbers: dict[str | None, int] = {
            cluster: number for number, cluster in enumerate(sorted({one for one in clusters if one}))
        }
        current = np.array([numbers.get(one, -1) for one in clusters] if run is not None else [], np.int64)
        grid, found = list(ways()), []
        for done, way in enumerate(grid):
            progress("compare", done, len(grid))
            figures = figures_of_way(vectors[rows], way, n_seeds=n_seeds, current=current)
            size = way.min_cluster_size if way.clusterer == "hdbscan" else None
            found.append(Way(way.reducer, way.clusterer, size, figures))
        progress("compare", len(grid), len(grid))
        return Comparison(len(rows), run, tuple(found))

    def inside(self, cluster: str) -> ClusterParts:
        """Look inside one cluster."""
        from vecclust.library.runs import look_inside

        run, members = self._store.state().current_run, self._store.members(cluster)
        if run is None or not members:
            raise no_such_cluster(self._store, cluster)
        groups = look_inside(self._store, run, members)
        return ClusterParts(cluster, len(members), tuple(shown(self._store, group) for group in groups))

    def growth(self) -> Growth | None:
        """Say how far the library has grown beyond its current run; None before the first fit."""
        stamp = self._store.stamp()
        if self._grown is None or self._grown[0] != stamp:
            self._grown = stamp, self._read_growth()
        return self._grown[1]

    def _read_growth(self) -> Growth | None:
        run = current_run(self._store)
        if run is None:
            return None
        arrivals = self._store.arrivals(run.run)
        return Growth(
            run=run.run,
            n_fitted=run.n_photos,
            n_arrivals=len(arrivals),
            fitted_ns=run.created_ns,
            drift=drift_of(arrivals),
            n_gathered=len(gathered_newcomers(self._store, run.run, arrivals)),
        )

    def rollback(self, run: str) -> Run:
        """Make an earlier run the current one, and label what came since."""
        self._store.set_current_run(run)
        self.label(no_progress)
        current = current_run(self._store)
        if current is None:
            raise NotFound(f"no run {run}", hint="vecclust runs lists them.")
        return current
