"""The way to another model: what it costs, its vectors, a fit of them, and the difference; all but the switch.

Whoever goes this way reads the library and writes nothing of it but the other model's table, so that the daemon, scans
and questions go on. Photos that come meanwhile are embedded at the end; those that went are dropped from the table.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.config import Config
from vecclust.errors import UsageError, VecclustError
from vecclust.library.migration.beside import Beside, Embedded, file_there
from vecclust.library.migration.switch import (
    drop_fit,
    keep_fit,
    kept_fit,
    missing_of,
    names_lost,
    owner_names,
    run_to_return_to,
    target_of,
)  # fmt: skip
from vecclust.library.naming.vocabulary import embed_words, lacking_words, read_vocabulary
from vecclust.library.opening import decode_limits
from vecclust.library.queries.status import bytes_below
from vecclust.library.runs.fit_result import fit_photos
from vecclust.library.runs.refit import adopt
from vecclust.photos import DecodePool
from vecclust.types.files import FileRow
from vecclust.types.migrations import MigrationReport, MigrationStatus, ModelTable
from vecclust.types.photos import DecodedPhoto
from vecclust.types.progress import Progress
from vecclust.types.status import LibraryModel

if TYPE_CHECKING:
    from vecclust.clustering import FitParams
    from vecclust.embeddings import Embedder
    from vecclust.library.runs.fit_result import FitResult
    from vecclust.store import Store

log = logging.getLogger(__name__)

# Photos that are embedded for nothing to say how long all of them take: a second or two, and right within a quarter.
N_SAMPLE = 32
# Beside its vector a row holds a hash, sizes and times.
ROW_BYTES = 200
# A fit that misses so few of the photos is as good as a new one; what it misses is labelled as arrivals are.
FIT_COVERS = 0.95
# Photos may come while others are embedded and fitted; a library into which they pour is left for another time.
MOST_ROUNDS = 5


class Migration:
    """The way of one library to another model.

    Args:
        store: the library, opened by `Store.open_beside`; for `status` any.
        config: the settings.
        params: what the fit is asked to do.
        load: loads a model by its name.
        n_threads: decoding processes, where no setting says otherwise; 0 for one per core.
    """

    def __init__(
        self,
        store: Store,
        *,
        config: Config,
        params: FitParams,
        load: Callable[[str], Embedder],
        n_threads: int = 0,
    ) -> None:
        self._store = store
        self._config = config
        self._params = params
        self._load = load
        self._n_threads = n_threads
        self._loaded: Embedder | None = None

    def status(self, name: str = "", *, back: bool = False, progress: Progress) -> MigrationStatus:
        """Say how the library stands to another model and what is still to do; nothing is changed.

        Args:
            name: the other model; where empty, the one that is being prepared.
            back: the one before.
            progress: told about the model being loaded.

        Returns:
            The state; with a `name`, or `back`, also how long the rest takes, by a sample.
        """
        store = self._store
        own, former = self._own(), store.former_model()
        target = self._target(name, back=back, progress=progress) if name or back else store.next_model()
        view = store.seen_with(target) if target is not None and target.table else None
        missing = sorted(store.photo_keys()) if view is None else missing_of(store, view)
        missing = [] if target is None else missing
        n_away, n_without = self._away(missing)
        is_ready = view is not None and not missing and target is not None and self._is_fitted(target)
        is_filling = store.next_model() is not None
        return MigrationStatus(
            state="ready" if is_ready else "filling" if is_filling else "none",
            model=own.name,
            target=None if target is None else target.model.name,
            back=target is not None and target.until_ns > 0,
            photos=store.counts().photos,
            embedded=0 if view is None else store.counts().photos - len(missing),
            from_thumbnails=n_away,
            without_picture=n_without,
            seconds=self._seconds(missing, target, progress) if (name or back) and target is not None else None,
            bytes_on_disk=bytes_below(store.folder),
            bytes_more=0 if target is None else len(missing) * (4 * target.model.dim + ROW_BYTES),
            former=None if former is None else former.model.name,
            former_kept=former is not None and former.kept,
            former_bytes=store.bytes_of(former) if former is not None and former.kept else 0,
        )

    def prepare(self, name: str = "", *, back: bool = False, progress: Progress) -> MigrationReport:
        """Embed what has no vector of the other model, fit where that is needed, and say what the switch will change.

        Args:
            name: the other model; where empty, the one that is being prepared already.
            back: the one before.
            progress: told about photos and stages.

        Returns:
            The difference; with photos missing where some could not be embedded.

        Raises:
            UsageError: the library has that model, or another migration is in its way.
            NotFound: there is no such model.
            ModelError: it cannot be used.
        """
        began_s = time.monotonic()
        store = self._store
        target = self._target(name, back=back, progress=progress)
        if not target.table:
            drop_fit(store.folder)
            target = store.begin_model(target.model)
        view, done = store.seen_with(target), Embedded()
        for _ in range(MOST_ROUNDS):
            left = [photo for photo in missing_of(store, view) if photo not in done.failed]
            if not left:
                break
            done = self._embed(left, view, target, done, progress)
        view.keep_photos(store.photo_keys())
        view.tidy_photos()
        report = MigrationReport(
            target.model.name,
            back=target.until_ns > 0,
            photos=store.counts().photos,
            embedded=done.photos,
            from_thumbnails=done.from_thumbnails,
            missing=len(missing_of(store, view)),
            failed=self._named(done.failed),
        )
        if not report.missing and store.state().current_run is not None:
            report = self._compared(report, view, target, progress)
            self._make_words(target, progress)
        return dataclasses.replace(report, seconds=time.monotonic() - began_s)

    def _own(self) -> LibraryModel:
        own = self._store.model()
        if own is None:
            raise UsageError(
                "the library has no photos yet, so it can have any model",
                hint="Name it as they come in: vecclust scan --model NAME FOLDER.",
            )
        return own

    def _target(self, name: str, *, back: bool, progress: Progress) -> ModelTable:
        """Find the other model that is meant; its table has no name where it is not begun yet."""
        store, own = self._store, self._own()
        if back or not name:
            return target_of(store, back=back)
        progress("loading", 0, 1)
        loaded = self._embedder(name)
        if loaded.model_id == own.model_id:
            raise UsageError(f"the library has the model {own.name} already", hint="vecclust models lists others.")
        former, under_way = store.former_model(), store.next_model()
        if under_way is not None and under_way.model.model_id == loaded.model_id:
            return under_way
        if former is not None and former.kept and former.model.model_id == loaded.model_id:
            return former
        if under_way is not None:
            raise UsageError(
                f"the vectors of {under_way.model.name} are being made already",
                hint="vecclust migrate goes on with them, vecclust migrate --stop throws them away.",
            )
        if former is not None and former.kept:
            raise UsageError(
                f"the vectors of {former.model.name} are still kept, and a library has two models at most",
                hint="vecclust migrate --back goes back to it, vecclust migrate --drop-old lets them go.",
            )
        return ModelTable(LibraryModel(loaded.name, loaded.model_id, loaded.dim, loaded.framing), "")

    def _embedder(self, name: str) -> Embedder:
        if self._loaded is None:
            self._loaded = self._load(name)
        return self._loaded

    def _of_target(self, target: ModelTable) -> Embedder:
        """Load the other model, whose files may be others than when its first photo was embedded."""
        loaded = self._embedder(target.model.name)
        if loaded.model_id != target.model.model_id:
            raise UsageError(
                f"{target.model.name} is {loaded.model_id} now, and vectors of {target.model.model_id} are there",
                hint="vecclust migrate --stop throws them away; then vecclust migrate NAME begins anew.",
            )
        return loaded

    def _pool(self, target: ModelTable) -> DecodePool:
        return DecodePool(
            target.model.framing,
            limits=decode_limits(self._config),
            processes=self._config.photos.decode_processes or self._n_threads or None,
        )

    def _embed(
        self, photos: Sequence[str], view: Store, target: ModelTable, before: Embedded, progress: Progress
    ) -> Embedded:
        progress("loading", 0, 1)
        self._of_target(target)
        work = Beside(self._store, view, embedder=lambda: self._of_target(target), pace=self._config.store)
        work.done = before
        with self._pool(target) as decoder:
            return work.run(photos, decoder, progress=progress)

    def _is_fitted(self, target: ModelTable) -> bool:
        if self._store.state().current_run is None or run_to_return_to(self._store, target) is not None:
            return True
        return kept_fit(self._store.folder, model_id=target.model.model_id) is not None

    def _compared(
        self, report: MigrationReport, view: Store, target: ModelTable, progress: Progress
    ) -> MigrationReport:
        """Find the run of the other model, and hold it against the present one."""
        from vecclust.clustering import agreement

        store, names = self._store, owner_names(self._store)
        before = {photo: label.cluster for photo, label in store.run_labels().items()}
        run, refit = run_to_return_to(store, target), None
        if run is not None:
            after = {photo: label.cluster for photo, label in store.run_labels(run).items()}
            lost = names_lost(names, {row.cluster for row in store.clusters(run)})
        else:
            result = self._fit(view, target, progress)
            after = dict(zip(result.photos, map(str, result.labels.tolist()), strict=True))
            after = {photo: None if label == "-1" else label for photo, label in after.items()}
            refit = adopt(view, result, reason="", dry_run=True)
            lost = tuple(sorted(names[cluster] for cluster in refit.ended if cluster in names))
        both = sorted(before.keys() & after.keys())
        labels = [_numbered([of[photo] for photo in both]) for of in (before, after)]
        alike = agreement(*labels) if both else None
        if refit is not None:
            run = refit.run
        return dataclasses.replace(report, names=len(names), names_lost=lost, agreement=alike, refit=refit, run=run)

    def _fit(self, view: Store, target: ModelTable, progress: Progress) -> FitResult:
        """Fit the other model's vectors, or take the fit that is there where it covers nearly all of them."""
        wanted = self._params.as_dict()
        result = kept_fit(view.folder, model_id=target.model.model_id, wanted=wanted)
        photos = view.photo_keys()
        if result is None or len(photos & set(result.photos)) < FIT_COVERS * max(len(photos), len(result.photos)):
            # Photos are held where they were, unless the other model's neighbours speak against it: names live on.
            result = fit_photos(view, self._params, kind="continued", progress=progress)
            keep_fit(result, view.folder, wanted=wanted)
        return result

    def _make_words(self, target: ModelTable, progress: Progress) -> None:
        """Make the vectors of words that clusters are named by, so that the switch comes with names; it needs none."""
        vocabulary = read_vocabulary(self._store.folder)
        if not vocabulary.words or not lacking_words(self._store.folder, target.model.model_id, vocabulary):
            return
        try:
            embed_words(self._store.folder, lambda: self._of_target(target), vocabulary, progress=progress)
        except VecclustError as error:
            log.warning("the clusters will have no names by words at first: %s", error.message)

    def _named(self, failed: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Give the paths of photos that could not be embedded, and why."""
        files = self._store.files_of(list(failed))
        return tuple((files[photo][0].absolute if photo in files else photo, failed[photo]) for photo in sorted(failed))

    def _away(self, photos: Sequence[str]) -> tuple[int, int]:
        """Count the photos whose files are away now, those with a thumbnail and those without."""
        files: dict[str, list[FileRow]] = {photo: [] for photo in photos}
        for row in self._store.files() if photos else ():
            if row.photo in files:
                files[row.photo].append(row)
        away = {photo for photo, rows in files.items() if file_there(rows) is None}
        n_without = len(away - self._store.thumbnail_keys()) if away else 0
        return len(away) - n_without, n_without

    def _seconds(self, photos: Sequence[str], target: ModelTable, progress: Progress) -> float:
        """Read and embed a few photos for nothing, and say how long all of them take."""
        if not photos:
            return 0.0
        progress("loading", 0, 1)
        embedder = self._of_target(target)
        files = self._store.files_of([photos[at] for at in np.linspace(0, len(photos) - 1, N_SAMPLE).astype(int)])
        seen = [there for rows in files.values() if (there := file_there(rows)) is not None]
        if not seen:
            return 0.0
        with self._pool(target) as decoder:
            rounds = []
            # The first starts processes and warms the model.
            for _ in range(2):
                began_s = time.monotonic()
                outcomes = [outcome for _, outcome in decoder.decode_ahead(((one, frozenset()) for one in seen), 64)]
                frames = [outcome.frame for outcome in outcomes if isinstance(outcome, DecodedPhoto)]
                for start in range(0, len(frames), embedder.batch_size):
                    embedder.embed_each(np.stack(frames[start : start + embedder.batch_size]))
                rounds.append(time.monotonic() - began_s)
        return rounds[-1] / len(seen) * len(photos)


def _numbered(clusters: Sequence[str | None]) -> NDArray[np.int64]:
    """Number clusters, -1 for none."""
    numbers = {cluster: number for number, cluster in enumerate(sorted({one for one in clusters if one is not None}))}
    return np.array([-1 if one is None else numbers[one] for one in clusters], np.int64)
