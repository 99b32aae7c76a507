"""Bring the library in step with its folders, in the order that loses nothing.

Walk, compare, read what is finished, wait a little for what is still being written, and only then believe that
something is gone. The folders are the truth; nothing here remembers events.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vecclust.config import Config
from vecclust.library.ingest.plan import Absences, Plan, ReadJob, judge, make_plan, reason_to_pause
from vecclust.library.ingest.settling import SettleTimes, look_again, part, waiting_row
from vecclust.library.ingest.work import Done, Work
from vecclust.library.opening import ignore_rules
from vecclust.photos import Walk, look_below, walk
from vecclust.types.files import FileRow, Root, ScanReport
from vecclust.types.progress import Progress, no_progress

if TYPE_CHECKING:
    from vecclust.embeddings import Embedder
    from vecclust.library.opening import Clock
    from vecclust.photos import DecodePool
    from vecclust.store import Store

log = logging.getLogger(__name__)

# How often a scan looks again at files that are still being written, before it leaves them to the next one. With the
# pause, longer than a file of doubtful end has to be quiet before it is believed (10 s).
PATIENT_LOOKS = 12
LOOK_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What is asked of one scan.

    Attributes:
        folders: absolute paths, remembered from then on; empty for the folders remembered.
        dry_run: compare only.
        prune: remove missing files now.
        retry_all: read unreadable files again now.
        patient: wait a little for files that are still being written; otherwise they are left to a later scan.
        at_most: files to read, beside those that may be moves; the others are named in the report. 0 for no limit.
    """

    folders: tuple[str, ...] = ()
    dry_run: bool = False
    prune: bool = False
    retry_all: bool = False
    patient: bool = True
    at_most: int = 0


@dataclass(frozen=True, slots=True)
class _Folder:
    """One folder of a scan: what it was, what a walk saw, what is to be done, and why removal is paused."""

    root: Root
    seen: Walk
    plan: Plan
    n_known: int
    paused: str = ""


