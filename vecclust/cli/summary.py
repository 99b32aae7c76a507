"""What a scan ends with on a terminal: what was found, in numbers that add up, and what to do next.

Every command it names can be typed as it stands: with the library that was asked for, and quoted as a shell wants it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from vecclust.cli.clusters import show_clusters
from vecclust.cli.folders import skipped_text
from vecclust.cli.tables import GAP, INDENT, folded_command, print_sentences, short_path, terminal_width

if TYPE_CHECKING:
    from vecclust.cli.session import Session
    from vecclust.types.clusters import ClusterEntry
    from vecclust.types.files import ScanReport
    from vecclust.types.status import Inventory

# Any words do: what matters is that one can ask with words.
WORDS = "sunset"


def show_ending(report: ScanReport, inventory: Inventory, *, session: Session) -> None:
    """Print what a scan found.

    Args:
        report: what it did.
        inventory: what the library holds now.
        session: says how the library is asked again.
    """
    print_sentences(*_sentences(report, inventory, session))
    if report.fitted and inventory.clusters.clusters:
        print_sentences("")
        show_clusters(inventory.clusters, see_all=session.command("clusters", "--all"))
    steps = list(_next_steps(report, inventory, session))
    if steps:
        print_sentences("", "Next:")
        _show_steps(steps)


def _sentences(report: ScanReport, inventory: Inventory, session: Session) -> Iterator[str]:
    parts = {
        "new": report.added,
        "changed": report.updated,
        "moved": report.moved,
        "as before": report.unchanged,
        "still being written": report.pending,
        "not readable": report.problems,
    }
    seen = ", ".join(f"{number:,} {what}" for what, number in parts.items() if number)
    yield f"{_count(sum(parts.values()), 'file')} looked at" + (f": {seen}" if seen else "")
    if report.missing:
        yield f"{_count(report.missing, 'file')} not found; removed if a scan a day from now does not find them either"
    if report.removed:
        yield f"{_count(report.removed, 'file')} gone, removed from the library"
    if report.skipped:
        yield f"Left out {skipped_text(report.skipped)}: {session.command('status', '--skipped')}"
    found = inventory.clusters
    copies = f" ({_count(inventory.copies, 'more file')} with the same content)" if inventory.copies else ""
    parts = {
        f"in {_count(len(found.clusters), 'cluster')}": found.clustered,
        "unclustered": found.noise,
        "not labelled yet": inventory.unlabelled if found.run is not None else 0,
    }
    held = ", ".join(f"{number:,} {what}" for what, number in parts.items() if number or what == "unclustered")
    # After a fit the table of its clusters says it.
    is_said = found.run is None or (report.fitted and found.clusters)
    yield f"{_count(inventory.photos, 'photo')} in the library{copies}" + ("" if is_said else f": {held}")
    by_time = {"event": inventory.events, "trip": inventory.trips, "town": inventory.towns}
    if inventory.events:
        yield f"By time and place: {', '.join(_count(n, what) for what, n in by_time.items() if n)}"
    if inventory.missing_photos:
        needed = inventory.photos + inventory.missing_photos
        yield f"Clusters are found from {needed:,} photos on: {inventory.missing_photos:,} more needed"
    if inventory.problems:
        yield f"{_count(inventory.problems, 'file')} could not be read: {session.command('problems')}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _next_steps(report: ScanReport, inventory: Inventory, session: Session) -> Iterator[tuple[str, str]]:
    """Give commands to try and what they show: after the first clusters, and while there are none yet."""
    found = inventory.clusters
    if not inventory.photos or not (report.fitted or found.run is None):
        return
    if found.clusters:
        largest = found.clusters[0]
        yield session.command("clusters", "--preview"), "the clusters, with a picture of each"
        yield session.command("cluster", largest.id), "the photos of the largest one"
        if found.noise:
            yield session.command("cluster", "unclustered"), "the photos in none"
        similar = _similar_that_fits(found.clusters, session)
        if similar is not None:
            yield similar, "photos like this one"
    if inventory.trips or inventory.events > 1:
        what = "trips" if inventory.trips else "events"
        yield session.command(what), f"the {what}, the last first"
    yield session.command("search", WORDS), "photos that match words"
    yield session.command("ui"), "all of it in the browser, until Ctrl-C"


def _similar_that_fits(clusters: Sequence[ClusterEntry], session: Session) -> str | None:
    """Ask for photos like that of the largest cluster whose path has room in a line: broken, it is another path."""
    room = terminal_width() - 2 * len(INDENT)
    for entry in clusters:
        if entry.medoid is not None and entry.medoid.isprintable() and cell_len(_shell_path(entry.medoid)) <= room:
            return f"{session.command('similar')} {_shell_path(entry.medoid)}"
    return None


def _shell_path(path: str) -> str:
    """Write a path for a shell, the home folder as `~`."""
    short = short_path(path)
    return f"~{os.sep}{shlex.quote(short[2:])}" if short.startswith(f"~{os.sep}") else shlex.quote(path)


def _show_steps(steps: Sequence[tuple[str, str]]) -> None:
    width = terminal_width()
    folded = [folded_command(command, width=width - len(INDENT)) for command, _ in steps]
    # Commands that are too long to be explained on their own line stand for themselves, and do not push the others.
    beside = [(len(lines[0]), what) for lines, (_, what) in zip(folded, steps, strict=True) if len(lines) == 1]
    gaps = len(INDENT) + GAP
    longest = max((length for length, what in beside if gaps + length + len(what) <= width), default=0)
    for lines, (_, what) in zip(folded, steps, strict=True):
        *before, last = lines
        for line in before:
            print_sentences(INDENT + line)
        told = INDENT + last.ljust(longest) + " " * GAP + what
        print_sentences(told if len(told) <= width else INDENT + last)
