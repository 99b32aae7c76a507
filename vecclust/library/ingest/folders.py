"""The kept folders: what of the library lies in each, taking one back, and accepting another drive in one's place.

Taking one back forgets rows alone: no file is touched, and what the owner said stays in the log of edits. Accepting
gives the drive that lies there a number of its own; which one it is, a scan finds out (`drives`).
"""

from __future__ import annotations

import dataclasses
import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vecclust.errors import NotFound, UsageError
from vecclust.types.files import AcceptReport, FileRow, ForgetReport, KeptFolder, Root, place_of

if TYPE_CHECKING:
    from vecclust.store import Store


def list_folders(store: Store) -> tuple[KeptFolder, ...]:
    """Read the kept folders, in the order in which they were given, with what lies in each.

    Args:
        store: the library's tables.
    """
    known = store.photo_keys()
    rows: dict[str, list[FileRow]] = defaultdict(list)
    for row in store.files():
        rows[row.root].append(row)
    return tuple(_kept_folder(root, rows[root.path], known) for root in store.roots())


def _kept_folder(root: Root, rows: Sequence[FileRow], known: Collection[str]) -> KeptFolder:
    there = [row for row in rows if row.drive == root.drive_of(row.path)]
    return KeptFolder(
        path=root.path,
        present=os.path.isdir(root.path),
        photos=len({row.photo for row in rows if row.photo in known}),
        files=len(rows),
        missing=sum(row.missing_since_ns > 0 for row in there),
        last_scan_ns=root.last_scan_ns or None,
        paused=root.paused,
        held=sum(root.held.values()),
        away=len(rows) - len(there),
    )


def accept_drive(store: Store, folder: Path, *, now_ns: int, dry_run: bool) -> AcceptReport:
    """Accept what lies in a folder's place as another drive of the owner's: the next scan takes it in.

    What was known there stays, marked as missing, until a scan finds its files there again. Marked last, so that a
    command that was killed is mended by the next scan.

    Args:
        store: the library's tables, open for writing but for a dry run.
        folder: as it is kept.
        now_ns: the time now.
        dry_run: say what would be done, change nothing.

    Returns:
        What it comes to.

    Raises:
        NotFound: it is not kept.
        UsageError: it is a part of one that is, or such lie in it; or nothing is held back in it.
    """
    path = _kept(store, os.path.abspath(os.path.expanduser(folder)))
    root = next(root for root in store.roots() if root.path == path)
    taken = {place: n for place, n in root.held.items() if n}
    if not taken:
        raise UsageError(
            f"nothing that lies in {path} is held back",
            hint=f"vecclust scan looks at it again; {root.paused}." if root.paused else "vecclust scan takes it in.",
        )
    rows = list(store.files(root=path))
    number = 1 + max((0, *root.drives.values(), *(row.drive for row in rows)))
    drives = {place: root.drive_of(place) for place in root.places} | dict.fromkeys(taken, number)
    held = {place: n for place, n in root.held.items() if place not in taken}
    accepted = dataclasses.replace(root, drives=drives, held=held, paused=root.paused if held else "")
    away = [row for row in rows if place_of(row.path, root.places) in taken and row.drive == root.drive_of(row.path)]
    if not dry_run:
        store.put_roots([accepted if root.path == path else root for root in store.roots()])
        there = [row for row in away if not row.missing_since_ns]
        store.put_files([dataclasses.replace(row, missing_since_ns=now_ns) for row in there])
    return AcceptReport(folder=path, files=sum(taken.values()), away=len(away), dry_run=dry_run)


def forget_folder(store: Store, folder: Path, *, dry_run: bool) -> ForgetReport:
    """Take a folder back: forget its files, and the photos that lie in no other folder.

    The folder itself goes last, so that one that was killed halfway is simply done again, or scanned again.

    Args:
        store: the library's tables, open for writing but for a dry run.
        folder: as it is kept, whether it is there or not.
        dry_run: say what would be done, change nothing.

    Returns:
        What it comes to.

    Raises:
        NotFound: it is not kept.
        UsageError: it is a part of one that is, or such lie in it.
    """
    path = _kept(store, os.path.abspath(os.path.expanduser(folder)))
    files: list[tuple[str, str, int]] = []
    inside: set[str] = set()
    elsewhere: set[str] = set()
    for row in store.files():
        if row.root == path:
            files.append((row.root, row.path, row.drive))
        if row.photo is not None:
            (inside if row.root == path else elsewhere).add(row.photo)
    inside &= store.photo_keys()
    gone = inside - elsewhere
    report = ForgetReport(
        folder=path,
        files=len(files),
        photos_removed=len(gone),
        photos_kept=len(inside & elsewhere),
        edits=len({pin.number for photo, pin in store.constraints().pins.items() if photo in gone}),
        emptied=_emptied(store, gone),
        dry_run=dry_run,
    )
    if not dry_run:
        store.remove_files(files)
        store.remove_photos(gone)
        store.put_roots([root for root in store.roots() if root.path != path])
        store.maintain()
    return report


def _kept(store: Store, path: str) -> str:
    """Find the kept folder of this path."""
    roots = [root.path for root in store.roots()]
    if path in roots:
        return path
    above = next((root for root in roots if path.startswith(root.rstrip(os.sep) + os.sep)), None)
    if above is not None:
        raise UsageError(
            f"{path} is a part of {above}, which is kept as a whole",
            hint="photos.ignore leaves a part out; an empty file .nomedia in it does so too.",
        )
    if below := [root for root in roots if root.startswith(path.rstrip(os.sep) + os.sep)]:
        raise UsageError(f"{path} is not kept itself, but {', '.join(below)} in it", hint="Name the one you mean.")
    raise NotFound(f"{path} is no folder of this library", hint="vecclust folders lists them.")


def _emptied(store: Store, gone: set[str]) -> tuple[str, ...]:
    """Give the names that the owner gave to clusters all of whose photos go."""
    named = {cluster: name.name for cluster, name in store.names().items() if name.named_by == "owner"}
    if not named or not gone:
        return ()
    stay: set[str | None] = set()
    go: set[str | None] = set()
    for photo, label in store.labels().items():
        (go if photo in gone else stay).add(label.cluster)
    return tuple(sorted(name for cluster, name in named.items() if cluster in go - stay))
