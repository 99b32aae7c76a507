"""What the owner says of events, trips and places: checked against what there is, as rows of the log of edits.

They are named by their ids. Events can be merged, split, and given photos; trips and places merged; all of them named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vecclust.errors import NotFound, UsageError
from vecclust.library.timeline.identity import group_id, group_number
from vecclust.library.timeline.shown import Shown, timeline_of
from vecclust.types.clusters import ClusterName
from vecclust.types.constraints import group_asked
from vecclust.types.edits import Edit, EditRequest
from vecclust.types.names import checked_name, name_key
from vecclust.types.timeline import TIMELINE_ID, TimelineGroup, TimelineKind

if TYPE_CHECKING:
    from vecclust.store import Store

_CALLED = {"e": "event", "t": "trip", "p": "place"}


def correction_rows(
    store: Store, request: EditRequest, photos: Sequence[str], edit_row: Callable[..., Edit]
) -> list[Edit] | None:
    """Give the rows of an edit that is about events, trips or places.

    Args:
        store: the library's tables, open for writing.
        request: what is to hold.
        photos: content hashes of the photos it names.
        edit_row: makes a row of the log of its kind and fields.

    Returns:
        The rows, or None where it is about clusters.

    Raises:
        NotFound: one of them is not there.
        UsageError: it makes no sense.
    """
    group, other = group_asked(request.cluster), group_asked(request.other)
    if group is None and other is None:
        return None
    match request.kind:
        case "move":
            event = _there(store, group or "", "e")
            return [edit_row("move", photo=photo, cluster=event) for photo in photos]
        case "merge":
            return _merged(store, request, edit_row)
        case "split-off":
            return _split_off(store, _there(store, group or "", "e"), photos, request.name, edit_row)
    raise UsageError(
        f"{request.kind} is for clusters, {group or other} is {_articled(group or other or '')}",
        hint="Events, trips and places can be renamed, merged and, events, split.",
    )


def rename_group(store: Store, group: str, name: str, *, now_ns: int) -> ClusterName:
    """Give an event, trip or place its owner's name.

    Args:
        store: the library's tables, open for writing.
        group: its id.
        name: the name.
        now_ns: when.

    Returns:
        The name as it is kept.

    Raises:
        NotFound: there is none of this id.
        UsageError: it is no name, or another one of the kind has it.
    """
    there = _there(store, group, group[0])
    kept = _free_name(store, there, name)
    store.add_edits([Edit(0, "rename", cluster=there, name=kept, run=store.state().current_run, made_ns=now_ns)])
    return ClusterName(there, kept, "owner", now_ns)


def _merged(store: Store, request: EditRequest, edit_row: Callable[..., Edit]) -> list[Edit]:
    kept = _there(store, group_asked(request.cluster) or request.cluster, name_key(request.cluster)[:1])
    other = _there(store, group_asked(request.other) or request.other, kept[0])
    if kept == other:
        raise UsageError(f"{kept} is one {_CALLED[kept[0]]} already", hint="Name two: vecclust merge KEPT OTHER.")
    shown = timeline_of(store)
    is_street = [group_number(one) in set(shown.street.tolist()) for one in (kept, other)]
    if kept[0] == "p" and is_street[0] != is_street[1]:
        raise UsageError(f"one of {kept} and {other} is a town, the other a part of one", hint="Merge two of a kind.")
    return [edit_row("merge", cluster=kept, other=other)]


def _split_off(store: Store, event: str, photos: Sequence[str], name: str, edit_row: Callable[..., Edit]) -> list[Edit]:
    shown = timeline_of(store)
    rows = {shown.photo(row) for row in shown.events[group_number(event)].tolist()}
    if elsewhere := [photo for photo in photos if photo not in rows]:
        raise UsageError(f"the photo {elsewhere[0]} is not in {event}", hint=f"vecclust event {event} lists them.")
    if len(photos) == len(rows):
        raise UsageError(f"these are all the photos of {event}", hint="vecclust rename gives it another name.")
    new = new_group(store, "event")
    kept = _free_name(store, new, name) if name.strip() else ""
    return [edit_row("split-off", photo=photo, cluster=new, other=event, name=kept) for photo in photos]


def new_group(store: Store, kind: TimelineKind) -> str:
    """Give an id that nothing ever had; what has it is what its owner puts into it, so that it has no anchors.

    Args:
        store: the library's tables, open for writing.
        kind: what it is to be of.
    """
    kept = store.timeline()
    letter = group_id(kind, 1)[0]
    said = [one for edit in store.edits() for one in (edit.cluster, edit.other) if one and TIMELINE_ID.fullmatch(one)]
    numbers = [group_number(one) for one in (*said, *(group.id for group in kept)) if one[0] == letter]
    new = group_id(kind, max(numbers, default=0) + 1)
    store.keep_timeline((*kept, TimelineGroup(new, kind, (), 0)))
    return new


def _there(store: Store, group: str, letter: str) -> str:
    """Give the id as which one is shown that is there."""
    if letter not in _CALLED or not TIMELINE_ID.fullmatch(group) or group[0] != letter:
        what = _CALLED.get(letter, "event, trip or place")
        raise UsageError(f"{group or 'this'} is no {what}", hint=f"vecclust {what}s lists them by their ids.")
    shown = timeline_of(store)
    root = shown.constraints.root(group)
    if group_number(root) not in _numbers(shown, letter):
        raise NotFound(f"there is no {_CALLED[letter]} {group}", hint=f"vecclust {_CALLED[letter]}s lists them.")
    return root


def _numbers(shown: Shown, letter: str) -> set[int]:
    return set({"e": shown.events, "t": shown.trips, "p": shown.places}[letter])


def _free_name(store: Store, group: str, name: str) -> str:
    kept = checked_name(name)
    shown = timeline_of(store)
    for other, one in shown.constraints.named.items():
        is_other = other[0] == group[0] and shown.constraints.root(other) != group
        if is_other and name_key(one.name) == name_key(kept) and group_number(other) in _numbers(shown, group[0]):
            hint = f"Choose another name, or make them one: vecclust merge {other} {group}."
            raise UsageError(f"{other} is named “{one.name}” already", hint=hint)
    return kept


def _articled(group: str) -> str:
    what = _CALLED[group[0]]
    return f"an {what}" if what == "event" else f"a {what}"
