"""Forms by which the owner corrects clusters, to edits; and the page that shows what became of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from vecclust.errors import UsageError
from vecclust.library.edits import UNCLUSTERED
from vecclust.types.edits import PHOTO, EditReport, EditRequest
from vecclust.web.forms import CLUSTER, EDIT

Fields = Mapping[str, Sequence[str]]

_ANY_PLACE = re.compile(f"{CLUSTER.pattern}|{UNCLUSTERED}")


def about_clusters(cluster: str, given: Fields) -> EditRequest:
    """Read what is said of two clusters.

    Args:
        cluster: the one whose page it is said on.
        given: `other`, and what is to be `do`ne.

    Raises:
        UsageError: no other cluster is chosen.
    """
    merge = _one(given, "do", re.compile("merge|not-together")) == "merge"
    other = _one(given, "other", CLUSTER, missing="no other cluster is chosen")
    return EditRequest("merge" if merge else "not-together", cluster=cluster, other=other)


def about_photos(given: Fields) -> EditRequest:
    """Read what is said of photos.

    Args:
        given: `photo`, once for each; what is to be `do`ne; the cluster they come `from` and go `to`; a `name`.

    Raises:
        UsageError: no photo is chosen, or no cluster where there must be one.
    """
    photos = tuple(given.get("photo", ()))
    if not photos or not all(PHOTO.fullmatch(photo) for photo in photos):
        raise UsageError("no photo is chosen", hint="Tick photos first.")
    match _one(given, "do", re.compile("move|pin|unpin|split-off")):
        case "move":
            to = _one(given, "to", _ANY_PLACE, missing="no cluster is chosen")
            return EditRequest("move", photos=photos, cluster=to)
        case "split-off":
            name = next(iter(given.get("name", ())), "")
            return EditRequest("split-off", photos=photos, cluster=_one(given, "from", CLUSTER), name=name)
        case "pin":
            return EditRequest("pin", photos=photos)
    return EditRequest("unpin", photos=photos)


def about_edit(edit: str) -> EditRequest:
    """Have an edit count as never made.

    Args:
        edit: its id.

    Raises:
        UsageError: that is no edit's id.
    """
    return EditRequest("take-back", edits=(_one({"edit": [edit]}, "edit", EDIT),))


def page_after(given: Fields, report: EditReport, *, clusters: Collection[str]) -> str:
    """Choose the page to go on with.

    Args:
        given: the form: the cluster or the photo whose page it was said on stand `from` and `back`.
        report: what it changed.
        clusters: the clusters there are now.
    """
    back, home = next(iter(given.get("back", ())), ""), next(iter(given.get("from", ())), "")
    if PHOTO.fullmatch(back):
        return f"/photo/{back}"
    if report.kind == "split-off" or home not in {*clusters, UNCLUSTERED}:
        home = report.cluster or ""
    if home == UNCLUSTERED:
        return "/unclustered"
    return f"/cluster/{home}" if home in clusters else "/"


def _one(given: Fields, name: str, shape: re.Pattern[str], *, missing: str = "that is no form of these pages") -> str:
    values = given.get(name, ())
    if len(values) != 1 or not shape.fullmatch(values[0]):
        raise UsageError(missing, hint="")
    return values[0]
