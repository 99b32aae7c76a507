"""`vecclust.Library`: one library and everything that can be asked of it, the Python face of the rooms.

The command line uses nothing that this class does not offer. Opening is cheap; the model is loaded at the first
question that needs it, and never for a photo the library already knows.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from vecclust import catalogue, looking, photos, query
from vecclust.config import Config, load_config
from vecclust.errors import DamagedRun, ModelMismatch, NotFound, PhotoError, UsageError
from vecclust.ingest.plan import is_same
from vecclust.ingest.scan import LOOK_PAUSE_S, Clock, Scan, ScanRequest, ScanSettings
from vecclust.ingest.work import Pace
from vecclust.records import ClusterName, FileRow, LibraryModel, Root, Run
from vecclust.reports import (
    Answer,
    ClusterList,
    ClusterPage,
    Filters,
    Growth,
    ModelStatus,
    PageReport,
    PhotoFacts,
    Problem,
    Progress,
    RefitReport,
    ScanReport,
    Status,
    no_progress,
)

if TYPE_CHECKING:
    from vecclust.cluster import FitParams
    from vecclust.embed import Embedder
    from vecclust.recluster import Finding, Labeller
    from vecclust.store import Store

NO_FILTERS = Filters()


class SystemClock:
    """The time of this computer."""

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return time.time_ns()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def default_library_path() -> Path:
    """Give `$VECCLUST_LIBRARY`, else the user's data directory."""
    named = os.environ.get("VECCLUST_LIBRARY")
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir("vecclust", appauthor=False))


def find_config(library: Path, asked: Path | None) -> Path | None:
    """Give the configuration file: the one asked for, `$VECCLUST_CONFIG`, `LIBRARY/config.toml`, or None."""
    if asked is not None:
        return asked
    named = os.environ.get("VECCLUST_CONFIG")
    if named:
        return Path(named)
    own = library / "config.toml"
    return own if own.exists() else None


class _NoStore:
    """An empty library that is nowhere: what a dry run compares with before there is one."""

    def roots(self) -> list[Root]:
        return []

    def files(self, *, root: str | None = None) -> list[FileRow]:
        return []

    def model(self) -> None:
        return None

    def close(self) -> None:
        pass