class Scan:
    """One scan of a library.

    Args:
        store: the library's tables.
        config: the settings.
        decoder: opens what reads files ahead.
        embedder: gives the model at first need.
        clock: the time.
    """

    def __init__(
        self,
        store: Store,
        *,
        config: Config,
        decoder: Callable[[], AbstractContextManager[DecodePool]],
        embedder: Callable[[], Embedder],
        clock: Clock,
    ) -> None:
        self._store = store
        self._decoder = decoder
        self._embedder = embedder
        self._clock = clock
        self._config = config
        self._rules = ignore_rules(config)
        # Made anew for each scan, for mounts come and go.
        self._settle = SettleTimes(config.photos.settle_s, config.photos.settle_polled_s)

    def run(self, request: ScanRequest, *, progress: Progress = no_progress) -> ScanReport:
        """Scan.

        Args:
            request: what is asked.
            progress: told about files read.

        Returns:
            What was found and done; label counts are the caller's to add.
        """
        if request.dry_run:
            roots = with_folders(self._store.roots(), request.folders)
        else:
            roots = self.remember(request.folders)
        wanted = set(request.folders)
        asked = [root for root in roots if not wanted or any(_is_below(folder, root.path) for folder in wanted)]
        folders = [self._look(root, request) for root in asked]
        if request.dry_run:
            return self._foresee(folders, request)
        return self._carry_out(folders, request, everything=len(asked) == len(roots), progress=progress)

    def remember(self, folders: Collection[str]) -> list[Root]:
        """Keep folders from now on, and give all that are kept.

        Args:
            folders: absolute paths.
        """
        before = self._store.roots()
        roots = with_folders(before, folders)
        if roots != list(before):
            self._absorb([root for root in before if root not in roots], roots)
            self._store.put_roots(roots)
        return roots

    def run_paths(self, paths: Collection[str], *, progress: Progress = no_progress) -> ScanReport:
        """Look at some files only, without waiting for any that is still being written.

        New and changed files are read as in a scan of everything. What is not there is passed over: absence, moves
        and photos left without a file are judged by whole scans alone.

        Args:
            paths: absolute paths; those outside the kept folders or of no photo are passed over.
            progress: told about files read.

        Returns:
            What was found and done.
        """
        plans = []
        for root in self._store.roots():
            inside = sorted({os.path.relpath(path, root.path) for path in paths if _is_below(path, root.path)})
            looks = (look_below(root.path, path, self._rules) for path in inside)
            seen = [file for file in looks if file is not None]
            rows = self._store.files_at([file.path for file in seen], root=root.path) if seen else {}
            plans.append(make_plan(seen, rows, now_ns=self._clock.now_ns()))
        done = self._bring_in(plans, ScanRequest(patient=False), progress=progress)
        return _report(done, plans, n_moved=0)

    def _absorb(self, absorbed: Sequence[Root], roots: Sequence[Root]) -> None:
        """Give the rows of folders that now lie inside a larger one to that one."""
        for old in absorbed:
            new = next(root for root in roots if _is_below(old.path, root.path))
            rows = list(self._store.files(root=old.path))
            inside = os.path.relpath(old.path, new.path)
            taken = [dataclasses.replace(row, root=new.path, path=os.path.join(inside, row.path)) for row in rows]
            self._store.put_files(taken)
            self._store.remove_files([(row.root, row.path) for row in rows])

    def _look(self, root: Root, request: ScanRequest) -> _Folder:
        rows = {row.path: row for row in self._store.files(root=root.path)}
        seen = walk(root.path, self._rules)
        plan = make_plan(seen.files, rows, now_ns=self._clock.now_ns(), retry_all=request.retry_all)
        folder = _Folder(root, seen, plan, len(rows))
        if request.prune and seen.complete:
            return folder
        return self._pausing(folder, plan.absent)

    def _pausing(self, folder: _Folder, absent: Sequence[FileRow]) -> _Folder:
        """Find out whether so many absent files are to be believed."""
        lost_share = self._config.scan.lost_share
        reason = reason_to_pause(
            folder.seen, root=folder.root, n_known=folder.n_known, absent=absent, lost_share=lost_share
        )
        return dataclasses.replace(folder, paused=reason)

    def _foresee(self, folders: Sequence[_Folder], request: ScanRequest) -> ScanReport:
        jobs = [job for folder in folders for job in folder.plan.jobs]
        absences = [self._absences(folder, folder.plan.absent, request) for folder in folders]
        n_new = sum(job.before is None for job in jobs)
        return ScanReport(
            added=n_new,
            updated=len(jobs) - n_new,
            removed=sum(len(one.remove) for one in absences),
            unchanged=sum(folder.plan.unchanged for folder in folders),
            problems=sum(len(folder.plan.held) for folder in folders),
            missing=sum(len(one.mark) + len(one.keep) for one in absences),
            dry_run=True,
            notices=_notices(folders),
        )

    def _carry_out(
        self, folders: Sequence[_Folder], request: ScanRequest, *, everything: bool, progress: Progress
    ) -> ScanReport:
        plans = [folder.plan for folder in folders]
        done = self._bring_in(plans, request, progress=progress)
        folders = [self._pausing(folder, _lost(folder, done.ready)) if folder.paused else folder for folder in folders]
        moved_from = _moved(done.ready, folders)
        marked, removed = self._settle_absences(folders, moved_from, request)
        healthy = everything and not any(folder.paused for folder in folders)
        if healthy and not done.pending and not done.left:
            self._remove_orphans()
        self._store.put_roots(self._visited(folders))
        report = _report(done, plans, n_moved=len(moved_from))
        return dataclasses.replace(report, removed=removed, missing=marked, notices=_notices(folders))

    def _bring_in(self, plans: Sequence[Plan], request: ScanRequest, *, progress: Progress) -> Done:
        """Read what is new or changed."""
        jobs = [job for plan in plans for job in plan.jobs]
        finished, pending = part(jobs, self._settle, now_ns=self._clock.now_ns())
        left: list[ReadJob] = []
        if request.at_most:
            finished, left = _first(finished, plans, at_most=request.at_most)
        sizes = {job.seen.size_bytes for job in (*finished, *pending)}
        work = Work(
            self._store,
            embedder=self._embedder,
            clock=self._clock,
            known_by_size=self._store.known_by_size(sizes) if sizes else {},
            pace=self._config.store,
        )
        if finished or (request.patient and pending):
            pending = self._read(work, finished, pending, patient=request.patient, progress=progress)
        back = [dataclasses.replace(row, missing_since_ns=0) for plan in plans for row in plan.back]
        self._store.put_files([*back, *(waiting_row(job) for job in pending)])
        work.done.pending, work.done.left = pending, left
        return work.done

    def _read(
        self, work: Work, finished: list[ReadJob], pending: list[ReadJob], *, patient: bool, progress: Progress
    ) -> list[ReadJob]:
        """Read what is finished, then, if patient, look again at the rest; give what is still being written."""
        with self._decoder() as decoder:
            for looks_left in range(PATIENT_LOOKS if patient else 0, -1, -1):
                if finished:
                    leave_doubtful = looks_left > 0 or not patient
                    pending += work.run(finished, decoder, progress=progress, again=leave_doubtful)
                if not pending or not looks_left:
                    break
                self._clock.sleep(LOOK_PAUSE_S)
                there = [again for job in pending if (again := look_again(job))]
                finished, pending = part(there, self._settle, now_ns=self._clock.now_ns())
        return pending

    def _absences(self, folder: _Folder, absent: Sequence[FileRow], request: ScanRequest) -> Absences:
        if folder.paused:
            return Absences((), (), tuple(absent))
        after_s = self._config.scan.remove_after_s
        return judge(absent, now_ns=self._clock.now_ns(), remove_after_s=after_s, prune=request.prune)

    def _settle_absences(
        self, folders: Sequence[_Folder], moved_from: Sequence[FileRow], request: ScanRequest
    ) -> tuple[int, int]:
        """Mark and remove rows; give how many are missing now and how many were removed."""
        gone = {(row.root, row.path) for row in moved_from}
        mark: list[FileRow] = []
        remove: list[FileRow] = list(moved_from)
        kept = 0
        for folder in folders:
            absent = [row for row in folder.plan.absent if (row.root, row.path) not in gone]
            absences = self._absences(folder, absent, request)
            mark.extend(absences.mark)
            remove.extend(absences.remove)
            kept += len(absences.keep)
        self._store.put_files(mark)
        self._store.remove_files([(row.root, row.path) for row in remove])
        return len(mark) + kept, len(remove) - len(moved_from)

    def _remove_orphans(self) -> None:
        """Remove photos without a file: overwritten, or their last file's row was removed.

        Only after a scan that saw every folder whole: a scan killed between a photo's commit and its file's leaves
        such a photo too, and the next look at its file takes it up again.
        """
        held = {row.photo for row in self._store.files()}
        orphans = self._store.photo_keys() - held
        if orphans:
            log.info("%d photos without a file removed", len(orphans))
            self._store.remove_photos(orphans)

    def _visited(self, folders: Sequence[_Folder]) -> list[Root]:
        """Give all roots with what this scan learned of those it visited."""
        now_ns = self._clock.now_ns()
        visited = {}
        for folder in folders:
            complete = folder.seen.complete and not folder.paused
            visited[folder.root.path] = dataclasses.replace(
                folder.root,
                paused=folder.paused,
                device=folder.seen.device if complete else folder.root.device,
                last_scan_ns=now_ns if complete else folder.root.last_scan_ns,
                n_skipped=folder.seen.n_skipped,
                mounts=folder.seen.mounts if complete else folder.root.mounts,
            )
        return [visited.get(root.path, root) for root in self._store.roots()]


