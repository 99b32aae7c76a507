"""When to fit anew and why, and the fit beside the loop: begun when it is due or asked for, adopted once it is found.

A fit is made by another process, which only reads; the loop's thread, which alone writes, adopts what it found. One
that fails costs nothing: the earlier run stays in force.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vecclust.config import Hours, WatchConfig
from vecclust.daemon.heartbeat import Heartbeat
from vecclust.daemon.jobs import DaemonEnds, FitJob
from vecclust.errors import ModelMismatch, StoreFull, VecclustError
from vecclust.library.fit_process import FitFailed, FitProcess
from vecclust.library.watched import WatchedLibrary
from vecclust.store.failures import refusal
from vecclust.types.runs import IDENTITY, Growth, RefitKind, RefitReport, refit_kind_of

log = logging.getLogger(__name__)

# While a fit's process runs, its end is looked for this often, oftener where somebody waits for it.
FIT_POLL_S = 0.5
POLL_ASKED_S = 0.1
# Without a usable run nothing is labelled, so its fit is tried again sooner than a refit; a loop would help nobody.
REPAIR_PAUSE_S = 300.0


def reason_to_refit(
    config: WatchConfig, growth: Growth | None, *, now_ns: int, quiet_for_s: float, tried_ago_s: float
) -> str:
    """Say why a refit is due: pure, over plain numbers.

    Args:
        config: the owner's wishes, of which `refit_…` count here.
        growth: the library against its current run; None before the first fit, which a scan makes by itself.
        now_ns: the time.
        quiet_for_s: seconds since the last photo came.
        tried_ago_s: seconds since this process last tried, infinite for never.

    Returns:
        The reason as it is kept with the run, or an empty string.
    """
    if growth is None or not growth.n_arrivals:
        return ""
    if quiet_for_s < config.refit_quiet_s or tried_ago_s < config.refit_pause_s:
        return ""
    age_s = (now_ns - growth.fitted_ns) / 1e9
    if 0 <= age_s < config.refit_pause_s:
        return ""
    if growth.n_arrivals >= max(config.refit_least, config.refit_share * growth.n_fitted):
        return f"{growth.n_arrivals} new photos since a fit of {growth.n_fitted}"
    if config.refit_newcomers and growth.n_gathered:
        return f"a group of {growth.n_gathered} new photos, alike and unlike all that the last fit knows"
    if config.refit_drift and growth.drift.alarmed:
        found = growth.drift
        return f"drift: {found.n_unusual} of the newest {found.n_recent} photos are unlike those of the last fit"
    if config.refit_longest_s and age_s >= config.refit_longest_s:
        return f"{growth.n_arrivals} new photos and {age_s / 86_400:.0f} days since the last fit"
    return ""


@dataclass(frozen=True, slots=True)
class _FitUnderWay:
    """A fit under way: why, since when, and the job of whoever waits for it."""

    reason: str
    began_s: float
    job: FitJob | None = None


class Refits:
    """Fits of one library, one at a time; the first one and repairs too.

    Args:
        library: open for writing; it makes no fits itself from now on.
        process: makes them.
        config: when to fit.
        heartbeat: takes note of an adoption, which may take long.
        clock_s: monotonic seconds.
    """

    def __init__(
        self,
        library: WatchedLibrary,
        process: FitProcess,
        *,
        config: WatchConfig,
        heartbeat: Heartbeat,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        library.leave_fits()
        self._library = library
        self._process = process
        self._config = config
        self._quiet_hours = Hours.parse(config.quiet_hours)
        self._heartbeat = heartbeat
        self._clock_s = clock_s
        self._fit: _FitUnderWay | None = None
        self._tried_s = float("-inf")

    @property
    def reason(self) -> str:
        """Why the fit under way was begun; empty while there is none."""
        return "" if self._fit is None else self._fit.reason

    @property
    def poll_s(self) -> float:
        """Seconds after which to `follow` again; infinite while no fit is under way."""
        if self._fit is None:
            return float("inf")
        return FIT_POLL_S if self._fit.job is None else POLL_ASKED_S

    def begin_asked(self, job: FitJob) -> None:
        """Begin a fit that somebody waits for; none may be under way.

        Args:
            job: told how far it is and what came of it.
        """
        self._fit = _FitUnderWay("on demand", self._clock_s(), job)
        job.set_running_or_notify_cancel()
        self._start(job.params, kind=job.kind)

    def begin_due(self, *, arrived_s: float) -> None:
        """Begin a fit where one is due; none may be under way.

        Args:
            arrived_s: when the last photo came, by the clock.
        """
        now_s = self._clock_s()
        missing = self._library.missing_fit
        reason = missing or self._reason(now_s, arrived_s)
        # A fit without which nothing is labelled may begin at any hour, and soon after one failed.
        if not reason or (missing and now_s - self._tried_s < min(self._config.refit_pause_s, REPAIR_PAUSE_S)):
            return
        log.info("fitting anew: %s", reason)
        self._tried_s = now_s
        self._fit = _FitUnderWay(reason, now_s)
        self._start(self._library.fit_params.as_dict(), kind="full" if missing else None)

    def _start(self, params: Mapping[str, Any], *, kind: RefitKind | None) -> None:
        """Start the process; where the disk does not have it, nothing is under way."""
        try:
            self._process.start(params, kind=kind)
        except OSError as error:
            refused = refusal(error)
            self._end(refused or error)
            raise (refused or error) from error

    def _reason(self, now_s: float, arrived_s: float) -> str:
        quiet_for_s, tried_ago_s = now_s - arrived_s, now_s - self._tried_s
        # Asking the tables costs milliseconds, so it is not done where the answer is no already.
        if quiet_for_s < self._config.refit_quiet_s or tried_ago_s < self._config.refit_pause_s:
            return ""
        if self._quiet_hours.hold(datetime.now().time()):
            return ""
        return reason_to_refit(
            self._config,
            self._library.growth(),
            now_ns=time.time_ns(),
            quiet_for_s=quiet_for_s,
            tried_ago_s=tried_ago_s,
        )

    def follow(self) -> None:
        """Pass on how far the fit under way is, and adopt what it found once it is there.

        Raises:
            VecclustError: the tables refuse a fit that nobody waits for, and not for lack of space.
        """
        fit = self._fit
        if fit is None:
            return
        if fit.job is not None:
            for step in self._process.progress():
                fit.job.note(*step)
        try:
            if not self._process.poll():
                return
            result = self._process.result()
            self._process.close()
            self._heartbeat.record("adopting")
            report = self._library.adopt(result, reason=fit.reason)
        except FitFailed as error:
            log.warning("a refit failed, the earlier run stays in force: %s", error)
            self._end(error.error)
        except VecclustError as error:
            # The library may have been given another model since the fit was begun.
            if fit.job is None and not isinstance(error, StoreFull | ModelMismatch):
                raise
            log.warning("a refit is thrown away, the earlier run stays in force: %s", error.message)
            self._end(error)
        else:
            _log_refit(report, fit.reason)
            self._end(dataclasses.replace(report, seconds=self._clock_s() - fit.began_s))

    def close(self) -> None:
        """End the fit under way, and tell whoever waits for it."""
        self._end(DaemonEnds())

    def _end(self, outcome: RefitReport | Exception) -> None:
        """Throw away what the process left, and hand over what came of it."""
        fit, self._fit = self._fit, None
        self._process.close()
        if fit is None or fit.job is None:
            return
        if isinstance(outcome, RefitReport):
            fit.job.set_result(outcome)
        else:
            fit.job.set_exception(outcome)


def _log_refit(report: RefitReport, reason: str) -> None:
    changes = ", ".join(f"{getattr(report, name)} {name}" for name in IDENTITY if getattr(report, name))
    kind, changes = refit_kind_of(report.figures), changes or "as before"
    log.info("%s, %s: %d clusters, %s (%s)", report.run, kind, report.clusters, changes, reason)
