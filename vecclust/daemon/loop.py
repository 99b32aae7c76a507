"""The loop: look at what is due, mind the refit, listen until something is due again.

One thread does all of it, so rows are always whole when a refit is adopted. What was heard during a long look is
in the watcher's queue meanwhile; what others ask for is done between two files of it.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from vecclust.config import Hours
from vecclust.daemon.agenda import Agenda, Due
from vecclust.daemon.orders import Ended, FitOrder, Orders
from vecclust.daemon.policy import RefitPolicy, reason_to_refit
from vecclust.daemon.pulse import Pulse
from vecclust.daemon.refitter import RefitFailed, Refitter
from vecclust.daemon.signals import Stop
from vecclust.daemon.supervisor import notify
from vecclust.errors import StoreFull, VecclustError
from vecclust.library.library import Library
from vecclust.types.files import ScanReport
from vecclust.types.runs import kind_of
from vecclust.watching import Watching, WatchState, start_of, write_state

log = logging.getLogger(__name__)

# While a refit's process runs, its end is looked for this often, oftener where somebody waits for it.
REFIT_LOOK_S = 0.5
ASKED_LOOK_S = 0.1
# Rests and supervisors are minded at least this often, whatever happens.
LONGEST_TURN_S = 30.0
# The wall clock runs ahead of the monotonic one while a computer sleeps.
SLEPT_S = 30.0
# What a refit may do to clusters, as it is said in the log.
CHANGES = ("kept", "born", "split", "merged", "gone")
# Without a usable run nothing is labelled, so its fit is tried again sooner than a refit; a loop would help nobody.
MEND_PAUSE_S = 300.0
# A full disk is not emptied in a second.
FULL_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often things are done, in seconds.

    Attributes:
        interval_s: between two looks at everything.
        poll_s: the same where events alone cannot be relied on.
        canary_s: between two proofs that watching still works.
        settle_s: how long a file is left alone before it is looked at.
        idle_s: without a photo or a question, after which the model is let go; 0 for never.
    """

    interval_s: float = 300.0
    poll_s: float = 60.0
    canary_s: float = 60.0
    settle_s: float = 2.0
    idle_s: float = 0.0


