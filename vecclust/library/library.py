"""`vecclust.Library`: one library and everything that can be asked of it, the Python face of the rooms.

The command line uses nothing that this class does not offer. Opening is cheap; the model is loaded at the first
question that needs it, and never for a photo the library already knows.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from vecclust import photos
from vecclust.config import Config, find_config, library_path, load_config
from vecclust.library import catalogue
from vecclust.library.asking import Asking
from vecclust.library.edits import Correcting
from vecclust.library.grouping import Grouping
from vecclust.library.ingest.scan import Clock
from vecclust.library.intake import Intake
from vecclust.library.model import Binding
from vecclust.library.model import usable_models as usable_models
from vecclust.library.opening import SystemClock, open_store
from vecclust.library.viewing import Viewing
from vecclust.types.clusters import ClusterList, ClusterName, ClusterPage, ClusterParts
from vecclust.types.edits import EditEntry, EditReport, EditRequest
from vecclust.types.files import Problem, ScanReport
from vecclust.types.photos import PhotoFacts
from vecclust.types.progress import Progress, no_progress
from vecclust.types.runs import Comparison, Growth, RefitKind, RefitReport, Run
from vecclust.types.search import Answer, Filters
from vecclust.types.status import Status

if TYPE_CHECKING:
    from vecclust.clustering import FitParams
    from vecclust.embeddings import Embedder
    from vecclust.library.runs import Finding
    from vecclust.store import Store

NO_FILTERS = Filters()


class Library(Viewing):
    """One library, opened. Made by `Library.open`, used as a context manager.

    Args:
        store: the opened tables.
        config: the settings.
        embedder: an embedder to use instead of loading one, for tests and for programs that hold one.
        clock: the time, for tests.
    """

    def __init__(
        self,
        store: Store,
        *,
        config: Config,
        embedder: Embedder | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(store, config=config)
        self._clock: Clock = clock or SystemClock()
        self._binding = Binding(store, config=config, embedder=embedder)
        self._grouping = Grouping(store, config=config)
        self._asking = Asking(store, config=config, binding=self._binding)
        self._correcting = Correcting(store, files=self._asking, clock=self._clock)
        self._intake = Intake(store, config=config, binding=self._binding, grouping=self._grouping, clock=self._clock)

    @classmethod
    def open(
        cls,
        path: Path | str | None = None,
        *,
        write: bool = False,
        missing_ok: bool = False,
        config: Path | None = None,
        flags: Mapping[str, Any] | None = None,
        embedder: Embedder | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Open a library, and make it where there is none and it is opened for writing.

        Args:
            path: its directory, `~` for home; `$VECCLUST_LIBRARY` or the user's data directory where None.
            write: become its one writer.
            missing_ok: where there is no library, open an empty one that is nowhere: for a dry run.
            config: a configuration file; `$VECCLUST_CONFIG` or `LIBRARY/config.toml` where None.
            flags: dotted configuration keys that win over everything else.
            embedder: an embedder to use instead of loading one.
            clock: the time, for tests.

        Returns:
            The library.

        Raises:
            ConfigError: a setting is unknown or out of range.
            LibraryLocked: another writer holds it.
            NotFound: there is no library, and it was not opened for writing.
            StoreError: the tables cannot be opened.
        """
        folder = library_path(path)
        settings = load_config(find_config(folder, config), flags=flags)
        store = open_store(folder, settings, write=write, missing_ok=missing_ok)
        return cls(store, config=settings, embedder=embedder, clock=clock)

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Give the lock back."""
        try:
            self._intake.close()
        finally:
            self._store.close()

    # The way in.

    def scan(
        self,
        folders: Iterable[Path | str] = (),
        *,
        dry_run: bool = False,
        prune: bool = False,
        progress: Progress = no_progress,
    ) -> ScanReport:
        """Bring the library in step with its folders, label arrivals, and fit the first run when there are enough.

        Args:
            folders: folders to keep from now on and to scan; those kept already where empty.
            dry_run: say what would be done, change nothing.
            prune: remove photos whose files are missing now, instead of after a second scan a day later.
            progress: told about files read and stages fitted.

        Returns:
            What was found and done.

        Raises:
            UsageError: no folder was ever given, or one is no folder or not there and was never kept.
            ModelError: the model cannot be used, or is not the library's.
            StoreError: the tables refuse.
        """
        return self._intake.scan(folders, dry_run=dry_run, prune=prune, progress=progress)

    def retry(self, *, progress: Progress = no_progress) -> ScanReport:
        """Read the files that could not be read again now, whenever their next try is due."""
        return self._intake.retry(progress)

    def remember(self, folders: Iterable[Path | str]) -> tuple[str, ...]:
        """Keep folders from now on, without looking at them yet, and give all that are kept.

        Args:
            folders: may be none.

        Returns:
            Absolute paths.

        Raises:
            UsageError: no folder was ever given, or one is no folder or not there and was never kept.
        """
        return self._intake.remember(folders)

    def catch_up(
        self, paths: Collection[str] | None = None, *, more: bool = False, progress: Progress = no_progress
    ) -> ScanReport:
        """Scan as one who looks again soon: nothing is waited for that is still being written.

        Args:
            paths: look at these files only; what has gone is judged by looks at everything alone. A look at everything
                reads one commit of new photos at most and names what it left, so that what arrives need not wait.
            more: whether the caller has more to look at, so that a first fit waits.
            progress: told about files read and stages fitted.

        Returns:
            What was found and done; `left` is to be asked for next, and `later` says when to look at what waits.
        """
        return self._intake.catch_up(paths, more=more, progress=progress)

    def folders(self) -> tuple[str, ...]:
        """Give the folders that are kept, as absolute paths."""
        return self._intake.folders()

    def later(self) -> dict[str, float]:
        """Give the files that ask for another look, by absolute path, and in how many seconds each."""
        return self._intake.later()

    def keep_warm(self, *, n_threads: int = 0) -> None:
        """Keep decoding processes and the run's arrays up between scans, until the library is closed.

        Args:
            n_threads: threads of the model and decoding processes, where no setting says otherwise; 0 for no limit.
        """
        self._intake.keep_warm(processes=n_threads)
        self._binding.limit(n_threads)
        self._grouping.keep_warm()

    def let_go(self, *, idle_s: float) -> bool:
        """Let go of what is kept warm and was not used lately, and give its memory back to the system.

        The next photo or question loads it again, whichever thread it comes from.

        Args:
            idle_s: seconds for which the model, or decoding processes and the run's arrays, were not used; 0 for now.

        Returns:
            Whether there was anything to let go of.
        """
        from vecclust.embeddings import give_memory_back

        rested = self._intake.let_go(idle_s=idle_s)
        if rested:
            self._grouping.let_go()
        gone = self._binding.let_go(idle_s=idle_s) or rested
        if gone:
            give_memory_back()
        return gone

    @property
    def rules(self) -> photos.IgnoreRules:
        """What counts as a photo here."""
        return self._intake.rules

    @property
    def config(self) -> Config:
        """The settings."""
        return self._config

    @property
    def folder(self) -> Path:
        """The library's directory."""
        return Path(self._store.folder)

    def embedder(self) -> Embedder:
        """Give the library's model, loaded at first use; other threads may ask for it."""
        return self._binding.embedder()

    @property
    def loading(self) -> bool:
        """Whether the model is being loaded, which may take as long as fetching it."""
        return self._binding.loading

    # Clusters.

    def recluster(
        self, *, dry_run: bool = False, kind: RefitKind = "full", progress: Progress = no_progress
    ) -> RefitReport:
        """Fit the clusters anew over all photos; ids and names are carried over.

        Args:
            dry_run: report the difference, change nothing.
            kind: `full` from nothing; `continued` from the layout of the current run, at a fraction of the cost;
                `light` also settles nothing but photos that came since. Each where it can be, see `recluster.find`.
            progress: told about stages.

        Returns:
            What was found and changed.

        Raises:
            NotFound: the library has no photos.
        """
        report = self._grouping.refit("on demand", dry_run=dry_run, kind=kind, progress=progress)
        if not dry_run:
            self._store.maintain()
        return report

    def propose(self, *, progress: Progress = no_progress) -> tuple[Finding, RefitReport]:
        """Fit the clusters anew without changing anything, so that the very same fit may be adopted later.

        Args:
            progress: told about stages.

        Returns:
            The fit, and what adopting it now would change.

        Raises:
            NotFound: the library has no photos.
        """
        return self._grouping.propose(progress)

    def adopt(self, finding: Finding, *, reason: str) -> RefitReport:
        """Make a fit that another process found the current run, and label what came since.

        Args:
            finding: the fit, see `vecclust.library.runs.find`.
            reason: why it was made.

        Returns:
            What was found and changed.
        """
        from vecclust.embeddings import give_memory_back

        report = self._grouping.adopt(finding, reason=reason)
        # What the earlier run's arrays and the replaced labels took, else a tenth more after twenty refits.
        give_memory_back()
        return report

    def leave_fits(self) -> None:
        """Make no first fit and no repair from now on where something is to be labelled and there is no usable run.

        Whoever asks for it has them made elsewhere when `missing_fit` says why, and adopts them.
        """
        self._grouping.leave_fits()

    @property
    def missing_fit(self) -> str:
        """Why nothing could be labelled when that was last tried, as it is kept with a run; empty where it could."""
        return self._grouping.missing_fit

    def growth(self) -> Growth | None:
        """Say how far the library has grown beyond its current run; None before the first fit."""
        return self._grouping.growth()

    @property
    def fit_params(self) -> FitParams:
        """What a fit is asked to do here."""
        return self._grouping.fit_params

    def clusters(self) -> ClusterList:
        """Read the clusters of the current run, largest first."""
        return catalogue.steadily(self._store, lambda: catalogue.list_clusters(self._store))

    def cluster(self, cluster: str, *, limit: int = 10**9, filters: Filters = NO_FILTERS) -> ClusterPage:
        """Read one cluster: its photos by strength, its history.

        Args:
            cluster: its id or its name.
            limit: photos wanted.
            filters: what the photos are limited to.

        Returns:
            The cluster.

        Raises:
            NotFound: the current run has no such cluster.
        """
        store, found = self._store, catalogue.cluster_id(self._store, cluster)
        scope = catalogue.scope_of(store, filters)
        return catalogue.steadily(store, lambda: catalogue.show_cluster(store, found, limit=limit, scope=scope))

    def compare(self, *, n_sample: int = 1000, n_seeds: int = 3, progress: Progress = no_progress) -> Comparison:
        """Compare reducers, clusterers and sizes on a sample of the photos; nothing is changed.

        Args:
            n_sample: photos, drawn at random with a fixed seed.
            n_seeds: resamples of each way, at least 2.
            progress: told of fits.

        Raises:
            NotFound: the library has no photos.
        """
        return self._grouping.compare(n_sample=n_sample, n_seeds=n_seeds, progress=progress)

    def inside(self, cluster: str) -> ClusterParts:
        """Look inside one cluster: groups of its photos, which no run keeps.

        Args:
            cluster: its id or its name.

        Raises:
            NotFound: the current run has no such cluster.
            DamagedRun: the run's arrays are missing or damaged; a refit mends it.
        """
        found = catalogue.cluster_id(self._store, cluster)
        return catalogue.steadily(self._store, lambda: self._grouping.inside(found))

    def rename(self, cluster: str, name: str) -> ClusterName:
        """Give a cluster its owner's name; it outlives refits.

        Args:
            cluster: its id or its name.
            name: the name.

        Returns:
            The name as it is kept.

        Raises:
            NotFound: there never was such a cluster.
            UsageError: the name is empty.
        """
        cluster = catalogue.cluster_id(self._store, cluster)
        return self._store.rename(cluster, name, named_ns=self._clock.now_ns())

    def say(self, saying: EditRequest) -> EditReport:
        """Keep a word of the owner's; it holds at once, and through refits and rollbacks until it is taken back.

        - `move`: `photos` are in `cluster` from now on.
        - `pin`: `photos` stay where they are now.
        - `unpin`: `photos` are again where the run has them.
        - `merge`: the photos of `other` are those of `cluster`.
        - `not-together`: no fit makes one cluster of `cluster` and `other`.
        - `split-off`: `photos` of `cluster` are a cluster of their own, called `name`.
        - `take-back`: `words` count as never said.

        Args:
            saying: what is said.

        Returns:
            What it changed.

        Raises:
            NotFound: a photo, cluster or word is not there.
            UsageError: it makes no sense.
        """
        return self._correcting.say(saying)

    def words(self, *, everything: bool = False) -> tuple[EditEntry, ...]:
        """Read what the owner said of clusters, in order.

        Args:
            everything: also what is no longer in force, and names.
        """
        return self._correcting.entries(everything=everything)

    def runs(self) -> tuple[list[Run], str | None]:
        """Read the kept runs, oldest first, and the id of the current one."""
        kept = set(self._store.restorable_runs())
        return [run for run in self._store.runs() if run.run in kept], self._store.state().current_run

    def rollback(self, run: str) -> Run:
        """Make an earlier run the current one, and label what came since.

        Args:
            run: its id.

        Returns:
            The run.

        Raises:
            NotFound: no such run is kept.
        """
        return self._grouping.rollback(run)

    # Questions.

    def similar(self, photo: Path | str, *, limit: int = 20, filters: Filters = NO_FILTERS) -> Answer:
        """Find photos like one that is in the library, or like any image file.

        Args:
            photo: its path.
            limit: hits wanted.
            filters: what the answer is limited to.

        Returns:
            The hits, without the photo itself.

        Raises:
            NotFound: the library is empty, or there is no such file.
            PhotoError: the file cannot be read as a picture.
            ModelError: the photo is not in the library and the model cannot be used.
        """
        return self._asking.similar(os.fspath(photo), limit=limit, filters=filters)

    def alike(self, photo: str, *, limit: int = 20) -> Answer:
        """Find photos like one of the library, whether its file is there now or not.

        Args:
            photo: its content hash.
            limit: hits wanted.

        Returns:
            The hits, without the photo itself.

        Raises:
            NotFound: the library has no such photo.
        """
        return self._asking.alike(photo, limit=limit)

    def search(self, text: str, *, limit: int = 20, filters: Filters = NO_FILTERS) -> Answer:
        """Find photos that match words.

        Args:
            text: what the pictures show.
            limit: hits wanted.
            filters: what the answer is limited to.

        Returns:
            The hits.

        Raises:
            NotFound: the library is empty.
            UsageError: the text is empty.
            ModelError: the model cannot be used.
        """
        return self._asking.search(text, limit=limit, filters=filters)

    def photo(self, path: Path | str) -> PhotoFacts:
        """Read what is known of one photo.

        Args:
            path: a file of the library.

        Returns:
            The facts.

        Raises:
            NotFound: the library does not know the file.
        """
        return self._asking.photo(os.fspath(path))

    # Health.

    def status(self) -> Status:
        """Read the state of the library."""
        return catalogue.steadily(self._store, lambda: catalogue.read_status(self._store))

    def problems(self) -> tuple[Problem, ...]:
        """Read the files that could not be read, by path."""
        return catalogue.list_problems(self._store)