def with_folders(roots: Sequence[Root], folders: Iterable[str]) -> list[Root]:
    """Add folders to the roots; one inside a root is kept by it already, one around roots takes their place.

    Args:
        roots: the folders kept.
        folders: absolute paths.

    Returns:
        All roots, the new ones last.
    """
    result = list(roots)
    for folder in folders:
        if not any(_is_below(folder, root.path) for root in result):
            result = [root for root in result if not _is_below(root.path, folder)]
            result.append(Root(path=folder))
    return result


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _first(jobs: Sequence[ReadJob], plans: Iterable[Plan], *, at_most: int) -> tuple[list[ReadJob], list[ReadJob]]:
    """Part jobs to do now from those to leave, newest first.

    What may have moved is never left, for absence is judged now. What arrives during a long import is the newest.
    """
    gone_bytes = {row.size_bytes for plan in plans for row in plan.absent}
    moves = [job for job in jobs if job.before is None and job.seen.size_bytes in gone_bytes]
    others = [job for job in jobs if job.before is not None or job.seen.size_bytes not in gone_bytes]
    others.sort(key=lambda job: -job.seen.ctime_ns)
    return moves + others[:at_most], others[at_most:]


def _lost(folder: _Folder, ready: Iterable[tuple[ReadJob, str]]) -> list[FileRow]:
    """Give the absent rows whose content was not found under a new name in the same folder: a move is no loss."""
    found = Counter(photo for job, photo in ready if job.before is None and job.seen.root == folder.root.path)
    lost = []
    for row in folder.plan.absent:
        if row.photo is not None and found[row.photo]:
            found[row.photo] -= 1
        else:
            lost.append(row)
    return lost


def _moved(ready: Iterable[tuple[ReadJob, str]], folders: Iterable[_Folder]) -> list[FileRow]:
    """Match new paths with absent rows of the same content; a paused folder's rows are never taken."""
    absent: dict[str, list[FileRow]] = {}
    for folder in folders:
        if not folder.paused:
            for row in folder.plan.absent:
                if row.photo is not None:
                    absent.setdefault(row.photo, []).append(row)
    return [absent[photo].pop() for job, photo in ready if job.before is None and absent.get(photo)]


def _report(done: Done, plans: Sequence[Plan], *, n_moved: int) -> ScanReport:
    added = updated = unchanged = 0
    for job, photo in done.ready:
        if job.before is None or job.before.photo is None:
            added += 1
        elif job.before.photo != photo:
            updated += 1
        else:
            unchanged += 1
    return ScanReport(
        added=added - n_moved,
        updated=updated,
        moved=n_moved,
        unchanged=unchanged + sum(plan.unchanged for plan in plans),
        problems=len(done.failed) + sum(len(plan.held) for plan in plans),
        pending=len(done.pending),
        left=tuple(job.seen.absolute for job in done.left),
        new_photos=done.embedded,
    )


def _notices(folders: Iterable[_Folder]) -> tuple[str, ...]:
    return tuple(
        f"{folder.root.path}: {folder.paused}; nothing is removed. "
        "Run scan again when it is back, or scan --prune if the photos are meant to go."
        for folder in folders
        if folder.paused
    )