class Library:
    """One library, opened. Made by `Library.open`, used as a context manager.

    Args:
        store: the opened tables.
        config: the settings.
        model_asked: whether the model was named by a flag, the environment or a file, not by default.
        embedder: an embedder to use instead of loading one, for tests and for programs that hold one.
        clock: the time, for tests.
    """

    def __init__(
        self,
        store: Store,
        *,
        config: Config,
        model_asked: bool = False,
        embedder: Embedder | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._config = config
        self._model_asked = model_asked
        self._embedder = embedder
        self._clock: Clock = clock or SystemClock()
        self._labeller: Labeller | None = None
        self._pool: photos.DecodePool | None = None
        self._keeps_pool = False

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
            path: its directory; `$VECCLUST_LIBRARY` or the user's data directory where None.
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
        from vecclust.store import Store, StoreSettings

        folder = Path(path) if path is not None else default_library_path()
        settings = load_config(find_config(folder, config), flags=flags)
        kept = settings.store
        wanted = StoreSettings(
            compact_fragments=kept.compact_fragments,
            keep_versions_s=kept.keep_versions_s,
            index_from_photos=kept.index_from_photos,
            keep_runs=kept.keep_runs,
        )
        try:
            store = Store.open(folder, write=write, create=write, settings=wanted)
        except NotFound:
            if not missing_ok:
                raise
            store = cast("Store", _NoStore())
        return cls(
            store,
            config=settings,
            model_asked="model" in settings.model_fields_set,
            embedder=embedder,
            clock=clock,
        )

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
            if self._pool is not None:
                self._pool.close()
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
            UsageError: no folder was ever given, or one is no folder.
            ModelError: the model cannot be used, or is not the library's.
            StoreError: the tables refuse.
        """
        asked = tuple(_folder(folder) for folder in folders)
        if not asked and not self._store.roots():
            raise UsageError("no folder to scan", hint="Name one, it is remembered: vecclust scan ~/Photos.")
        self._check_model_asked()
        return self._scan(ScanRequest(folders=asked, dry_run=dry_run, prune=prune), progress)

    def retry(self, *, progress: Progress = no_progress) -> ScanReport:
        """Read the files that could not be read again now, whenever their next try is due."""
        return self._scan(ScanRequest(retry_all=True), progress)

    def remember(self, folders: Iterable[Path | str]) -> tuple[str, ...]:
        """Keep folders from now on, without looking at them yet, and give all that are kept.

        Args:
            folders: may be none.

        Returns:
            Absolute paths.

        Raises:
            UsageError: no folder was ever given, or one is no folder.
        """
        self._scanner().remember(tuple(_folder(folder) for folder in folders))
        kept = self.folders()
        if not kept:
            raise UsageError("no folder to watch", hint="Name one, it is remembered: vecclust watch ~/Photos.")
        self._check_model_asked()
        return kept

    def catch_up(self, paths: Collection[str] | None = None, *, progress: Progress = no_progress) -> ScanReport:
        """Scan as one who looks again soon: nothing is waited for that is still being written.

        Args:
            paths: look at these files only; what has gone is judged by looks at everything alone.
            progress: told about files read and stages fitted.

        Returns:
            What was found and done; `later` says when to look at what was left.
        """
        if paths is None:
            return self._scan(ScanRequest(patient=False), progress)
        return self._finish(self._scanner().run_paths(paths, progress=progress), progress)

    def folders(self) -> tuple[str, ...]:
        """Give the folders that are kept, as absolute paths."""
        return tuple(root.path for root in self._store.roots())

    def later(self) -> dict[str, float]:
        """Give the files that ask for another look, by absolute path, and in how many seconds each."""
        now_ns = self._clock.now_ns()
        wait_s = {row.absolute: LOOK_PAUSE_S for row in self._store.files(state="waiting") if not row.missing_since_ns}
        for row in self._store.files(state="problem"):
            if row.next_try_ns and not row.missing_since_ns:
                wait_s[row.absolute] = max(0.0, (row.next_try_ns - now_ns) / 1e9)
        return wait_s

    def keep_warm(self) -> None:
        """Keep decoding processes and the run's arrays up between scans, until the library is closed."""
        from vecclust.recluster import Labeller

        self._keeps_pool = True
        self._labeller = Labeller()

    def _scan(self, request: ScanRequest, progress: Progress) -> ScanReport:
        report = self._scanner().run(request, progress=progress)
        return report if request.dry_run else self._finish(report, progress)

    def _scanner(self) -> Scan:
        return Scan(
            self._store,
            decoder=self._decoder,
            embedder=self._loaded,
            clock=self._clock,
            settings=self._scan_settings(),
        )

    def _finish(self, report: ScanReport, progress: Progress) -> ScanReport:
        """Label what came and tidy up."""
        labelled, run = self._label(progress)
        self._store.maintain()
        return dataclasses.replace(report, labelled=labelled, run=run)

    def _decoder(self) -> AbstractContextManager[photos.DecodePool]:
        if not self._keeps_pool:
            return self._new_pool()
        if self._pool is None:
            self._pool = self._new_pool()
        return nullcontext(self._pool)

    def _new_pool(self) -> photos.DecodePool:
        return photos.DecodePool(
            self._model().framing,
            limits=self._decode_limits(),
            processes=self._config.photos.decode_processes or None,
        )

    def _decode_limits(self) -> photos.DecodeLimits:
        config = self._config.photos
        return photos.DecodeLimits(
            pixels=config.max_megapixels * 1_000_000,
            jpeg_pixels=config.max_jpeg_megapixels * 1_000_000,
            file_bytes=config.max_file_mb << 20,
            time_s=config.decode_timeout_s,
            memory_bytes=config.decode_memory_mb << 20,
            thumbnail_px=config.thumbnail_px,
        )

    @property
    def rules(self) -> photos.IgnoreRules:
        """What counts as a photo here."""
        return photos.IgnoreRules(extensions=self._config.photos.extensions, patterns=self._config.photos.ignore)

    @property
    def config(self) -> Config:
        """The settings."""
        return self._config

    @property
    def folder(self) -> Path:
        """The library's directory."""
        return Path(self._store.folder)

    def _scan_settings(self) -> ScanSettings:
        config = self._config
        return ScanSettings(
            rules=self.rules,
            settle_s=config.photos.settle_s,
            remove_after_s=config.scan.remove_after_s,
            lost_share=config.scan.lost_share,
            pace=Pace(config.store.commit_photos, config.store.commit_s),
        )

    def _label(self, progress: Progress) -> tuple[int, str | None]:
        """Label arrivals; fit where there is no run yet and enough photos, or the run's arrays are damaged."""
        from vecclust.recluster import label_arrivals

        current = self._store.state().current_run
        if current is None:
            n_photos = self._store.counts().photos
            if n_photos < self._config.clusters.first_fit_photos:
                return 0, None
            report = self._refit("first fit", progress=progress)
            return report.photos, report.run
        try:
            label = label_arrivals if self._labeller is None else self._labeller.label
            return label(self._store), current
        except DamagedRun as error:
            report = self._refit(f"repair: {error.message}", progress=progress)
            return report.photos, report.run

    # Clusters.

    def recluster(self, *, dry_run: bool = False, progress: Progress = no_progress) -> RefitReport:
        """Fit the clusters anew over all photos; ids and names are carried over.

        Args:
            dry_run: report the difference, change nothing.
            progress: told about stages.

        Returns:
            What was found and changed.

        Raises:
            NotFound: the library has no photos.
        """
        report = self._refit("on demand", dry_run=dry_run, progress=progress)
        if not dry_run:
            self._store.maintain()
        return report

    def _refit(self, reason: str, *, dry_run: bool = False, progress: Progress) -> RefitReport:
        from vecclust.recluster import refit

        return refit(self._store, self.fit_params, reason=reason, dry_run=dry_run, progress=progress)

    def adopt(self, finding: Finding, *, reason: str) -> RefitReport:
        """Make a fit that another process found the current run, and label what came since.

        Args:
            finding: the fit, see `vecclust.recluster.find`.
            reason: why it was made.

        Returns:
            What was found and changed.
        """
        from vecclust.recluster import adopt

        report = adopt(self._store, finding, reason=reason)
        self._label(no_progress)
        self._store.maintain()
        return report

    def growth(self) -> Growth | None:
        """Say how far the library has grown beyond its current run; None before the first fit."""
        run = catalogue.current_run(self._store)
        if run is None:
            return None
        return Growth(run.run, run.n_photos, self._store.label_counts(run.run).arrivals, run.created_ns)

    @property
    def fit_params(self) -> FitParams:
        """What a fit is asked to do here."""
        from vecclust.cluster import FitParams

        wanted = self._config.clusters
        return FitParams(
            reducer=wanted.reducer,
            n_neighbors=wanted.n_neighbors,
            n_components=wanted.n_components,
            seed=wanted.seed,
            clusterer=wanted.clusterer,
            min_cluster_size=wanted.min_cluster_size,
            min_samples=wanted.min_samples,
            n_clusters=wanted.n_clusters,
            max_share=wanted.max_share,
        )

    def clusters(self) -> ClusterList:
        """Read the clusters of the current run, largest first."""
        return catalogue.list_clusters(self._store)

    def cluster(self, cluster: str, *, limit: int = 10**9, filters: Filters = NO_FILTERS) -> ClusterPage:
        """Read one cluster: its photos by strength, its history.

        Args:
            cluster: its id.
            limit: photos wanted.
            filters: what the photos are limited to.

        Returns:
            The cluster.

        Raises:
            NotFound: the current run has no such cluster.
        """
        scope = query.scope_of(self._store, filters)
        return catalogue.show_cluster(self._store, cluster, limit=limit, scope=scope)

    def rename(self, cluster: str, name: str) -> ClusterName:
        """Give a cluster its owner's name; it outlives refits.

        Args:
            cluster: its id.
            name: the name.

        Returns:
            The name as it is kept.

        Raises:
            NotFound: there never was such a cluster.
            UsageError: the name is empty.
        """
        return self._store.rename(cluster, name, named_ns=self._clock.now_ns())

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
        self._store.set_current_run(run)
        self._label(no_progress)
        current = catalogue.current_run(self._store)
        if current is None:
            raise NotFound(f"no run {run}", hint="vecclust runs lists them.")
        return current

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
        path = os.path.abspath(photo)
        key, vector = self._vector_of(path)
        return self._answer(path, vector, limit=limit, leave_out=key, filters=filters)

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
        if not text.strip():
            raise UsageError("nothing to search for", hint="Say what the pictures show: vecclust search waterfalls.")
        self._bound_model()
        vector = self._loaded().embed_texts([text])[0]
        return self._answer(text, vector, limit=limit, leave_out=None, filters=filters)

    def _answer(
        self, asked: str, vector: NDArray[np.float32], *, limit: int, leave_out: str | None, filters: Filters
    ) -> Answer:
        scope = query.scope_of(self._store, filters)
        ranked = query.rank(self._store, vector, limit=limit, leave_out=leave_out, scope=scope)
        notices: tuple[str, ...] = ()
        if ranked.n_without_file:
            notices = (
                f"{ranked.n_without_file} photos left out: their files are not there now (vecclust status says more)",
            )
        hits = catalogue.with_clusters(self._store, ranked.hits)
        return Answer(asked, self._bound_model().model_id, hits, notices)

    def _vector_of(self, path: str) -> tuple[str, NDArray[np.float32]]:
        """Give a file's content hash and vector: the stored one while its content is known, a fresh one otherwise."""
        self._bound_model()
        row = self._row_of(path)
        try:
            seen = photos.look_at(path)
        except OSError as error:
            raise NotFound(f"cannot look at {path}: {error.strerror}", hint="Name an image file.") from error
        if row is not None and row.photo is not None and row.state == "ready" and is_same(seen, row):
            return row.photo, self._store.vector(row.photo)
        content = photos.read_content(seen, file_bytes=self._decode_limits().file_bytes)
        if content.photo in self._store.known_by_size().get(seen.size_bytes, ()):
            return content.photo, self._store.vector(content.photo)
        decoded = photos.read_photo(path, self._model().framing, limits=self._decode_limits())
        vector = self._loaded().embed_each(decoded.frame[np.newaxis])[0]
        if isinstance(vector, PhotoError):
            raise vector
        return decoded.photo, vector

    def photo(self, path: Path | str) -> PhotoFacts:
        """Read what is known of one photo.

        Args:
            path: a file of the library.

        Returns:
            The facts.

        Raises:
            NotFound: the library does not know the file.
        """
        absolute = os.path.abspath(path)
        row = self._row_of(absolute)
        if row is None:
            raise NotFound(f"{absolute} is not in the library", hint="Is it below a scanned folder? vecclust status.")
        return catalogue.show_photo(self._store, row)

    def _row_of(self, path: str) -> FileRow | None:
        return self._store.file_at(path) or self._store.file_at(os.path.realpath(path))

    # Looking.

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
        from vecclust.views.pages import write_gallery

        exhibit = looking.read_gallery(self._store, self.clusters())
        return write_gallery(exhibit, _place(out), thumbnails=self._store.thumbnails, names=names)

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
        from vecclust.views.pages import write_map

        exhibit = looking.read_map(self._store, self.clusters(), seed=self._config.clusters.seed)
        return write_map(exhibit, _place(out), thumbnails=self._store.thumbnails, names=names)

    # Health.

    def status(self) -> Status:
        """Read the state of the library."""
        return catalogue.read_status(self._store)

    def problems(self) -> tuple[Problem, ...]:
        """Read the files that could not be read, by path."""
        return catalogue.list_problems(self._store)

    # The model.

    def _bound_model(self) -> LibraryModel:
        """Give the library's model, or say that there are no photos to ask."""
        self._check_model_asked()
        model = self._store.model()
        if model is None:
            raise NotFound("the library has no photos yet", hint="Fill it first: vecclust scan FOLDER.")
        return model

    def _check_model_asked(self) -> None:
        model = self._store.model()
        if model is None or not self._model_asked:
            return
        from vecclust.embed import ModelName

        if ModelName.parse(self._config.model).text != model.name:
            raise _mismatch(model, self._config.model)

    def _model(self) -> LibraryModel:
        """Give the library's model; a new library is bound to the one the configuration names."""
        model = self._store.model()
        if model is None:
            loaded = self._loaded()
            model = self._store.bind_model(LibraryModel(loaded.name, loaded.model_id, loaded.dim, loaded.framing))
        return model

    def _loaded(self) -> Embedder:
        """Load the model once, and hold it against the library's vectors."""
        bound = self._store.model()
        if self._embedder is None:
            from vecclust.embed import load

            wanted = self._config.embed
            self._embedder = load(
                self._config.model if bound is None else bound.name,
                device=wanted.device,
                precision=wanted.precision,
                batch_size=wanted.batch_size,
                threads=wanted.threads,
            )
        if bound is not None and self._embedder.model_id != bound.model_id:
            raise _mismatch(bound, self._embedder.model_id)
        return self._embedder


def usable_models(
    path: Path | None = None, *, config: Path | None = None, flags: Mapping[str, Any] | None = None
) -> tuple[ModelStatus, ...]:
    """Say which models can be used on this computer now, and which one a library uses.

    Args:
        path: the library's directory, as for `Library.open`; it need not exist.
        config: a configuration file, likewise.
        flags: configuration keys that win over everything else.

    Returns:
        The library's model first, or the configured one where there is no library yet.
    """
    from vecclust import embed

    folder = path if path is not None else default_library_path()
    name = load_config(find_config(folder, config), flags=flags).model
    with Library.open(folder, missing_ok=True, config=config, flags=flags) as library:
        bound = library._store.model()
    used = name if bound is None else bound.name
    return tuple(
        ModelStatus(info.name, info.name == used, info.usable, info.dim, info.size_bytes, info.note)
        for info in embed.usable_models([used, name])
    )


def _mismatch(model: LibraryModel, asked: str) -> ModelMismatch:
    return ModelMismatch(
        f"this library's vectors come from {model.model_id}, not from {asked}",
        library_model=model.model_id,
        asked_model=asked,
        hint="Vectors of two models cannot be compared. Leave --model out, or make a second library with the new "
        "model: vecclust --library NEW_DIR scan --model NAME FOLDER.",
    )


def _place(out: Path | str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(out)))


def _folder(folder: Path | str) -> str:
    absolute = os.path.abspath(os.path.expanduser(folder))
    if os.path.exists(absolute) and not os.path.isdir(absolute):
        raise UsageError(f"{absolute} is not a folder", hint="Name the folder that holds it.")
    return absolute
