"""`vecclust.Library`: one library and everything that can be asked of it.

Its verbs are what the command line and the API offer, no more and no less; what a daemon needs beside them is
`library.watched`. Opening is cheap; the model is loaded at the first question that needs it, and never for a photo the
library already knows. Light to import, for the API reads the verbs off this class.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property, lru_cache, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Self

from vecclust.config import Within, find_config, library_path, load_config
from vecclust.errors import VecclustError
from vecclust.types.constraints import group_asked
from vecclust.types.progress import Progress, no_progress
from vecclust.types.search import Answer, Examples, Filters

if TYPE_CHECKING:
    from collections.abc import Collection

    from vecclust.config import Config
    from vecclust.embeddings import Embedder
    from vecclust.library.edits import Edits
    from vecclust.library.ingest.ingest import Ingest
    from vecclust.library.model import ModelBinding
    from vecclust.library.naming.naming import Naming
    from vecclust.library.opening import Clock
    from vecclust.library.runs.runs import Runs
    from vecclust.library.timeline.answers import TimelineReader
    from vecclust.store import Store
    from vecclust.types.backups import BackupReport, RestoreReport
    from vecclust.types.checkup import CheckCost, CheckDepth, Checkup
    from vecclust.types.clusters import ClusterCaption, ClusterList, ClusterName, ClusterPage, ClusterParts
    from vecclust.types.edits import EditEntry, EditReport, EditRequest
    from vecclust.types.files import AcceptReport, ForgetReport, KeptFolder, Problem, ScanReport, SkippedList
    from vecclust.types.migrations import MigrationReport, MigrationStatus
    from vecclust.types.pages import PageReport
    from vecclust.types.photos import PhotoFacts
    from vecclust.types.runs import Comparison, RefitKind, RefitReport, Run
    from vecclust.types.status import Inventory, Status
    from vecclust.types.timeline import EventList, EventPage, PlaceList, TripList

log = logging.getLogger(__name__)

NO_FILTERS = Filters()
NO_EXAMPLES = Examples()
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
        self._day_kept: date | None = None

    # What a question does not need is made at first use.

    @cached_property
    def _model(self) -> ModelBinding:
        from vecclust.library.model import ModelBinding

        return ModelBinding(self._store, config=self._config, embedder=self._embedder)

    @cached_property
    def _runs(self) -> Runs:
        from vecclust.library.runs.runs import Runs

        return Runs(self._store, config=self._config, naming=self._naming)

    @cached_property
    def _naming(self) -> Naming:
        from vecclust.library.naming.naming import Naming

        return Naming(self._store, self._model)

    @cached_property
    def _ingest(self) -> Ingest:
        from vecclust.library.ingest.ingest import Ingest

        return Ingest(self._store, config=self._config, model=self._model, runs=self._runs, clock=self._clock)

    @cached_property
    def _load_other(self) -> Callable[[str], Embedder]:
        """Loads a model that is not the library's, and holds it."""
        from vecclust.library.model import load_model

        return lru_cache(maxsize=1)(partial(load_model, config=self._config))

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

    @staticmethod
    def checkup(
        path: Path | str | None = None,
        *,
        depth: CheckDepth = "usual",
        repair: bool = False,
        config: Path | None = None,
        flags: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        progress: Progress = no_progress,
    ) -> Checkup:
        """Look at a library from end to end, whether it can be opened or not; nothing is changed but for a repair.

        Args:
            path: its directory, as for `open`.
            depth: `quick` for lengths and times of files alone, `usual` for rows, vectors and what they name, `deep`
                for every byte.
            repair: mend what is found at this depth first, as far as that can be done without the photos. Nothing
                that cannot be explained is deleted, and what is taken out is kept in the folder `set-aside`.
            config: a configuration file, as for `open`.
            flags: dotted configuration keys that win over everything else.
            clock: the time, for tests.
            progress: told of tables.

        Returns:
            How each thing stands, and what was done.

        Raises:
            NotFound: there is no library.
            StoreTooNew: a newer vecclust wrote it.
            LibraryLocked: it is to be mended, and another writer holds it.
        """
        from vecclust.library.checkup import check_library, repair_library

        look = repair_library if repair else check_library
        return look(library_path(path), depth=depth, config=config, flags=flags, clock=clock, progress=progress)

    @staticmethod
    def checkup_cost(path: Path | str | None = None, *, depth: CheckDepth = "usual") -> CheckCost:
        """Say what looking at a library costs, before it is looked at.

        Args:
            path: its directory, as for `open`.
            depth: how closely it is to be looked at.
        """
        from vecclust.library.checkup import checkup_cost

        return checkup_cost(library_path(path), depth)

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

    # Copies.

    def backup(self, target: Path | str, *, dry_run: bool = False, progress: Progress = no_progress) -> BackupReport:
        """Copy the library into one new file, whoever writes it meanwhile.

        Args:
            target: the file, whose name ends in `.tar`, `.tar.gz` or `.tar.xz`; or a folder that is there, which gets
                one with the time in its name.
            dry_run: say what it comes to, write nothing.
            progress: told about megabytes.

        Returns:
            What it holds; `Library.restore` brings it back.

        Raises:
            UsageError: such a file is there, or it would lie in the library.
            StoreDamaged: the library is not what was written.
            StoreFull: there is too little room.
        """
        from vecclust.library.backups import back_up

        return back_up(self.folder, target, dry_run=dry_run, progress=progress)

    @classmethod
    def restore(
        cls,
        file: Path | str,
        path: Path | str | None = None,
        *,
        config: Path | None = None,
        flags: Mapping[str, Any] | None = None,
        progress: Progress = no_progress,
    ) -> RestoreReport:
        """Bring a library back from a backup, or edits, names and settings from a small one of a day.

        A library that is there is set aside for a whole one, and added to for that of a day.

        Args:
            file: the backup.
            path: the library's directory, as for `open`.
            config: a configuration file, as for `open`; only for that of a day.
            flags: dotted configuration keys, as for `open`; only for that of a day.
            progress: told about megabytes.

        Returns:
            What came back.

        Raises:
            UsageError: it is no backup.
            LibraryLocked: the library that is there is being written.
            NotFound: that of a day is to be added to a library that is not there, or has no clusters yet.
            StoreTooNew: a newer vecclust made the backup.
            StoreDamaged: the backup is damaged.
            StoreFull: there is too little room.
            StoreUnsuitable: something else is where the library is to be.
        """
        from vecclust.library.backups import is_day, restore_library

        file = Path(os.path.abspath(os.path.expanduser(file)))
        if not is_day(file):
            return restore_library(file, path, progress=progress)
        with cls.open(path, write=True, create=False, config=config, flags=flags) as library:
            return library.restore_day(file)

    def keep_day(self, *, said: bool = False) -> None:
        """Keep what cannot be computed again, once a day.

        What goes wrong is logged: it must not keep anybody from what they do.

        Args:
            said: whether something was said just now; else it is looked at once a day whether there is anything new.
        """
        day = datetime.fromtimestamp(self._clock.now_ns() / 1e9).date()
        if day == self._day_kept and not said:
            return
        from vecclust.library.daily import keep_day

        try:
            keep_day(self._store, day)
        except (OSError, ValueError, VecclustError) as error:
            log.warning("what cannot be computed again could not be kept for %s: %s", day, error)
        self._day_kept = day

    def restore_day(self, file: Path | str) -> RestoreReport:
        """Add what the small backup of a day says and the library does not: edits and names, by the clusters' photos.

        Args:
            file: one of those in the library's folder `backups`, or a copy of one.

        Returns:
            What came back, and which names found no cluster.

        Raises:
            NotFound: there are no clusters yet.
            UsageError: it is no backup of a day.
            StoreDamaged: it is not what was written.
        """
        from vecclust.library.daily import restore_day

        return restore_day(self._store, Path(file))

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

    def kept_folders(self) -> tuple[KeptFolder, ...]:
        """Read the folders that are kept, and what of the library lies in each."""
        from vecclust.library.ingest.folders import list_folders

        with self._store.snapshot():
            return list_folders(self._store)

    def accept_drive(self, folder: Path | str, *, dry_run: bool = False) -> AcceptReport:
        """Accept what lies in a kept folder's place as another drive of the owner's; what was known there is kept.

        The next scan takes it in. Whichever of the drives lies there is known again by its files; the photos of the
        others stay in the library and answer nothing meanwhile. No file is touched.

        Args:
            folder: as it is kept.
            dry_run: say what would be done, change nothing.

        Returns:
            What it comes to.

        Raises:
            NotFound: it is not kept.
            UsageError: it is a part of one that is, or such lie in it; or nothing is held back in it.
        """
        from vecclust.library.ingest.folders import accept_drive

        return accept_drive(self._store, Path(folder), now_ns=self._clock.now_ns(), dry_run=dry_run)

    def forget(self, folder: Path | str, *, dry_run: bool = False) -> ForgetReport:
        """Take a folder back: it is kept no more, its files are forgotten, and the photos that lie in no other one.

        No file is touched, and what was said of clusters and photos is kept.

        Args:
            folder: as it is kept, whether it is there or not.
            dry_run: say what would be done, change nothing.

        Returns:
            What it comes to.

        Raises:
            NotFound: it is not kept.
            UsageError: it is a part of one that is, or such lie in it.
        """
        from vecclust.library.ingest.folders import forget_folder

        return forget_folder(self._store, Path(folder), dry_run=dry_run)

    # Clusters.

    def clusters(self, about: str = "") -> ClusterList:
        """Read the clusters of the current run, largest first.

        Args:
            about: only those that this word means, the likeliest first; where it is no word of the vocabulary, those
                whose photos are more like it than the library's are, the likest first.

        Returns:
            The clusters; its counts are those of the whole library.

        Raises:
            ModelError: it is no word of the vocabulary, and the model cannot be used.
        """
        from vecclust.library.queries.clusters import list_clusters

        store = self._store
        with store.snapshot():
            listed = list_clusters(store, language=self._language)
            if not about.strip() or not listed.clusters:
                return listed
            from vecclust.library.queries.meant import clusters_by_fit, meant_clusters

            wanted = tuple(one.id for one in meant_clusters(store, [about], language=self._language))
            wanted = wanted or clusters_by_fit(store, self._model.texts().embed_texts([about])[0])
            entries = {entry.id: entry for entry in listed.clusters}
            return replace(listed, clusters=tuple(entries[one] for one in wanted if one in entries))

    @property
    def _language(self) -> str:
        """The language of words."""
        return self._config.names.language

    def _cluster_id(self, named: str) -> str:
        from vecclust.library.queries.names import cluster_id

        return cluster_id(self._store, named, language=self._language)

    def _owner(self) -> Edits:
        from vecclust.library.edits import Edits

        return Edits(self._store, clock=self._clock, language=self._language)

    def cluster(self, cluster: str, *, limit: Limit = 10**9, filters: Filters = NO_FILTERS) -> ClusterPage:
        """Read one cluster: its photos by strength, its history.

        Args:
            cluster: its id or its name; `unclustered` for the photos that are in none.
            limit: photos wanted.
            filters: what the photos are limited to.

        Returns:
            The cluster.

        Raises:
            NotFound: the current run has no such cluster.
        """
        from vecclust.library.queries.clusters import show_cluster
        from vecclust.library.queries.search import scope_of

        store, language = self._store, self._language
        with store.snapshot():
            scope = scope_of(store, filters, language=language)
            return show_cluster(store, self._cluster_id(cluster), limit=limit, scope=scope, language=language)

    def inside(self, cluster: str) -> ClusterParts:
        """Look inside one cluster: groups of its photos, which no run keeps.

        Args:
            cluster: its id or its name; `unclustered` for the photos that are in none.

        Returns:
            The groups.

        Raises:
            NotFound: the current run has no such cluster.
            DamagedRun: the run's arrays are missing or damaged; a refit mends it.
        """
        with self._store.snapshot():
            return self._runs.inside(self._cluster_id(cluster))

    def caption(self, clusters: tuple[str, ...], *, mean: bool = False) -> tuple[ClusterCaption, ...]:
        """Write a sentence about each of some clusters, with a model that can write.

        That is the library's own, or the one of the setting `names.captioner`: an open_clip model with a decoder. It is
        loaded for one call, so several clusters are best asked about together.

        Args:
            clusters: their ids or names.
            mean: from the mean of a cluster's pictures, instead of from the most central one.

        Returns:
            The captions, in the order asked for; the same whenever they are asked for.

        Raises:
            NotFound: the current run has no such cluster, or no picture of it can be read now.
            UsageError: `unclustered` is no cluster.
            ModelError: neither model can write, or it cannot be used.
        """
        from vecclust.library.captions import write_captions

        with self._store.snapshot():
            ids = [self._cluster_id(cluster) for cluster in clusters]
        try:
            return write_captions(self._store, self._config, ids, mean=mean)
        finally:
            from vecclust.embeddings import give_memory_back

            give_memory_back()

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
        report = self._runs.refit(reason="on demand", dry_run=dry_run, kind=kind, progress=progress)
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

    # Another model.

    def migration(self, name: str = "", *, back: bool = False, progress: Progress = no_progress) -> MigrationStatus:
        """Say how the library stands to another model, and what going to it costs; nothing is changed.

        Args:
            name: the other model; where empty, the one that is being prepared.
            back: the model before.
            progress: told about the model being loaded.

        Returns:
            The state; where a model is named, also how long it takes, by a sample of the photos.

        Raises:
            NotFound: there is no model before.
            UsageError: the library has that model, or another migration is in its way.
            ModelError: it cannot be used.
        """
        from vecclust.library.migration.migration import Migration

        way = Migration(self._store, config=self._config, params=self._runs.fit_params, load=self._load_other)
        return way.status(name, back=back, progress=progress)

    def prepare_model(
        self, name: str = "", *, back: bool = False, n_threads: int = 0, progress: Progress = no_progress
    ) -> MigrationReport:
        """Embed all photos with another model beside the one there is, fit them, and say what a switch will change.

        Takes long, can be killed and called again, and needs no writer's lock: the library answers and changes as
        before meanwhile.

        Args:
            name: the other model; where empty, the one that is being prepared already.
            back: the model before.
            n_threads: decoding processes, where no setting says otherwise; 0 for one per core.
            progress: told about photos and stages.

        Returns:
            The difference; where `missing` is not 0, those photos could not be embedded.

        Raises:
            NotFound: no model is being prepared, or there is none before.
            UsageError: the library has that model, or another migration is in its way.
            LibraryLocked: another process is preparing one.
            ModelError: it cannot be used.
        """
        from vecclust.library.migration.migration import Migration
        from vecclust.library.opening import open_beside

        with closing(open_beside(self.folder, self._config)) as store:
            params, load = self._runs.fit_params, self._load_other
            way = Migration(store, config=self._config, params=params, load=load, n_threads=n_threads)
            return way.prepare(name, back=back, progress=progress)

    def switch_model(self, *, back: bool = False) -> MigrationReport:
        """Make the model that was prepared the library's own, in one commit; its vectors of before are kept.

        Args:
            back: the model before, and its run.

        Returns:
            What changed; where `missing` is not 0, photos came that are to be embedded first, and nothing changed.

        Raises:
            NotFound: no model is being prepared, or there is none before.
            UsageError: its vectors are not fitted yet.
            LibraryLocked: a process is still at them.
        """
        from vecclust.library.migration.switch import switch
        from vecclust.library.opening import open_beside

        with closing(open_beside(self.folder, self._config)):
            report = switch(self._store, self._runs, back=back, naming=self._naming)
        if report.switched:
            # What is kept warm is the other model's.
            self._ingest.let_go(idle_s=0)
            self._model.let_go(idle_s=0)
            self._runs.let_go()
        return report

    def drop_former_model(self) -> str:
        """Let go of the vectors of the model before, with which the way back to it ends; give its name.

        Raises:
            NotFound: none are kept.
            LibraryLocked: a process is at them, to go back.
        """
        from vecclust.library.opening import open_beside

        with closing(open_beside(self.folder, self._config)):
            return self._store.drop_former_model().model.name

    def stop_migration(self) -> str:
        """Throw away what prepares another model; give its name.

        Raises:
            NotFound: none is being prepared.
            LibraryLocked: a process is at it.
        """
        from vecclust.library.migration.switch import drop_fit, target_of
        from vecclust.library.opening import open_beside

        with closing(open_beside(self.folder, self._config)) as store:
            name = target_of(store, back=False).model.name
            store.drop_next_model()
            drop_fit(self.folder)
        return name

    # What the owner says.

    def rename(self, cluster: str, name: str) -> ClusterName:
        """Give a cluster, event, trip or place its owner's name; it outlives refits and whatever comes.

        Args:
            cluster: its id or, of a cluster, its name.
            name: the name: text of one line of at most 80 letters, no id and no word such as `unclustered`, and not
                that of another cluster of the current run, whatever the case.

        Returns:
            The name as it is kept.

        Raises:
            NotFound: there never was such a cluster.
            UsageError: it is no name, another cluster has it, or `unclustered` is to get one.
        """
        from vecclust.library.queries.clusters import require_cluster
        from vecclust.library.queries.names import free_name

        if (group := group_asked(cluster)) is not None:
            from vecclust.library.timeline.corrections import rename_group

            given = rename_group(self._store, group, name, now_ns=self._clock.now_ns())
            self.keep_day(said=True)
            return given
        cluster = self._cluster_id(cluster)
        require_cluster(cluster, hint="vecclust clusters lists what can have a name.")
        name = free_name(self._store, name, cluster=cluster)
        kept = self._store.rename({cluster: name}, named_ns=self._clock.now_ns())[0]
        self.keep_day(said=True)
        return kept

    def accept_names(self, clusters: tuple[str, ...] = ()) -> tuple[ClusterName, ...]:
        """Give clusters the names that are proposed for them: of what they broke off from, numbered, or words.

        Args:
            clusters: their ids or names; all for which a name is proposed where empty.

        Returns:
            The names as they are kept.

        Raises:
            NotFound: for one of them none is proposed; then none is given.
        """
        kept = self._owner().accept_names(clusters)
        self.keep_day(said=True)
        return kept

    def refuse_names(self, clusters: tuple[str, ...]) -> EditReport:
        """Refuse the names that are proposed for clusters: none is called so again, until the edit is taken back.

        Args:
            clusters: their ids or names.

        Returns:
            The edit, one for all of them.

        Raises:
            NotFound: for one of them none is proposed; then none is refused.
            UsageError: no cluster is named.
        """
        report = self._owner().refuse_names(clusters)
        self.keep_day(said=True)
        return report

    def edit(self, request: EditRequest) -> EditReport:
        """Correct clusters as the owner says; it holds at once, and through refits and rollbacks until taken back.

        - `move`: `photos` are in `cluster` from now on.
        - `pin`: `photos` stay where they are now.
        - `unpin`: `photos` are again where the run has them.
        - `merge`: the photos of `other` are those of `cluster`.
        - `not-together`: no fit makes one cluster of `cluster` and `other`.
        - `split-off`: `photos` of `cluster` are a cluster of their own, called `name`.
        - `take-back`: `edits` count as never made.

        Events, trips and places are merged by their ids as clusters are, photos are moved to an event and split off
        one. `rename`, `accept_names` and `refuse_names` are edits too.

        Args:
            request: what is to hold.

        Returns:
            What it changed.

        Raises:
            NotFound: a photo, cluster or edit is not there.
            UsageError: it makes no sense.
        """
        report = self._owner().make(request)
        self.keep_day(said=True)
        return report

    def edits(self, *, everything: bool = False) -> tuple[EditEntry, ...]:
        """Read what the owner said of clusters, in order.

        Args:
            everything: also what is no longer in force.
        """
        with self._store.snapshot():
            return self._owner().entries(everything=everything)

    # Time and place.

    def events(self, *, filters: Filters = NO_FILTERS) -> EventList:
        """Read the events, the last first: photos taken one after another, with a gap around them.

        Args:
            filters: only those with a photo that they let through.

        Raises:
            NotFound: there is nothing of what the filters name.
            UsageError: several have this name.
        """
        with self._store.snapshot():
            return self._timeline(filters).events()

    def event(self, event: str, *, filters: Filters = NO_FILTERS) -> EventPage:
        """Read one event with its photos, in order of time.

        Args:
            event: its id or its name.
            filters: what the photos are limited to.

        Raises:
            NotFound: there is no such event.
            UsageError: several have this name.
        """
        from vecclust.library.timeline.meant import number_meant

        with self._store.snapshot():
            number = number_meant(self._store, "event", event, language=self._language)
            return self._timeline(filters).event(number)

    def trips(self, *, filters: Filters = NO_FILTERS) -> TripList:
        """Read the trips, the last first: events away from home, with a night.

        Args:
            filters: only those with a photo that they let through.

        Raises:
            NotFound: there is nothing of what the filters name.
            UsageError: several have this name.
        """
        with self._store.snapshot():
            return self._timeline(filters).trips()

    def places(self, *, filters: Filters = NO_FILTERS) -> PlaceList:
        """Read the places, most photos first: towns and the streets in them.

        Args:
            filters: only those with a photo that they let through.

        Raises:
            NotFound: there is nothing of what the filters name.
            UsageError: several have this name.
        """
        with self._store.snapshot():
            return self._timeline(filters).places()

    def _timeline(self, filters: Filters) -> TimelineReader:
        from vecclust.library.queries.search import scope_of
        from vecclust.library.timeline.answers import TimelineReader

        scope = scope_of(self._store, filters, language=self._language)
        return TimelineReader(self._store, language=self._language, scope=scope)

    # Questions.

    def similar(
        self,
        photo: Path | str,
        *,
        limit: Limit = 20,
        filters: Filters = NO_FILTERS,
        plus: Examples = NO_EXAMPLES,
        minus: Examples = NO_EXAMPLES,
    ) -> Answer:
        """Find photos like one that is in the library, or like any image file.

        Args:
            photo: its path.
            limit: hits wanted.
            filters: what the answer is limited to.
            plus: words and pictures that the photos are to be like besides.
            minus: words and pictures that they are to be unlike.

        Returns:
            The hits, without the pictures that are asked about.

        Raises:
            NotFound: the library is empty, or there is no such file.
            PhotoError: a file cannot be read as a picture.
            ModelError: a photo is not in the library, or there are words, and the model cannot be used.
            UsageError: a text is empty, or nothing is left of what is asked for.
        """
        path = os.path.abspath(photo)
        near = Examples(plus.texts, (Path(path), *plus.photos))
        return self._find(path, near, minus, limit=limit, filters=filters)

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
            return answer(
                store,
                self._model,
                photo,
                vector,
                limit=limit,
                leave_out=[photo],
                filters=NO_FILTERS,
                language=self._language,
            )

    def search(
        self,
        text: str,
        *,
        limit: Limit = 20,
        filters: Filters = NO_FILTERS,
        plus: Examples = NO_EXAMPLES,
        minus: Examples = NO_EXAMPLES,
    ) -> Answer:
        """Find photos that match a text.

        Args:
            text: what the pictures show.
            limit: hits wanted.
            filters: what the answer is limited to.
            plus: words and pictures that the photos are to be like besides.
            minus: words and pictures that they are to be unlike.

        Returns:
            The hits, without the pictures that are asked about.

        Raises:
            NotFound: the library is empty, or there is no such file.
            PhotoError: a file cannot be read as a picture.
            ModelError: the model cannot be used.
            UsageError: a text is empty, or nothing is left of what is asked for.
        """
        near = Examples((text, *plus.texts), plus.photos)
        return self._find(text, near, minus, limit=limit, filters=filters)

    def _find(self, query: str, plus: Examples, minus: Examples, *, limit: int, filters: Filters) -> Answer:
        """Find photos like some examples and unlike others; `query` is the first one of those to be near."""
        from vecclust.library.opening import decode_limits
        from vecclust.library.queries.combined import answer_combined, combine, embed_all

        store = self._store
        # In one snapshot: the library may be given another model meanwhile.
        with store.snapshot():
            words = embed_all(self._model, plus, minus)
            asked = combine(store, self._model, plus, minus, words=words, limits=decode_limits(self._config))
            return answer_combined(
                store, self._model, query, asked, limit=limit, filters=filters, language=self._language
            )

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
            return photo_at(self._store, os.path.abspath(path), language=self._language)

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

        return write_gallery(self._store, out, names=names, language=self._language)

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

        seed, language = self._config.clusters.seed, self._language
        return write_map(self._store, out, names=names, seed=seed, language=language)

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

        seed, language = self._config.clusters.seed, self._language
        return write_table(self._store, out, names=names, seed=seed, language=language)

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

    def inventory(self) -> Inventory:
        """Read what the library holds: what a scan ends with."""
        from vecclust.library.queries.status import take_inventory

        with self._store.snapshot():
            return take_inventory(self._store, fit_needs=self._runs.fit_needs, language=self._language)

    def skipped(self) -> SkippedList:
        """Look what is left out of the kept folders now, and why: what is no photo by its name, links, markers."""
        from vecclust.library.opening import ignore_rules
        from vecclust.library.queries.status import list_skipped

        return list_skipped(self._store, ignore_rules(self._config))

    def problems(self) -> tuple[Problem, ...]:
        """Read the files that could not be read, by path."""
        from vecclust.library.queries.status import list_problems

        return list_problems(self._store)
