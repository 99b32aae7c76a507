"""What a browser sends, held against what it may be: ids, numbers, short text. Nothing else is taken.

Digits are those of ASCII: Python's `isdigit` takes a superscript two for one, and `int` does not. The forms by which
the owner corrects clusters become edits here; `page_after` names the page that shows what became of one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request

from vecclust.errors import NotFound, TooLarge, UsageError
from vecclust.library.queries.periods import read_period
from vecclust.types.clusters import UNCLUSTERED
from vecclust.types.edits import PHOTO, EditReport, EditRequest
from vecclust.types.search import Filters
from vecclust.types.timeline import TIMELINE_ID

Fields = Mapping[str, Sequence[str]]

MOST_LETTERS = 300
_MOST_PATH = 4096
# The longest form of ours names all clusters with a proposed name, at most 10 letters each.
_MOST_FORM_BYTES = 65536
_NUMBER = re.compile("[0-9]{1,9}")
CLUSTER = re.compile("c[1-9][0-9]{0,8}")
EDIT = re.compile("w[1-9][0-9]{0,8}")
_CLUSTERS = re.compile(f"{CLUSTER.pattern}( {CLUSTER.pattern})*")
_ANY_PLACE = re.compile(f"{CLUSTER.pattern}|{UNCLUSTERED}")
_SHAPES = {
    "photo": PHOTO,
    "cluster": CLUSTER,
    "run": re.compile("r[1-9][0-9]{0,8}"),
    "number": _NUMBER,
    "year": re.compile("[0-9]{4}"),
    "group": TIMELINE_ID,
}


def part(request: Request, name: str) -> str:
    """Give a part of the address.

    Args:
        request: what was asked.
        name: which one: `photo` (its content hash), `cluster`, `run` or `group` (their ids), `year` or `number`.

    Raises:
        NotFound: there cannot be such a one.
    """
    given = str(request.path_params[name])
    if not _SHAPES[name].fullmatch(given):
        raise NotFound(f"there is no such {name}", hint="")
    return given


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a page's photos are limited to, as it stands in the address; empty text limits nothing.

    Attributes:
        since: a day, month or year, the first that counts.
        until: the last.
        folder: an absolute path.
        cluster: an id.
    """

    since: str = ""
    until: str = ""
    folder: str = ""
    cluster: str = ""

    @property
    def query(self) -> str:
        """What an address is given to carry it, after its question mark; empty where nothing is limited."""
        return urlencode({name: value for name, value in asdict(self).items() if value})

    def filters(self) -> Filters:
        """Read it.

        Raises:
            UsageError: a date is none, or the folder or the cluster cannot be one.
        """
        if self.cluster and not _ANY_PLACE.fullmatch(self.cluster):
            raise UsageError("there is no such cluster", hint="")
        if self.folder and (not os.path.isabs(self.folder) or "\0" in self.folder):
            raise UsageError("that is no folder", hint="")
        try:
            return Filters(
                cluster=self.cluster or None,
                since=read_period(self.since)[0] if self.since else None,
                until=read_period(self.until)[1] if self.until else None,
                folder=Path(self.folder) if self.folder else None,
            )
        except ValueError as error:
            raise UsageError(f"that is no date: {error}", hint="") from None


def narrowing(request: Request, *names: str) -> Narrowing:
    """Read what a page is to be limited to.

    Args:
        request: what was asked.
        names: what of it can be said on this page.
    """
    asked = {name: request.query_params.get(name, "")[:_MOST_PATH] for name in names}
    return Narrowing(**{name: value if name == "folder" else value.strip() for name, value in asked.items()})


def told(request: Request) -> int:
    """Give the number of the notices that the page is to show, 0 for none.

    Args:
        request: what was asked.
    """
    asked = request.query_params.get("told", "")
    return int(asked) if _NUMBER.fullmatch(asked) else 0


def page(request: Request) -> int:
    """Give the page asked for, from 0; addresses count from 1.

    Args:
        request: what was asked.

    Raises:
        UsageError: it is no number of a page.
    """
    asked = request.query_params.get("page", "1")
    if not _NUMBER.fullmatch(asked) or int(asked) < 1:
        raise UsageError("that is no number of a page", hint="Pages are counted from 1.")
    return int(asked) - 1


def length(request: Request) -> int:
    """Give the length of the body in bytes as the browser announces it, 0 where it does not.

    Args:
        request: what was asked.
    """
    said = request.headers.get("content-length", "")
    return int(said) if re.fullmatch("[0-9]{1,18}", said) else 0


async def fields(request: Request) -> dict[str, list[str]]:
    """Read a form.

    Args:
        request: what was sent.

    Returns:
        The values of its fields by name.

    Raises:
        TooLarge: it is longer than any form of ours.
        UsageError: it is no form.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise UsageError("that is no form", hint="")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _MOST_FORM_BYTES:
            raise TooLarge("that is more than a form holds", hint="")
    try:
        return parse_qs(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise UsageError("that is no text", hint="") from error


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


@dataclass(frozen=True, slots=True)
class NamesAnswer:
    """What the owner says of names that are proposed.

    Attributes:
        accepts: whether they are accepted, or else refused.
        clusters: the clusters, by id.
    """

    accepts: bool
    clusters: tuple[str, ...]


def about_names(given: Fields) -> NamesAnswer:
    """Read what is said of proposed names.

    Args:
        given: the `clusters`, and what is to be `do`ne.

    Raises:
        UsageError: it is no form of these pages.
    """
    accepts = _one(given, "do", re.compile("accept|refuse")) == "accept"
    return NamesAnswer(accepts, tuple(_one(given, "clusters", _CLUSTERS).split(" ")))


def page_after_names(given: Fields, answer: NamesAnswer, *, narrowed: str) -> str:
    """Choose the page to go on with: the cluster's own, or its place on the front page.

    Args:
        given: the form: the cluster whose page it was said on stands `from`.
        answer: what was said.
        narrowed: the query of the front page that it was said on, or empty.
    """
    home = next(iter(given.get("from", ())), "")
    if CLUSTER.fullmatch(home):
        return f"/cluster/{home}"
    front = f"/?{narrowed}" if narrowed else "/"
    return f"{front}#{answer.clusters[0]}" if len(answer.clusters) == 1 else front


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