class Daemon:
    """Keeps one library in step with its folders until it is stopped.

    Args:
        library: open for writing.
        watcher: watches its folders, not armed yet.
        refitter: makes every fit, the first one too, in a process of its own; None for no refits, and first fits here.
        orders: what others ask for.
        rhythm: how often.
        policy: when to refit.
        quiet_hours: when no refit begins.
        pulse: told of what the loop does.
    """

    def __init__(
        self,
        library: Library,
        watcher: Watching,
        *,
        refitter: Refitter | None = None,
        orders: Orders | None = None,
        rhythm: Rhythm = Rhythm(),
        policy: RefitPolicy = RefitPolicy(),  # noqa: B008 -- frozen
        quiet_hours: Hours = Hours(),  # noqa: B008 -- frozen
        pulse: Pulse | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pulse = pulse or Pulse()
        self._library = library
        self._watcher = watcher
        self._refitter = refitter
        if refitter is not None:
            library.leave_fits()
        self._orders = orders or Orders()
        self._fit_order: FitOrder | None = None
        self._fit_began_s = 0.0
        self._rhythm = rhythm
        self._policy = policy
        self._quiet_hours = quiet_hours
        self._clock_s = clock_s
        now_s = clock_s()
        self._agenda = Agenda(settle_s=rhythm.settle_s, most=library.config.store.commit_photos, now_s=now_s)
        self._check_s = now_s + rhythm.canary_s
        self._arrived_s = now_s
        self._tried_s = float("-inf")
        self._ahead_s = time.time() - now_s
        self._replaced = False
        self._importing = False
        self._since_ns = time.time_ns()
        self._last_scan_ns = 0
        self._watching = library.folders()
        self._told: WatchState | None = None
        self._said = ""
        self.n_looks = 0

    def run(self, stop: Stop) -> None:
        """Arm, catch up, and stay until asked to stop.

        Args:
            stop: says when.
        """
        self._pulse.beat("arming")
        self._watcher.arm()
        self._tell("catching up")
        while True:
            stop.check()
            self.work()
            stop.check()
            self.listen()

    def work(self) -> None:
        """Do what is due."""
        now_s = self._clock_s()
        if now_s >= self._check_s:
            self._pulse.beat("arming")
            self._watcher.check()
            self._check_s = now_s + self._rhythm.canary_s
            if self._watcher.problems:
                self._agenda.look_at_everything("events are not relied on", by_s=now_s + self._rhythm.poll_s)
        self._notice_sleep(now_s)
        due = self._agenda.take(now_s)
        if due is not None:
            self._look(due)
        self._pulse.beat("minding")
        self._mind_orders()
        self._mind_refit()
        if self._rhythm.idle_s and self._library.let_go(idle_s=self._rhythm.idle_s):
            log.info("idle: the model is let go until it is needed")
        self._tell("reading an import" if self._agenda.busy else "watching")

    def listen(self, *, at_most_s: float = float("inf")) -> None:
        """Listen until something is heard or due.

        Args:
            at_most_s: longest wait in seconds.
        """
        until_s = min(self._agenda.next_s, self._check_s, self._clock_s() + LONGEST_TURN_S)
        if self._refitter is not None and self._refitter.pid is not None:
            until_s = min(until_s, self._clock_s() + (REFIT_LOOK_S if self._fit_order is None else ASKED_LOOK_S))
        self._pulse.beat("listening")
        hint = self._watcher.wait(max(0.0, min(until_s - self._clock_s(), at_most_s)))
        self._agenda.hear(hint, now_s=self._clock_s())

    def _look(self, due: Due) -> None:
        began_s = self._clock_s()
        self._pulse.beat("walking")
        try:
            report = self._library.catch_up(due.paths, more=due.more, progress=self._between_files)
            later = self._library.later() if report.pending or report.problems else {}
        except StoreFull as error:
            log.warning("%s; trying again in %.0f s", error.message, FULL_PAUSE_S)
            self._agenda.whole_done(next_s=began_s + FULL_PAUSE_S)
            return
        now_s = self._clock_s()
        self._importing = due.more or bool(report.left)
        if due.paths is None:
            pause_s = self._rhythm.poll_s if self._watcher.problems else self._rhythm.interval_s
            self._agenda.whole_done(next_s=now_s + pause_s, left=report.left)
            self._last_scan_ns = time.time_ns()
            self._replaced = (self._replaced or report.updated > 0) and bool(report.pending or report.left)
        else:
            self._replaced = self._replaced or report.updated > 0
            if self._replaced and not report.pending and not due.more:
                # The photo that was overwritten is without a file now: only a look may say so that sees all files read.
                self._agenda.look_at_everything("a photo was replaced", by_s=now_s + self._rhythm.settle_s)
        self._agenda.look_later(later, now_s=now_s)
        self._agenda.forget_looks(later)
        if report.added or report.updated:
            self._arrived_s = now_s
        self.n_looks += 1
        self._log(due, report, now_s - began_s)

    def _log(self, due: Due, report: ScanReport, seconds: float) -> None:
        names = ("added", "updated", "moved", "removed", "missing", "pending", "labelled")
        found = ", ".join(f"{getattr(report, name)} {name}" for name in names if getattr(report, name))
        for notice in report.notices:
            log.warning("%s", notice)
        level = logging.INFO if found else logging.DEBUG
        log.log(
            level, "%s in %.1f s (%s)", found or "nothing new", seconds, due.reason or f"{len(due.paths or ())} files"
        )

    def _notice_sleep(self, now_s: float) -> None:
        ahead_s = time.time() - now_s
        if ahead_s - self._ahead_s > SLEPT_S:
            self._agenda.look_at_everything("the computer slept", by_s=now_s)
        self._ahead_s = ahead_s

    def close(self) -> None:
        """Refuse what was asked for and is not done."""
        self._orders.close()
        if self._fit_order is not None:
            self._fit_order.fail(Ended())

    def _between_files(self, stage: str, done: int, total: int) -> None:
        """Do between two files of a long import what others wait for."""
        if stage == "photos":
            self._mind_orders()
        self._pulse.beat(stage)

    def _mind_orders(self) -> None:
        """Run errands, and see to the fit that somebody asked for."""
        while (errand := self._orders.next_errand()) is not None:
            errand.begun = True
            try:
                errand.fulfil(errand.do(self._library))
            except Exception as error:  # whatever is asked for, the loop goes on
                errand.fail(error)
            except BaseException:
                errand.fail(Ended())
                raise
        if self._refitter is None:
            return
        if self._fit_order is not None and self._mind_fit(self._refitter):
            return
        if self._refitter.pid is None and (order := self._orders.next_fit()) is not None:
            self._fit_order, self._fit_began_s = order, self._clock_s()
            self._refitter.start(order.params, reason="on demand", kind=order.kind)
            order.begun = True

    def _mind_fit(self, refitter: Refitter) -> bool:
        """Take a finding up; tell whether there is none yet."""
        order = self._fit_order
        if order is not None:
            for stage in refitter.heard():
                order.note(*stage)
        try:
            finding = refitter.poll()
            if finding is None:
                return True
            self._pulse.beat("adopting")
            report = self._library.adopt(finding, reason=refitter.reason)
        except RefitFailed as error:
            log.warning("a refit failed, the earlier run stays in force: %s", error)
            if order is not None:
                order.fail(error.error)
        except VecclustError as error:
            if order is not None:
                order.fail(error)
            elif isinstance(error, StoreFull):
                log.warning("a refit is thrown away, the earlier run stays in force: %s", error.message)
            else:
                raise
        else:
            changes = ", ".join(f"{getattr(report, name)} {name}" for name in CHANGES if getattr(report, name))
            kind, changes = kind_of(report.figures), changes or "as before"
            log.info("%s, %s: %d clusters, %s (%s)", report.run, kind, report.clusters, changes, refitter.reason)
            if order is not None:
                order.fulfil(dataclasses.replace(report, seconds=self._clock_s() - self._fit_began_s))
        self._fit_order = None
        return False

    def _mind_refit(self) -> None:
        """Take a finding up, or begin a refit where one is due."""
        if self._refitter is None:
            return
        now_s = self._clock_s()
        if self._refitter.pid is not None:
            if not self._mind_fit(self._refitter):
                self._mind_orders()
            return
        if self._importing:
            return
        missing = self._library.missing_fit
        reason = missing if missing and self._may_mend(now_s) else "" if missing else self._reason_to_refit(now_s)
        if reason:
            log.info("fitting anew: %s", reason)
            self._tried_s = now_s
            self._refitter.start(self._library.fit_params.as_dict(), reason=reason, kind="full" if missing else None)

    def _may_mend(self, now_s: float) -> bool:
        """Tell whether a fit may begin without which nothing is labelled: at any hour, and soon after one failed."""
        return now_s - self._tried_s >= min(self._policy.pause_s, MEND_PAUSE_S)

    def _reason_to_refit(self, now_s: float) -> str:
        quiet_for_s, tried_ago_s = now_s - self._arrived_s, now_s - self._tried_s
        # Asking the tables costs milliseconds, so it is not done where the answer is no already.
        if quiet_for_s < self._policy.quiet_s or tried_ago_s < self._policy.pause_s:
            return ""
        if self._quiet_hours.hold(datetime.now().time()):
            return ""
        return reason_to_refit(
            self._policy,
            self._library.growth(),
            now_ns=time.time_ns(),
            quiet_for_s=quiet_for_s,
            tried_ago_s=tried_ago_s,
        )

    def _tell(self, doing: str) -> None:
        """Say how things stand, for `status` and for the supervisor."""
        note = WatchState(
            pid=os.getpid(),
            started=start_of(os.getpid()),
            since_ns=self._since_ns,
            watching=self._watching,
            last_scan_ns=self._last_scan_ns,
            problems=self._watcher.problems,
            doing=doing,
        )
        if note != self._told:
            write_state(self._library.folder, note)
            self._told = note
        standing = self._standing(doing)
        if standing != self._said:
            # Ready once armed: an import of hours is no slow start.
            notify(*(() if self._said else ("READY=1",)), f"STATUS={standing}")
            self._said = standing

    def _standing(self, doing: str) -> str:
        """Say in one line how things stand."""
        said = [f"{doing} ({len(self._watching)} folder{'s' if len(self._watching) != 1 else ''})"]
        if self._agenda.n_left:
            said.append(f"{self._agenda.n_left} files to go")
        if self._watcher.problems:
            said.append("looking again and again, for events cannot be relied on")
        if self._refitter is not None and self._refitter.pid is not None:
            said.append(f"fitting anew: {self._refitter.reason}")
        return "; ".join(said)
