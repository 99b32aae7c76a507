"""`vecclust.Library`: one library and everything that can be asked of it.

Its verbs are what the command line and the API offer, no more and no less; what a daemon needs beside them is
`library.watched`. Opening is cheap; the model is loaded at the first question that needs it, and never for a photo the
library already knows. Light to import, for the API reads the verbs off this class.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Self

from vecclust.config import Within, find_config, library_path, load_config
from vecclust.errors import UsageError
from vecclust.types.progress import Progress, no_progress
from vecclust.types.search import Answer, Filters

if TYPE_CHECKING:
    from collections.abc import Collection

    from vecclust.config import Config
    from vecclust.embeddings import Embedder
    from vecclust.library.ingest.ingest import Ingest
    from vecclust.library.model import ModelBinding
    from vecclust.library.opening import Clock
    from vecclust.library.runs.runs import Runs
    from vecclust.store import Store
    from vecclust.types.clusters import ClusterList, ClusterName, ClusterPage, ClusterParts
    from vecclust.types.edits import EditEntry, EditReport, EditRequest
    from vecclust.types.files import Problem, ScanReport
    from vecclust.types.pages import PageReport
    from vecclust.types.photos import PhotoFacts
    from vecclust.types.runs import Comparison, RefitKind, RefitReport, Run
    from vecclust.types.status import Status

NO_FILTERS = Filters()
Limit = Annotated[int, Within(1)]


class Library:
    """One library, opened. Made by `Library.open`, used as a context manager.

    Args:
        store: the opened tables.
        config: the settings.
        embedder: an embedder to use instead of loading one, for tests and for programs that hold one.
        clock: the time, for tests.
    """

    def __init__(
        self, store: Store, *, config: Config, embedder: Embedder | None = None, clock: Clock | None = None
    ) -> None:
        from vecclust.library.opening import SystemClock

        self._store = store
        self._config = config
        self._embedder = embedder
        self._clock = clock or SystemClock()

    # What a question does not need is made at first use.

    @cached_property
    def _model(self) -> ModelBinding:
        from vecclust.library.model import ModelBinding

        return ModelBinding(self._store, config=self._config, embedder=self._embedder)

    @cached_property
    def _runs(self) -> Runs:
        from vecclust.library.runs.runs import Runs

        return Runs(self._store, config=self._config)

    @cached_property
    def _ingest(self) -> Ingest:
        from vecclust.library.ingest.ingest import Ingest

        return Ingest(self._store, config=self._config, model=self._model, runs=self._runs, clock=self._clock)

    @classmethod
    def open(
        cls,
        path: Path | str | None = None,
        *,
        write: bool = False,
        create: bool = True,
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
            create: make one where there is none and it is opened for writing.
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
            NotFound: there is no library, and none was to be made.
            StoreError: the tables cannot be opened.
        """
        from vecclust.library.opening import open_store

        folder = library_path(path)
        settings = load_config(find_config(folder, config), flags=flags)
        store = open_store(folder, settings, write=write, create=create, missing_ok=missing_ok)
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
            if "_ingest" in vars(self):
                self._ingest.close()
        finally:
            self._store.close()

    @property
    def config(self) -> Config:
        """The settings."""
        return self._config

    @property
    def folder(self) -> Path:
        """The library's directory."""
        return Path(self._store.folder)

    # Photos come in.

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
        return self._ingest.scan(folders, dry_run=dry_run, prune=prune, progress=progress)

    def retry(self, *, progress: Progress = no_progress) -> ScanReport:
        """Read the files that could not be read again now, whenever their next try is due.

        Args:
            progress: told about files read and stages fitted.

        Returns:
            What was found and done.
        """
        return self._ingest.retry(progress)

    def folders(self) -> tuple[str, ...]:
        """Give the folders that are kept, as absolute paths."""
        return self._ingest.folders()

    # Clusters.

    def clusters(self) -> ClusterList:
        """Read the clusters of the current run, largest first."""
        from vecclust.library.queries.clusters import list_clusters

        with self._store.snapshot():
            return list_clusters(self._store)

    def cluster(self, cluster: str, *, limit: Limit = 10**9, filters: Filters = NO_FILTERS) -> ClusterPage:
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
        from vecclust.library.queries.clusters import show_cluster
        from vecclust.library.queries.search import cluster_id, scope_of

        store = self._store
        with store.snapshot():
            return show_cluster(store, cluster_id(store, cluster), limit=limit, scope=scope_of(store, filters))

    def inside(self, cluster: str) -> ClusterParts:
        """Look inside one cluster: groups of its photos, which no run keeps.

        Args:
            cluster: its id or its name.

        Returns:
            The groups.

        Raises:
            NotFound: the current run has no such cluster.
            DamagedRun: the run's arrays are missing or damaged; a refit mends it.
        """
        from vecclust.library.queries.search import cluster_id

        with self._store.snapshot():
            return self._runs.inside(cluster_id(self._store, cluster))

    def recluster(
        self, *, dry_run: bool = False, kind: RefitKind = "full", progress: Progress = no_progress
    ) -> RefitReport:
        """Fit the clusters anew over all photos; ids and names are carried over.

        Args:
            dry_run: report the difference, change nothing.
            kind: `full` from nothing; `continued` from the layout of the current run, at a fraction of the cost;
                `light` also settles nothing but photos that came since. Each where it can be, see `library.runs`.
            progress: told about stages.

        Returns:
            What was found and changed.

        Raises:
            NotFound: the library has no photos.
        """
        from vecclust.library.runs.refit import refit

        params = self._runs.fit_params
        report = refit(self._store, params, reason="on demand", dry_run=dry_run, kind=kind, progress=progress)
        if not dry_run:
            self._store.maintain()
        return report

    def compare(self, *, n_sample: int = 1000, n_seeds: int = 3, progress: Progress = no_progress) -> Comparison:
        """Compare reducers, clusterers and sizes on a sample of the photos; nothing is changed.

        Args:
            n_sample: photos, drawn at random with a fixed seed.
            n_seeds: resamples of each way, at least 2.
            progress: told of fits.

        Returns:
            The figures of each way.

        Raises:
            NotFound: the library has no photos.
        """
        return self._runs.compare(n_sample=n_sample, n_seeds=n_seeds, progress=progress)

    def runs(self) -> tuple[list[Run], str | None]:
        """Read the kept runs, oldest first, and the id of the current one."""
        with self._store.snapshot():
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
        return self._runs.rollback(run)

    # What the owner says.

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
        from vecclust.library.queries.search import cluster_id

        cluster = cluster_id(self._store, cluster)
        return self._store.rename(cluster, name, named_ns=self._clock.now_ns())

    def edit(self, request: EditRequest) -> EditReport:
        """Correct clusters as the owner says; it holds at once, and through refits and rollbacks until taken back.

        - `move`: `photos` are in `cluster` from now on.
        - `pin`: `photos` stay where they are now.
        - `unpin`: `photos` are again where the run has them.
        - `merge`: the photos of `other` are those of `cluster`.
        - `not-together`: no fit makes one cluster of `cluster` and `other`.
        - `split-off`: `photos` of `cluster` are a cluster of their own, called `name`.
        - `take-back`: `edits` count as never made.

        Args:
            request: what is to hold.

        Returns:
            What it changed.

        Raises:
            NotFound: a photo, cluster or edit is not there.
            UsageError: it makes no sense.
        """
        from vecclust.library.edits import Edits

        return Edits(self._store, clock=self._clock).make(request)

    def edits(self, *, everything: bool = False) -> tuple[EditEntry, ...]:
        """Read what the owner said of clusters, in order.

        Args:
            everything: also what is no longer in force, and names.
        """
        from vecclust.library.edits import Edits

        with self._store.snapshot():
            return Edits(self._store, clock=self._clock).entries(everything=everything)

    # Questions.

    def similar(self, photo: Path | str, *, limit: Limit = 20, filters: Filters = NO_FILTERS) -> Answer:
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
        from vecclust.library.opening import decode_limits
        from vecclust.library.queries.search import answer, vector_of

        store, path = self._store, os.path.abspath(photo)
        with store.snapshot():
            known, vector = vector_of(store, self._model, path, decode_limits(self._config))
            return answer(store, self._model, path, vector, limit=limit, leave_out=known, filters=filters)

    def alike(self, photo: str, *, limit: Limit = 20) -> Answer:
        """Find photos like one of the library, whether its file is there now or not.

        Args:
            photo: its content hash.
            limit: hits wanted.

        Returns:
            The hits, without the photo itself.

        Raises:
            NotFound: the library has no such photo.
        """
        from vecclust.library.queries.search import answer

        store = self._store
        with store.snapshot():
            vector = store.vector(photo)
            return answer(store, self._model, photo, vector, limit=limit, leave_out=photo, filters=NO_FILTERS)

    def search(self, text: str, *, limit: Limit = 20, filters: Filters = NO_FILTERS) -> Answer:
        """Find photos that match a text.

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
        from vecclust.library.queries.search import answer

        if not text.strip():
            raise UsageError("nothing to search for", hint="Say what the pictures show: vecclust search waterfalls.")
        self._model.known()
        vector = self._model.embedder().embed_texts([text])[0]
        with self._store.snapshot():
            return answer(self._store, self._model, text, vector, limit=limit, filters=filters)

    def photo(self, path: Path | str) -> PhotoFacts:
        """Read what is known of one photo.

        Args:
            path: a file of the library.

        Returns:
            The facts.

        Raises:
            NotFound: the library does not know the file.
        """
        from vecclust.library.queries.search import photo_at

        with self._store.snapshot():
            return photo_at(self._store, os.path.abspath(path))

    # Pages.

    def gallery(self, out: Path | str, *, names: bool = True) -> PageReport:
        """Write the clusters as contact sheets: a folder of pages that open offline.

        Args:
            out: the folder; an earlier gallery there is replaced.
            names: whether file names, paths and cluster names are shown.

        Returns:
            What was written.

        Raises:
            UsageError: `out` holds something that vecclust did not make, or cannot be written.
        """
        from vecclust.library.pages.written import write_gallery

        return write_gallery(self._store, out, names=names)

    def map(self, out: Path | str, *, names: bool = True) -> PageReport:
        """Write the photos as points on a plane: one page that opens offline.

        Opened for writing, the library keeps the places, and the map of a later run begins at them.

        Args:
            out: the file; an earlier map there is replaced.
            names: whether file names, paths and cluster names are in it.

        Returns:
            What was written.

        Raises:
            UsageError: something that vecclust did not make is there, or it cannot be written.
        """
        from vecclust.library.pages.written import write_map

        return write_map(self._store, out, names=names, seed=self._config.clusters.seed)

    def export(self, out: Path | str, *, names: bool = True) -> PageReport:
        """Write the map as a Parquet table, for Embedding Atlas and notebooks.

        Opened for writing, the library keeps the places, as `map` does.

        Args:
            out: the file; an earlier table there is replaced.
            names: whether file names, paths and cluster names are in it.

        Returns:
            What was written.

        Raises:
            UsageError: something that vecclust did not make is there, or it cannot be written.
        """
        from vecclust.library.pages.written import write_table

        return write_table(self._store, out, names=names, seed=self._config.clusters.seed)

    def thumbnails(self, photos: Collection[str]) -> Mapping[str, bytes]:
        """Read the small JPEGs of photos, leaving out those that have none.

        Args:
            photos: content hashes.

        Returns:
            JPEG bytes by content hash.
        """
        return self._store.thumbnails(photos)

    # Health.

    def status(self) -> Status:
        """Read the state of the library."""
        from vecclust.library.queries.status import read_status

        with self._store.snapshot():
            return read_status(self._store)

    def problems(self) -> tuple[Problem, ...]:
        """Read the files that could not be read, by path."""
        from vecclust.library.queries.status import list_problems

        return list_problems(self._store)
