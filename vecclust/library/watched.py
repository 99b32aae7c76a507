"""A library as processes that stay with it need it: the daemon, which keeps it in step, and the live pages."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from vecclust.library.library import Library
from vecclust.library.opening import ignore_rules
from vecclust.library.pages.live import LiveReader
from vecclust.library.pages.written import read_positions
from vecclust.types.files import ScanReport
from vecclust.types.progress import Progress, no_progress
from vecclust.types.runs import Growth, RefitReport

if TYPE_CHECKING:
    from vecclust.clustering import FitParams
    from vecclust.embeddings import Embedder, TextEmbedder
    from vecclust.library.runs.fit_result import FitResult
    from vecclust.library.runs.positions import MapPositions
    from vecclust.photos import IgnoreRules


# Photos come in bursts of seconds; nobody looks at their events before a burst is over.
TIMELINE_PAUSE_S = 30.0


class WatchedLibrary(Library):
    """One library, looked at again and again, kept warm, fitted by another process; opened as `Library` is."""

    # When events are found again at the soonest, and of which state of the photos they were found last.
    _timeline_due_s = 0.0
    _timeline_stamp = ""

    # Looks.

    @property
    def rules(self) -> IgnoreRules:
        """What counts as a photo here."""
        return ignore_rules(self._config)

    def remember(self, folders: Iterable[Path | str]) -> tuple[str, ...]:
        """Keep folders from now on, without looking at them yet, and give all that are kept.

        Args:
            folders: may be none.

        Returns:
            Absolute paths.

        Raises:
            UsageError: no folder was ever given, or one is no folder or not there and was never kept.
        """
        return self._ingest.remember(folders)

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
        return self._ingest.catch_up(paths, more=more, progress=progress)

    def later(self) -> dict[str, float]:
        """Give the files that ask for another look, by absolute path, and in how many seconds each."""
        return self._ingest.later()

    # What is kept warm.

    def embedder(self) -> Embedder:
        """Give the library's model, loaded at first use; other threads may ask for it."""
        return self._model.embedder()

    def texts(self) -> Embedder | TextEmbedder:
        """Give what embeds words with the library's model, loaded at first use; other threads may ask for it."""
        return self._model.texts()

    def warm_up(self) -> None:
        """Load the model, so that the next question or photo need not wait for it; not before there are any photos.

        Raises:
            ModelError: it cannot be used.
        """
        if self._store.model() is not None:
            from vecclust.library.reference import reference_vectors

            reference_vectors(self.folder, self.texts())
            self.texts().embed_texts(["photo"])
            self.embedder()

    def name_clusters(self) -> str:
        """Name the clusters of the current run where that is not done, and the vectors of words are there.

        Returns:
            What is lacking for it: another one whenever something else is; empty where it is done. `make_words` helps.
        """
        return self._runs.name_clusters()

    def keep_timeline(self) -> None:
        """Find events, trips and places again where photos came or went since, and keep their ids.

        At most a fiftieth of the time is spent on it: a question about them that comes sooner finds them itself.
        """
        now_s = time.monotonic()
        if now_s < self._timeline_due_s or self._timeline_stamp == (stamp := self._store.photos_stamp()):
            return
        from vecclust.library.timeline.found import find_timeline_of

        find_timeline_of(self._store)
        took_s = time.monotonic() - now_s
        self._timeline_due_s = now_s + max(TIMELINE_PAUSE_S, 50 * took_s)
        self._timeline_stamp = stamp

    def make_words(self) -> None:
        """Make the vectors of the words that clusters are named by, in parts that are kept; other threads go on.

        Raises:
            ModelError: the model cannot be used.
        """
        self._naming.make_vectors()

    @property
    def loading(self) -> bool:
        """Whether the model is being loaded, which may take as long as fetching it."""
        return self._model.loading

    def keep_warm(self, *, n_threads: int = 0) -> None:
        """Keep decoding processes and the run's arrays up between scans, until the library is closed.

        Args:
            n_threads: threads of the model and decoding processes, where no setting says otherwise; 0 for no limit.
        """
        self._ingest.keep_warm(processes=n_threads)
        self._model.n_threads = n_threads
        self._runs.keep_warm()

    def mend(self) -> None:
        """Mend what of the library was damaged since it was opened; the next look brings the rest.

        Raises:
            StoreDamaged: it cannot be mended.
        """
        self._store.mend()

    def let_go(self, *, idle_s: float) -> bool:
        """Let go of what is kept warm and was not used lately, and give its memory back to the system.

        The next photo or question loads it again, whichever thread it comes from.

        Args:
            idle_s: seconds for which the model, or decoding processes and the run's arrays, were not used; 0 for now.

        Returns:
            Whether there was anything to let go of.
        """
        from vecclust.embeddings import give_memory_back
        from vecclust.library.naming.vocabulary import let_go_of_words

        rested = self._ingest.let_go(idle_s=idle_s)
        if rested:
            self._runs.let_go()
        gone = self._model.let_go(idle_s=idle_s) or rested
        if gone:
            let_go_of_words()
            give_memory_back()
        return gone

    # Fits, made by another process.

    @property
    def fit_params(self) -> FitParams:
        """What a fit is asked to do here."""
        return self._runs.fit_params

    def adopt(self, result: FitResult, *, reason: str) -> RefitReport:
        """Make a fit that another process found the current run, and label what came since.

        Args:
            result: the fit, see `runs.fit_result.fit_photos`.
            reason: why it was made.

        Returns:
            What was found and changed.
        """
        from vecclust.embeddings import give_memory_back

        report = self._runs.adopt(result, reason=reason)
        # What the earlier run's arrays and the replaced labels took, else a tenth more after twenty refits.
        give_memory_back()
        return report

    def leave_fits(self) -> None:
        """Make no first fit and no repair from now on where something is to be labelled and there is no usable run.

        Whoever asks for it has them made elsewhere when `missing_fit` says why, and adopts them; likewise the vectors
        of words, when `name_clusters` says that they are lacking.
        """
        self._runs.fits_here = self._naming.embeds_here = False

    @property
    def missing_fit(self) -> str:
        """Why nothing could be labelled when that was last tried, as it is kept with a run; empty where it could."""
        return self._runs.missing_fit

    def growth(self) -> Growth | None:
        """Say how far the library has grown beyond its current run; None before the first fit."""
        return self._runs.growth()

    # What live pages read.

    def live(self) -> LiveReader:
        """Give the library a page at a time."""
        return LiveReader(self._store, language=self._language)

    def map_positions(self) -> MapPositions:
        """Give every photo's place on the map, laid out where that is not done yet; nothing is kept."""
        return read_positions(self._store, seed=self._config.clusters.seed)

    def keep_map(self, laid: MapPositions) -> None:
        """Keep a map that was laid out, unless a later run is the current one by now.

        Args:
            laid: as `map_positions` gave it.
        """
        from vecclust.library.runs.positions import keep_map

        keep_map(self._store, laid)
