"""The loop: look at what is due, follow the refit under way, listen until something is due again.

One thread does all of it and alone writes. What the watcher hears during a long look waits in its queue; what other
threads ask for is done between two files of it.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection

from vecclust.config import WatchConfig
from vecclust.daemon.heartbeat import Heartbeat, notify
from vecclust.daemon.jobs import DaemonEnds, JobQueue
from vecclust.daemon.refits import Refits
from vecclust.daemon.schedule import Due, Schedule
from vecclust.daemon.signals import Stop
from vecclust.errors import StoreDamaged, StoreFull, StoreUnsuitable, VecclustError
from vecclust.library.fit_process import FitProcess
from vecclust.library.watched import WatchedLibrary
from vecclust.store.failures import refusal
from vecclust.types.files import ScanReport
from vecclust.watching import Watching, WatchState, start_of, write_state

log = logging.getLogger(__name__)

# Rests and systemd are seen to at least this often, whatever happens.
LONGEST_TURN_S = 30.0
# The wall clock runs ahead of the monotonic one while a computer sleeps.
SLEPT_S = 30.0
# A full disk is not emptied in a second, nor is one that became read-only given back.
REFUSED_PAUSE_S = 60.0
# Counts of a scan, as they are said in the log.
COUNTS = ("added", "updated", "moved", "removed", "missing", "pending", "labelled")


class Daemon:
    """Keeps one library in step with its folders until it is stopped.

    Args:
        library: open for writing.
        watcher: watches its folders, not armed yet.
        fit_process: makes every fit, the first one too; None for no refits, and first fits here.
        jobs: what other threads ask for.
        config: how often things are done; None for the library's own settings.
        clock_s: monotonic seconds.

    Attributes:
        heartbeat: says what the loop does.
        n_looks: looks at files or at everything so far.
    """

    def __init__(
        self,
        library: WatchedLibrary,
        watcher: Watching,
        *,
        fit_process: FitProcess | None = None,
        jobs: JobQueue | None = None,
        config: WatchConfig | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        wanted = library.config
        self.heartbeat = Heartbeat(decode_timeout_s=wanted.photos.decode_timeout_s)
        self.n_looks = 0
        self._library = library
        self._watcher = watcher
        self._jobs = jobs or JobQueue()
        self._config = config or wanted.watch
        self._clock_s = clock_s
        self._refits = None
        if fit_process is not None:
            self._refits = Refits(library, fit_process, config=self._config, heartbeat=self.heartbeat, clock_s=clock_s)
        now_s = clock_s()
        self._settle_s = wanted.photos.settle_s
        self._schedule = Schedule(settle_s=self._settle_s, most=wanted.store.commit_photos, now_s=now_s)
        self._check_s = now_s + self._config.canary_s
        self._arrived_s = now_s
        self._ahead_s = time.time() - now_s
        self._replaced = False
        self._importing = False
        self._held = False
        self._since_ns = time.time_ns()
        self._last_scan_ns = 0
        self._folders = library.folders()
        self._note: WatchState | None = None
        self._status = ""
        self._ready = False
        self._noticed: frozenset[str] = frozenset()
        self._words_asked = ""

    def run(self, stop: Stop) -> None:
        """Arm, catch up, and stay until asked to stop.

        Args:
            stop: says when.

        Raises:
            Stopped: it was asked to.
        """
        self.heartbeat.record("arming")
        self._watcher.arm()
        self._publish("catching up")
        while True:
            stop.check()
            self.work()
            stop.check()
            self.listen()

    def work(self) -> None:
        """Do what is due; what the disk refuses is tried again later."""
        try:
            self._do_due()
        except (StoreFull, StoreUnsuitable, OSError) as error:
            refused = refusal(error) if isinstance(error, OSError) else error
            if refused is None:
                raise
            log.warning("%s; trying again in %.0f s", refused.message, REFUSED_PAUSE_S)
            self._schedule.scan_done(next_s=self._clock_s() + REFUSED_PAUSE_S)

    def _do_due(self) -> None:
        now_s = self._clock_s()
        if now_s >= self._check_s:
            self.heartbeat.record("arming")
            self._watcher.check()
            self._check_s = now_s + self._config.canary_s
            if self._watcher.problems:
                self._schedule.request_scan("events are not relied on", by_s=now_s + self._scan_pause_s())
        self._notice_sleep(now_s)
        due = self._schedule.pop_due(now_s)
        if due is not None:
            self._look(due)
        self.heartbeat.record("jobs")
        self._do_jobs()
        if self._refits is not None and not self._refits.reason and not self._importing:
            self._refits.begin_due(arrived_s=self._arrived_s)
        self._library.keep_day()
        if self._ready and not self._importing:
            self._library.keep_timeline()
        if self._config.idle_s and self._library.let_go(idle_s=self._config.idle_s):
            log.info("idle: the model is let go until it is needed")
        self._publish("reading an import" if self._schedule.n_left else "watching")
        if not self._ready and self._last_scan_ns and not self._schedule.n_left:
            self._ready = True
            log.info("ready: everything is looked at, and what comes is taken in; questions are answered")
            # A thread of its own, for what arrives meanwhile is looked at; it may end with the process.
            threading.Thread(target=self._warm_up, name="vecclust-warm-up", daemon=True).start()
        if self._ready:
            self._name_clusters()

    def _name_clusters(self) -> None:
        """Name the clusters once that can be done, and have made what is lacking for it, each only once."""
        lacking = self._library.name_clusters()
        if lacking and lacking != self._words_asked:
            self._words_asked = lacking
            threading.Thread(target=self._make_words, name="vecclust-words", daemon=True).start()

    def _make_words(self) -> None:
        """Make the vectors of words while nobody waits for them; the next turn names the clusters by them."""
        try:
            self._library.make_words()
        except (VecclustError, OSError) as error:
            log.info("clusters are not named by words yet: %s", error)

    def _warm_up(self) -> None:
        """Load the model while nobody waits for it."""
        try:
            self._library.warm_up()
        except VecclustError as error:
            log.info("the model is not loaded yet: %s", error.message)

    def listen(self, *, at_most_s: float = float("inf")) -> None:
        """Listen until something is heard or due.

        Args:
            at_most_s: longest wait in seconds.
        """
        now_s = self._clock_s()
        wait_s = min(self._schedule.next_s - now_s, self._check_s - now_s, LONGEST_TURN_S, at_most_s)
        if self._refits is not None:
            wait_s = min(wait_s, self._refits.poll_s)
        self.heartbeat.record("listening")
        hint = self._watcher.wait(max(0.0, wait_s))
        self._schedule.add_hint(hint, now_s=self._clock_s())

    def close(self) -> None:
        """Refuse what was asked for and is not done, and end the refit under way."""
        self._jobs.close()
        if self._refits is not None:
            self._refits.close()

    def _look(self, due: Due) -> None:
        """Look at what is due, and plan what follows from it."""
        began_s = self._clock_s()
        self.heartbeat.record("walking")
        try:
            report = self._library.catch_up(due.paths, more=due.more, progress=self._between_files)
            later = self._library.later() if report.pending or report.problems else {}
        except StoreDamaged as error:
            log.warning("%s", error.message)
            # What cannot be mended ends the daemon: it would answer with less than there is.
            self._library.mend()
            self._schedule.request_scan("the library was mended", by_s=self._clock_s())
            return
        now_s = self._clock_s()
        self._importing = due.more or bool(report.left)
        self._replaced = self._replaced or report.updated > 0
        if due.paths is None:
            self._held = report.held > 0
            self._schedule.scan_done(next_s=now_s + self._scan_pause_s(), left=report.left)
            self._last_scan_ns = time.time_ns()
            self._replaced = self._replaced and bool(report.pending or report.left)
        elif self._replaced and not report.pending and not due.more:
            # The photo that was overwritten is without a file now: only a scan may say so that sees all files read.
            self._schedule.request_scan("a photo was replaced", by_s=now_s + self._settle_s)
        elif report.held:
            self._schedule.request_scan("a folder is another than before", by_s=now_s)
        self._schedule.add_retries(later, now_s=now_s)
        if report.added or report.updated:
            self._arrived_s = now_s
        self.n_looks += 1
        _log_look(due, report, now_s - began_s, known=self._noticed)
        # What is still so need not be said again; what a look at everything finds mended is news when it comes back.
        self._noticed = frozenset(report.notices) | (self._noticed if due.paths is not None else frozenset())

    def _scan_pause_s(self) -> float:
        """Seconds between two scans of everything, fewer where events are not relied on or a drive may come back."""
        often_s = min(self._config.poll_s, self._config.interval_s)
        return often_s if self._watcher.problems or self._held else self._config.interval_s

    def _notice_sleep(self, now_s: float) -> None:
        ahead_s = time.time() - now_s
        if ahead_s - self._ahead_s > SLEPT_S:
            self._schedule.request_scan("the computer slept", by_s=now_s)
        self._ahead_s = ahead_s

    def _between_files(self, stage: str, done: int, total: int) -> None:
        """Do between two files of a long import what others wait for."""
        if stage == "photos":
            self._do_jobs(between_files=True)
        self.heartbeat.record(stage)

    def _do_jobs(self, *, between_files: bool = False) -> None:
        """Do what other threads ask for, follow the fit under way, and begin the next that is asked for."""
        while (job := self._jobs.next_job(between_files=between_files)) is not None:
            job.set_running_or_notify_cancel()
            if not job.between_files:
                self.heartbeat.record("adopting")
            try:
                job.set_result(job.work(self._library))
                if job.rescan:
                    self._schedule.request_scan(job.rescan, by_s=self._clock_s())
            except Exception as error:  # whatever is asked for, the loop goes on
                job.set_exception(error)
            except BaseException:
                job.set_exception(DaemonEnds())
                raise
        if self._refits is None:
            return
        self._refits.follow()
        if not self._refits.reason and (fit := self._jobs.next_fit()) is not None:
            self._refits.begin_asked(fit)

    def _publish(self, doing: str) -> None:
        """Say how things stand, for `status` and for systemd."""
        note = WatchState(
            pid=os.getpid(),
            started=start_of(os.getpid()),
            since_ns=self._since_ns,
            watching=self._folders,
            last_scan_ns=self._last_scan_ns,
            problems=self._watcher.problems,
            doing=doing,
        )
        if note != self._note:
            write_state(self._library.folder, note)
            self._note = note
        status = self._status_line(doing)
        if status != self._status:
            # Ready once armed: an import of hours is no slow start.
            notify(*(() if self._status else ("READY=1",)), f"STATUS={status}")
            self._status = status

    def _status_line(self, doing: str) -> str:
        """Say in one line how things stand."""
        parts = [f"{doing} ({len(self._folders)} folder{'s' if len(self._folders) != 1 else ''})"]
        if self._schedule.n_left:
            parts.append(f"{self._schedule.n_left} files to go")
        if self._watcher.problems:
            parts.append("looking again and again, for events cannot be relied on")
        if self._refits is not None and self._refits.reason:
            parts.append(f"fitting anew: {self._refits.reason}")
        return "; ".join(parts)


def _log_look(due: Due, report: ScanReport, seconds: float, *, known: Collection[str]) -> None:
    found = ", ".join(f"{getattr(report, name)} {name}" for name in COUNTS if getattr(report, name))
    for notice in report.notices:
        log.log(logging.DEBUG if notice in known else logging.WARNING, "%s", notice)
    level = logging.INFO if found else logging.DEBUG
    log.log(level, "%s in %.1f s (%s)", found or "nothing new", seconds, due.reason or f"{len(due.paths or ())} files")
