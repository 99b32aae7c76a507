"""The clusters of one library: fitted, adopted, rolled back, and given to what arrives between fits.

An arrival is placed in the run's own space and never forced into a cluster.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence, Set
from dataclasses import asdict, fields
from typing import TYPE_CHECKING

import numpy as np

from vecclust.config import Config
from vecclust.errors import DamagedRun, NotFound, UsageError
from vecclust.library.queries.clusters import no_such_cluster, shown
from vecclust.library.queries.search import members_of
from vecclust.library.queries.status import current_run, drift_of, gathered_newcomers
from vecclust.library.runs.fit_result import check_size
from vecclust.library.runs.refit import adopt, refit
from vecclust.library.runs.rows import FittedRows, load_fit, require_fit
from vecclust.library.runs.weighted import weighted
from vecclust.types.clusters import UNCLUSTERED, ClusterParts, Label
from vecclust.types.progress import Progress, no_progress
from vecclust.types.runs import Comparison, Growth, RefitKind, RefitReport, Run, Way

if TYPE_CHECKING:
    from vecclust.clustering import FitParams, Placement, Placer
    from vecclust.library.naming.naming import Naming
    from vecclust.library.runs.fit_result import FitResult
    from vecclust.store import Store

log = logging.getLogger(__name__)


class Runs:
    """Fits and labels of one library.

    Args:
        store: its tables, open for writing but for dry runs.
        config: the settings.
        naming: names the clusters of its runs; None where they are to have no names by words.

    Attributes:
        fits_here: whether first fits and repairs are made here; else whoever reads `missing_fit` makes them.
        missing_fit: why nothing could be labelled when that was last asked for, or empty.
    """

    def __init__(self, store: Store, *, config: Config, naming: Naming | None = None) -> None:
        self._store = store
        self._config = config
        self._naming = naming
        self._labeller = Labeller()
        self.fits_here = True
        self._grown: tuple[str, Growth | None] | None = None
        self.missing_fit = ""
        self._told_too_few = False

    def keep_warm(self) -> None:
        """Keep the run's arrays between calls."""
        self._labeller = Labeller(often=True)

    def let_go(self) -> None:
        """Let go of the run's arrays that were kept warm; the next arrival reads them again."""
        self._labeller.let_go()

    @property
    def fit_params(self) -> FitParams:
        """What a fit is asked to do here."""
        from vecclust.clustering import FitParams

        wanted = asdict(self._config.clusters)
        return FitParams(**{one.name: wanted[one.name] for one in fields(FitParams) if one.name in wanted})

    @property
    def fit_needs(self) -> int:
        """How many photos a first fit needs."""
        wanted = self._config.clusters
        return max(wanted.first_fit_photos, wanted.min_cluster_size if wanted.clusterer == "hdbscan" else 0)

    def label(self, progress: Progress) -> tuple[int, str | None]:
        """Label arrivals; fit where there is no run yet and enough photos, or the run's arrays are damaged.

        A library that is still smaller than the settings want its smallest cluster has no fit yet, and says so once.

        Args:
            progress: told about stages of a fit.

        Returns:
            How many photos were given a label, and the current run; None where there is none yet.
        """
        current, n_labelled, self.missing_fit = self._store.state().current_run, 0, ""
        if current is None:
            if self._store.counts().photos >= self._config.clusters.first_fit_photos:
                self.missing_fit = "first fit"
        else:
            try:
                # Asked also where nothing came: what places the next one is to be there by then.
                require_fit(self._store.fit_folder(current))
                n_labelled = self._labeller.label(self._store)
            except DamagedRun as error:
                self.missing_fit = f"repair: {error.message}"
        if self.missing_fit and self._has_too_few():
            self.missing_fit = ""
        if not self.missing_fit or not self.fits_here:
            self.name_clusters(progress)
            return n_labelled, current
        report = self.refit(reason=self.missing_fit, progress=progress)
        self.missing_fit = ""
        return report.photos, report.run

    def refit(
        self, *, reason: str, dry_run: bool = False, kind: RefitKind = "full", progress: Progress = no_progress
    ) -> RefitReport:
        """Fit all photos anew, make the result the current run unless it is a dry run, and name its clusters.

        Args:
            reason: why, kept with the run.
            dry_run: change nothing.
            kind: what kind of fit.
            progress: told about stages.

        Returns:
            What was found and what happened to identity.

        Raises:
            NotFound: the library has no photos.
        """
        report = refit(
            self._store,
            self.fit_params,
            reason=reason,
            dry_run=dry_run,
            kind=kind,
            naming=self._naming,
            progress=progress,
        )
        if not dry_run:
            self.name_clusters(progress)
        return report

    def name_clusters(self, progress: Progress = no_progress) -> str:
        """Name the clusters of the current run where that is not done, with the vectors of words that are there.

        Args:
            progress: told about words whose vectors are made.

        Returns:
            What is lacking for it, as `Naming.name_current`.
        """
        return "" if self._naming is None else self._naming.name_current(progress)

    def _has_too_few(self) -> bool:
        """Tell whether there are too few photos for what a fit is asked to do, and say so the first time."""
        try:
            check_size(self.fit_params, n_photos=self._store.counts().photos)
        except (NotFound, UsageError) as error:
            if not self._told_too_few:
                log.warning("the fit waits for more photos (%s): %s", self.missing_fit, error)
            self._told_too_few = True
            return True
        return False

    def adopt(self, result: FitResult, *, reason: str) -> RefitReport:
        """Make a fit that another process found the current run, label what came since, and tidy up.

        Args:
            result: the fit.
            reason: why it was made, kept with the run.

        Returns:
            What was found and what happened to identity.
        """
        report = adopt(self._store, result, reason=reason, naming=self._naming)
        self.label(no_progress)
        self._store.maintain()
        return report

    def compare(self, *, n_sample: int, n_seeds: int, progress: Progress) -> Comparison:
        """Compare ways to cluster on a sample of the photos; nothing is changed.

        Args:
            n_sample: photos, drawn at random with a fixed seed; all where there are fewer.
            n_seeds: resamples of each way, at least 2.
            progress: told of fits.

        Returns:
            The figures of each way.

        Raises:
            NotFound: the library has no photos.
        """
        from vecclust.clustering import figures_of_way, ways

        photos, vectors = self._store.vectors()
        if not photos:
            raise NotFound("the library has no photos yet", hint="Fill it first: vecclust scan FOLDER.")
        drawn = np.random.default_rng(0).choice(len(photos), min(n_sample, len(photos)), replace=False)
        rows = np.sort(drawn)
        run, labels = self._store.state().current_run, self._store.labels()
        clusters = [labels[photos[row]].cluster if photos[row] in labels else None for row in rows.tolist()]
        numbers = {cluster: number for number, cluster in enumerate(sorted({one for one in clusters if one}))}
        current = np.array([numbers.get(one or "", -1) for one in clusters] if run is not None else [], np.int64)
        grid, found = list(ways()), []
        for done, way in enumerate(grid):
            progress("compare", done, len(grid))
            of_way = weighted(self._store, photos, vectors, way)[rows]
            figures = figures_of_way(of_way, way, n_seeds=n_seeds, current=current)
            size = way.min_cluster_size if way.clusterer == "hdbscan" else None
            found.append(Way(way.reducer, way.clusterer, size, figures, way.time_weight, way.place_weight))
        progress("compare", len(grid), len(grid))
        return Comparison(len(rows), run, tuple(found))

    def inside(self, cluster: str) -> ClusterParts:
        """Look inside one cluster: its photos grouped by themselves, in the run's own layout; nothing is kept of it.

        Args:
            cluster: its id, or `unclustered`.

        Returns:
            The groups.

        Raises:
            NotFound: the current run has no such cluster.
            DamagedRun: the run's arrays are missing or damaged; a refit mends it.
        """
        run, members = self._store.state().current_run, members_of(self._store, cluster)
        if run is None or not (members or cluster == UNCLUSTERED):
            raise no_such_cluster(self._store, cluster)
        groups = _groups_within(self._store, run, members)
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
        """Make an earlier run the current one, and label what came since.

        Args:
            run: its id.

        Returns:
            The run that is the current one now.

        Raises:
            NotFound: no such run is kept.
        """
        self._store.set_current_run(run)
        self.label(no_progress)
        current = current_run(self._store)
        if current is None:
            raise NotFound(f"no run {run}", hint="vecclust runs lists them.")
        return current


