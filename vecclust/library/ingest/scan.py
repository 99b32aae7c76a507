"""Bring the library in step with its folders, in the order that loses nothing.

Walk, compare, read what is finished, wait a little for what is still being written, and only then believe that
something is gone. The folders are the truth; nothing here remembers events.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from vecclust.config import Config
from vecclust.errors import PhotoError
from vecclust.library.ingest.drives import (
    N_READ,
    Finding,
    Reader,
    Remembered,
    by_drive,
    find_drives,
    is_as_known,
    on_drives,
    spread,
)  # fmt: skip
from vecclust.library.ingest.plan import Absences, Plan, ReadJob, hold, judge, make_plan, unseen_at_all, unseen_reason
from vecclust.library.ingest.settling import SettleTimes, look_again, part, waiting_row
from vecclust.library.ingest.work import Done, Work, is_fresh
from vecclust.library.opening import decode_limits, ignore_rules
from vecclust.photos import Walk, look_at, look_below, read_content, walk
from vecclust.types.files import FileRow, Root, ScanReport, SeenFile, add_skipped, place_of
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
_DAMAGED = "damaged files taken as far as they can be shown: {}; vecclust problems lists them"


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
    """One folder of a scan: what it was, what a walk saw, what is to be done, and why removal is paused.

    Where the owner asked for removal, what lies in unreadable places is no part of the plan: `n_unseen` rows. Else
    links that are there and no longer followed are no part of it: `n_linked` rows. What is new in a place where another
    drive lies is no part of it either: `held` files of each. `back` are rows of a drive that is back, as they are now,
    `away` those of drives that are not there and were not known to be away.
    """

    root: Root
    seen: Walk
    plan: Plan
    paused: str = ""
    held: Mapping[str, int] = field(default_factory=dict)
    back: tuple[FileRow, ...] = ()
    away: tuple[FileRow, ...] = ()
    n_unseen: int = 0
    n_linked: int = 0


class Scan:
    """One scan of a library.

    Args:
        store: the library's tables.
        config: the settings.
        decoder: opens what reads files ahead, told how many at most.
        embedder: gives the model at first need, told how many files are read at most.
        clock: the time.
        remembered: what earlier scans of the process leave to later ones.
    """

    def __init__(
        self,
        store: Store,
        *,
        config: Config,
        decoder: Callable[[int], AbstractContextManager[DecodePool]],
        embedder: Callable[[int], Embedder],
        clock: Clock,
        remembered: Remembered,
    ) -> None:
        self._store = store
        self._decoder = decoder
        self._embedder = embedder
        self._clock = clock
        self._remembered = remembered
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
        self._remembered.samples.clear()
        if request.dry_run:
            roots = with_folders(self._store.roots(), request.folders)
        else:
            roots = self.remember(request.folders)
        wanted = set(request.folders)
        asked = [root for root in roots if not wanted or any(_is_below(folder, root.path) for folder in wanted)]
        read, contents = self._reader()
        folders = [self._look(root, request, progress, read) for root in asked]
        self._remembered.contents = contents
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
        plans, n_held = [], 0
        for root in self._store.roots():
            inside = {os.path.relpath(path, root.path) for path in paths if _is_below(path, root.path)}
            plan = self._look_at(root, sorted(path for path in inside if place_of(path, root.places) not in root.held))
            plan, held = hold(plan, self._turned(root, plan.jobs), root.places)
            n_held += sum(held.values())
            plans.append(plan)
        # What an import under way has left to whole scans stays noted.
        done = self._bring_in(plans, ScanRequest(patient=False), progress=progress, n_others=self._store.unread())
        return dataclasses.replace(_report(done, plans, n_moved=0), held=n_held)

    def _look_at(self, root: Root, paths: Sequence[str]) -> Plan:
        """Look at some files of a folder."""
        looks = (look_below(root.path, path, self._rules) for path in paths)
        seen = on_drives((file for file in looks if file is not None), root)
        rows = self._store.files_at([file.path for file in seen], root=root) if seen else {}
        # What only arrived has no rows that could have lost their photo.
        whole = self._whole() if rows else ()
        return make_plan(seen, rows, now_ns=self._clock.now_ns(), whole=whole)

    def _turned(self, root: Root, jobs: Iterable[ReadJob]) -> frozenset[str]:
        """Give the places of new files in which none of the sample is there any more: a scan is to find out why.

        A known file that changed was heard of, on the drive that is watched.
        """
        new = (job.seen.path for job in jobs if job.before is None or not job.before.has_photo)
        return frozenset(place for place in {place_of(path, root.places) for path in new} if self._is_gone(root, place))

    def _is_gone(self, root: Root, place: str) -> bool:
        known = [row for row in self._store.files_at(self._sample(root, place), root=root).values() if _is_known(row)]
        return bool(known) and not any(_is_there(row) for row in known)

    def _sample(self, root: Root, place: str) -> tuple[str, ...]:
        """Give some files that are known in a place, the same until the next scan: all would cost arrivals too much."""
        samples = self._remembered.samples
        if not samples.get((root.path, place)):
            known = (row for row in self._store.files(root=root.path) if _is_known(row))
            here = (row.path for row in known if row.drive == root.drive_of(row.path))
            paths = [path for path in here if place_of(path, root.places) == place]
            samples[root.path, place] = tuple(spread(paths, N_READ))
        return samples[root.path, place]

    def _absorb(self, absorbed: Sequence[Root], roots: Sequence[Root]) -> None:
        """Give the rows of folders that now lie inside a larger one to that one."""
        for old in absorbed:
            new = next(root for root in roots if _is_below(old.path, root.path))
            rows = list(self._store.files(root=old.path))
            inside = os.path.relpath(old.path, new.path)
            taken = [dataclasses.replace(row, root=new.path, path=os.path.join(inside, row.path)) for row in rows]
            self._store.put_files(taken)
            self._store.remove_files([(row.root, row.path, row.drive) for row in rows])

    def _look(self, root: Root, request: ScanRequest, progress: Progress, read: Reader) -> _Folder:
        progress("walking", 0, 0)
        rows = list(self._store.files(root=root.path))
        seen = walk(root.path, self._rules, found=lambda n_photos: progress("walking", n_photos, 0))
        found, share = Finding(root.drives), self._config.scan.lost_share
        if seen.listed:
            found = find_drives(seen, rows, root=root, lost_share=share, read=read)
        now = dataclasses.replace(root, drives=found.drives)
        known, back, away = by_drive(rows, before=root, now=now)
        now_ns = self._clock.now_ns()
        plan = make_plan(
            on_drives(seen.files, now), known, now_ns=now_ns, whole=self._whole(), retry_all=request.retry_all
        )
        marked = tuple(dataclasses.replace(row, missing_since_ns=now_ns) for row in away)
        folder = _Folder(now, seen, plan, back=tuple(back), away=marked)
        if request.prune and seen.listed:
            absent = tuple(row for row in plan.absent if not seen.is_unseen(row.path))
            n_unseen = len(plan.absent) - len(absent)
            return dataclasses.replace(folder, plan=dataclasses.replace(plan, absent=absent), n_unseen=n_unseen)
        # What is there is not missing, though links out of the folder are no longer followed.
        absent = tuple(row for row in plan.absent if row.path not in seen.outside_links)
        n_linked = len(plan.absent) - len(absent)
        plan, held = hold(dataclasses.replace(plan, absent=absent), found.strange, now.places | set(seen.mounts))
        paused = unseen_at_all(seen)
        if not paused or any(held.values()):
            paused = "; ".join(filter(None, (paused, found.reason)))
        return dataclasses.replace(folder, plan=plan, paused=paused, held=held, n_linked=n_linked)

    def _whole(self) -> frozenset[str]:
        """Give the photos of which nothing is missing in the library."""
        if not self._store.roots():
            return frozenset()
        return self._store.photo_keys() & self._store.thumbnail_keys()

    def _known_by_size(self, sizes: Collection[int]) -> Mapping[int, frozenset[str]]:
        """Give what need not be decoded: photos of which nothing is missing, by the length of their files."""
        if not sizes:
            return {}
        pictured = self._store.thumbnail_keys()
        return {size: photos & pictured for size, photos in self._store.known_by_size(sizes).items()}

    def _reader(self) -> tuple[Reader, dict[SeenFile, str]]:
        """Give what looks into files, and keeps what it found."""
        file_bytes, before = decode_limits(self._config).file_bytes, self._remembered.contents
        contents: dict[SeenFile, str] = {}

        def read(file: SeenFile) -> str | None:
            photo = contents.get(file) or before.get(file)
            try:
                contents[file] = photo or read_content(file, file_bytes=file_bytes).photo
            except PhotoError:
                return None
            return contents[file]

        return read, contents

    def _foresee(self, folders: Sequence[_Folder], request: ScanRequest) -> ScanReport:
        jobs = [job for folder in folders for job in folder.plan.jobs]
        absences = [self._absences(folder, folder.plan.absent, request) for folder in folders]
        n_new = sum(job.before is None for job in jobs)
        return ScanReport(
            added=n_new,
            updated=len(jobs) - n_new,
            removed=sum(len(one.remove) for one in absences),
            held=sum(sum(folder.held.values()) for folder in folders),
            unchanged=sum(folder.plan.unchanged for folder in folders),
            problems=sum(len(folder.plan.held) for folder in folders),
            missing=sum(len(one.mark) + len(one.keep) for one in absences),
            skipped=add_skipped(folder.seen.n_skipped for folder in folders),
            dry_run=True,
            notices=_notices(folders),
        )

    def _carry_out(
        self, folders: Sequence[_Folder], request: ScanRequest, *, everything: bool, progress: Progress
    ) -> ScanReport:
        plans = [folder.plan for folder in folders]
        self._turn_to_drives(folders)
        done = self._bring_in(plans, request, progress=progress)
        moved_from = _moved(done.ready, folders)
        marked, removed = self._settle_absences(folders, moved_from, request)
        healthy = everything and all(folder.seen.complete and not folder.paused for folder in folders)
        if (healthy or request.prune) and not done.pending and not done.left:
            pruned = {row.photo for folder in folders for row in folder.plan.absent if not folder.paused}
            self._remove_orphans(among=None if healthy else pruned)
        self._store.put_roots(self._visited(folders))
        report = _report(done, plans, n_moved=len(moved_from))
        skipped = add_skipped(folder.seen.n_skipped for folder in folders)
        notices = (*report.notices, *_notices(folders))
        held = sum(sum(folder.held.values()) for folder in folders)
        return dataclasses.replace(report, removed=removed, missing=marked, held=held, skipped=skipped, notices=notices)

    def _turn_to_drives(self, folders: Sequence[_Folder]) -> None:
        """Note which drives lie in the folders; one that is back is unmarked first, so that no old mark counts."""
        self._store.put_files([row for folder in folders for row in folder.back])
        before = self._store.roots()
        drives = {folder.root.path: folder.root.drives for folder in folders}
        now = [dataclasses.replace(root, drives=drives.get(root.path, root.drives)) for root in before]
        if now != before:
            self._store.put_roots(now)
        self._store.put_files([row for folder in folders for row in folder.away])

    def _bring_in(self, plans: Sequence[Plan], request: ScanRequest, *, progress: Progress, n_others: int = 0) -> Done:
        """Read what is new or changed."""
        jobs = [job for plan in plans for job in plan.jobs]
        finished, pending = part(jobs, self._settle, now_ns=self._clock.now_ns())
        left: list[ReadJob] = []
        if request.at_most:
            finished, left = _first(finished, plans, at_most=request.at_most)
        sizes = {job.seen.size_bytes for job in (*finished, *pending)}
        work = Work(
            self._store,
            embedder=partial(self._embedder, len(finished) + len(pending)),
            clock=self._clock,
            known_by_size=self._known_by_size(sizes),
            pace=self._config.store,
            n_unread=n_others + sum(is_fresh(job) for job in (*finished, *left)),
        )
        if finished or (request.patient and pending):
            pending = self._read(work, finished, pending, patient=request.patient, progress=progress)
        back = [dataclasses.replace(row, missing_since_ns=0) for plan in plans for row in plan.back]
        self._store.put_files([*back, *(waiting_row(job) for job in pending)])
        work.done.pending, work.done.left = pending, left
        self._store.note_unread(n_others + sum(map(is_fresh, left)))
        return work.done

    def _read(
        self, work: Work, finished: list[ReadJob], pending: list[ReadJob], *, patient: bool, progress: Progress
    ) -> list[ReadJob]:
        """Read what is finished, then, if patient, look again at the rest; give what is still being written."""
        # What reads photos has to know the model, which a new library is to load.
        progress("loading", 0, 1)
        with self._decoder(len(finished) + len(pending)) as decoder:
            for looks_left in range(PATIENT_LOOKS if patient else 0, -1, -1):
                if finished:
                    leave_doubtful = looks_left > 0 or not patient
                    pending += work.run(finished, decoder, progress=progress, again=leave_doubtful)
                if not pending or not looks_left:
                    break
                progress("waiting", len(pending), 0)
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
        gone = {(row.root, row.path, row.drive) for row in moved_from}
        mark: list[FileRow] = []
        remove: list[FileRow] = list(moved_from)
        kept = 0
        for folder in folders:
            absent = [row for row in folder.plan.absent if (row.root, row.path, row.drive) not in gone]
            absences = self._absences(folder, absent, request)
            mark.extend(absences.mark)
            remove.extend(absences.remove)
            kept += len(absences.keep)
        self._store.put_files(mark)
        self._store.remove_files([(row.root, row.path, row.drive) for row in remove])
        return len(mark) + kept, len(remove) - len(moved_from)

    def _remove_orphans(self, *, among: Collection[str | None] | None) -> None:
        """Remove photos without a file: overwritten, or their last file's row was removed.

        All of them only after a scan that saw every folder whole: a scan killed between a photo's commit and its
        file's leaves such a photo too, and the next look at its file takes it up again.

        Args:
            among: only these, which the owner had removed; None for all.
        """
        held = {row.photo for row in self._store.files()}
        orphans = self._store.photo_keys() - held
        if among is not None:
            orphans &= set(among)
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
                paused=folder.paused or ("" if complete else unseen_reason(folder.seen)),
                device=folder.seen.device if complete else folder.root.device,
                last_scan_ns=now_ns if complete else folder.root.last_scan_ns,
                skipped=folder.seen.n_skipped if folder.seen.exists else folder.root.skipped,
                mounts=folder.seen.mounts if complete else folder.root.mounts,
                volumes=folder.seen.volumes if complete else folder.root.volumes,
                held=folder.held if folder.seen.listed else folder.root.held,
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


def _is_known(row: FileRow) -> bool:
    return row.has_photo and not row.missing_since_ns


def _is_there(row: FileRow) -> bool:
    try:
        return is_as_known(row, look_at(row.absolute))
    except OSError:
        return False


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
        notices=(_DAMAGED.format(done.n_damaged),) if done.n_damaged else (),
    )


def _notices(folders: Iterable[_Folder]) -> tuple[str, ...]:
    return tuple(filter(None, map(_notice, folders)))


def _notice(folder: _Folder) -> str:
    """Say what of a folder was not judged, and what helps: never what was just done."""
    place, seen = folder.root.path, folder.seen
    if not seen.listed:
        forget = f"vecclust folders forget {shlex.quote(place)}"
        help_ = f"Run scan again when it is back, or {forget} if it is not to be scanned any more."
        return f"{place}: {folder.paused}; nothing is removed. {help_}"
    quoted, n = shlex.quote(place), sum(folder.held.values())
    held = f", {n} {'photo' if n == 1 else 'photos'} there {'is' if n == 1 else 'are'} not taken in" if n else ""
    if folder.paused and not seen.complete:
        help_ = "Let it be read and scan again, or scan --prune to remove what is missing in the other parts."
        return f"{place}: {folder.paused}; nothing is removed{held}. {help_}"
    if folder.paused:
        accept = f", vecclust folders accept {quoted} if both are yours and to be kept" if n else ""
        help_ = f"Run scan again when it is back, vecclust scan --prune {quoted} if the photos are meant to go{accept}."
        return f"{place}: {folder.paused}; nothing is removed{held}. {help_}"
    if not seen.complete:
        n = folder.n_unseen
        kept = f"{n} known {'file' if n == 1 else 'files'} there stay, what is missing elsewhere is removed"
        return f"{place}: {unseen_reason(seen)}; {kept}"
    if folder.n_linked:
        n = folder.n_linked
        links = f"{n} {'link' if n == 1 else 'links'} out of it {'is' if n == 1 else 'are'} not followed any more"
        return f"{place}: {links}, what is known stays; photos.follow_links follows them, scan --prune lets them go"
    return ""