def _groups_within(store: Store, run: str, members: Sequence[Label]) -> list[list[Label]]:
    """Group the photos of a cluster that the run was fitted on, the largest group first; none if it is of one piece."""
    from vecclust.clustering import group_within

    state, fitted = load_fit(store.fit_folder(run))
    row_of = {photo: row for row, photo in enumerate(fitted.photos)}
    known = [label for label in members if label.photo in row_of]
    photos, vectors = store.vectors([label.photo for label in known])
    vectors = weighted(store, photos, vectors, state.params)
    label_of = {label.photo: label for label in known}
    known = [label_of[photo] for photo in photos]
    rows = np.array([row_of[photo] for photo in photos], np.int64)
    groups: dict[int, list[Label]] = {}
    for label, group in zip(known, group_within(state, rows, vectors).tolist(), strict=True):
        if group >= 0:
            groups.setdefault(group, []).append(label)
    return sorted(groups.values(), key=lambda group: -len(group))


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
        placed = placer.place(weighted(store, photos, vectors, placer.params))
        return store.add_labels(_labels(photos, placed, clusters=fitted.clusters), run=run)

    def _placer(self, store: Store, run: str, keys: Set[str]) -> tuple[Placer, FittedRows]:
        """Give what places into a run, made anew where the run is another or some of its photos went away."""
        if self._warm is not None and self._key == (run, self._photos - keys):
            return self._warm
        from vecclust.clustering import Placer

        state, fitted = load_fit(store.fit_folder(run))
        photos, vectors = store.vectors()
        vectors = weighted(store, photos, vectors, state.params)
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
