"""What the library says, as whole pages for a browser that is looking at it now."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from vecclust.errors import NotFound, VecclustError
from vecclust.exports import html, text
from vecclust.exports.gallery import CHANGES, GalleryContext, history_rows, last_run
from vecclust.exports.map import render_map
from vecclust.exports.text import plain
from vecclust.exports.timeline import TimelineContext
from vecclust.types.pages import ClusterView, MapView, Overview, PhotoView, Thumbnails, TimelineView
from vecclust.types.photos import PhotoFacts
from vecclust.types.runs import RefitReport, Run
from vecclust.web.forms import Narrowing

_ROOM = "vecclust.web"
# Of 30 bytes each, on every page; a browser lists those that begin like what is typed.
N_SUGGESTIONS = 300
_SCRIPTS = ("live.js", "map-live.js")


class _AtServer:
    """Addresses of the live pages."""

    home = "/"
    unclustered = "/unclustered"
    map = "/map"
    timeline = "/timeline"
    world = "/places"

    def year(self, year: int) -> str:
        """Give the page of a year."""
        return f"/timeline/{year}"

    def page(self, stem: str, number: int) -> str:
        """Give a page of photos."""
        place = "/unclustered" if stem == "unclustered" else f"/cluster/{stem}"
        return place if number == 0 else f"{place}?page={number + 1}"

    def large(self, photo: str, picture: bytes) -> str:
        """Give a photo's thumbnail."""
        return f"/thumbnail/{photo}"

    # The browser has that one already.
    small = large

    def photo(self, photo: PhotoView) -> str:
        """Give the photo's own page."""
        return f"/photo/{photo.photo}"


@dataclass(frozen=True, slots=True)
class FitView:
    """Where a refit stands.

    Attributes:
        state: `idle`, `fitting`, `proposed`, `adopting`, `handed` (to the daemon, which fits), `adopted` or `failed`.
        stage: what the fit does at present.
        done: steps of the stage that are done.
        total: its steps, 0 where that is unknown.
        report: what was found; before it is adopted, what adopting would change.
        error: why it failed.
    """

    state: Literal["idle", "fitting", "proposed", "adopting", "handed", "adopted", "failed"] = "idle"
    stage: str = ""
    done: int = 0
    total: int = 0
    report: RefitReport | None = None
    error: VecclustError | None = None


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a page is limited to, and what that leaves.

    Attributes:
        asked: as it stands in the address.
        fields: what of it can be chosen on the page.
        folders: the folders to choose from.
        photos: those that are let through, by content hash; None for all.
        failed: why nothing could be looked for, or empty.
    """

    asked: Narrowing
    fields: Sequence[str] = ()
    folders: Sequence[str] = ()
    photos: Collection[str] | None = None
    failed: str = ""

    def only(self, photos: Sequence[str]) -> Sequence[str]:
        """Leave out what is not let through.

        Args:
            photos: content hashes.
        """
        return photos if self.photos is None else [photo for photo in photos if photo in self.photos]


class LivePages:
    """Draws pages.

    Args:
        thumbnails: tells which photos have a picture; whoever gives them keeps them, for the browser asks next.
    """

    def __init__(self, thumbnails: Thumbnails) -> None:
        self._thumbnails = thumbnails
        self._sheets = GalleryContext(_AtServer(), thumbnails=thumbnails)

    def front_page(self, overview: Overview, *, narrowed: Narrowed, view: TimelineView | None = None) -> str:
        """Draw the front page.

        Args:
            overview: the library, or the part of it that it is limited to.
            narrowed: what that is.
            view: the library by time and place, which the page leads with; None for clusters alone.
        """
        cards = self._cards(overview.clusters, among=overview.clusters)
        for card in cards:
            card["link"] = _carrying(card["link"], narrowed)
        proposed = [card["id"] for card in cards if card["is_proposed"]]
        loose, narrow = self._sheets.sample(overview.unclustered), _narrow(narrowed, n_shown=overview.n_photos)
        to_loose = _carrying("/unclustered", narrowed)
        run = last_run(overview.run)
        return _page(
            "live-index.html",
            overview,
            cards=cards,
            run=run,
            loose=loose,
            narrow=narrow,
            to_loose=to_loose,
            proposed=proposed,
            remembered=None if view is None else self._by_time(view).front(),
            # Where an answer to a name leads back to.
            here_again=narrowed.asked.query,
        )

    def timeline(self, overview: Overview, view: TimelineView) -> str:
        """Draw the page of all years.

        Args:
            overview: the library.
            view: the same by time and place.
        """
        return _page("timeline.html", overview, **self._by_time(view).overview())

    def year(self, overview: Overview, view: TimelineView, *, year: int) -> str:
        """Draw the page of one year.

        Args:
            overview: the library.
            view: the same by time and place.
            year: which.

        Raises:
            NotFound: nothing was photographed in it.
        """
        drawn = self._by_time(view)
        if year not in drawn.years:
            raise NotFound(f"there is no event in {year}", hint="The timeline has all years.")
        return _page("live-year.html", overview, **drawn.year(year))

    def places(self, overview: Overview, view: TimelineView) -> str:
        """Draw the map of the world.

        Args:
            overview: the library.
            view: the same by time and place.
        """
        return _page("live-world.html", overview, **self._by_time(view).world())

    def _by_time(self, view: TimelineView) -> TimelineContext:
        return TimelineContext(view, _AtServer(), thumbnails=self._thumbnails)

    def cluster(
        self,
        overview: Overview,
        cluster: ClusterView,
        *,
        photos: Sequence[PhotoView],
        page: int,
        narrowed: tuple[Narrowed, int],
    ) -> str:
        """Draw one page of one cluster.

        Args:
            overview: the library.
            cluster: the cluster, one of it, with what every run did to it.
            photos: those of this page.
            page: which one, from 0.
            narrowed: what its photos are limited to, and how many these are.
        """
        clusters = overview.clusters
        at = next(number for number, one in enumerate(clusters) if one.entry.id == cluster.entry.id)
        by_id = {one.entry.id: one for one in clusters}
        beside = [*clusters[max(0, at - 1) : at + 2], *(by_id[other] for other in cluster.related if other in by_id)]
        cards = {card["id"]: card for card in self._cards(beside, among=clusters)}
        made_of = () if cluster.made_of is None else text.made_of(cluster.made_of)
        card = cards[cluster.entry.id] | {"history": history_rows(cluster.history), "made_of": made_of}
        return _page(
            "live-cluster.html",
            overview,
            card=card,
            choices=self._choices(overview),
            related=[cards[other] for other in cluster.related if other in cards],
            before=cards[clusters[at - 1].entry.id] if at else None,
            after=cards[clusters[at + 1].entry.id] if at + 1 < len(clusters) else None,
            **self._sheet(cluster.entry.id, photos, page=page, narrowed=narrowed),
        )

    def unclustered(
        self, overview: Overview, *, photos: Sequence[PhotoView], page: int, narrowed: tuple[Narrowed, int]
    ) -> str:
        """Draw one page of the unclustered.

        Args:
            overview: the library.
            photos: those of this page.
            page: which one, from 0.
            narrowed: what the photos are limited to, and how many these are.
        """
        sheet = self._sheet("unclustered", photos, page=page, narrowed=narrowed)
        return _page("live-unclustered.html", overview, choices=self._choices(overview), **sheet)

    def photo(self, overview: Overview, shown: PhotoView, *, facts: PhotoFacts, alike: Sequence[PhotoView]) -> str:
        """Draw one photo and its nearest.

        Args:
            overview: the library.
            shown: the photo.
            facts: what is known of it.
            alike: the photos most like it, nearest first.
        """
        paths, clusters = [path for path in (facts.path, *facts.other_paths) if path], overview.clusters
        return _page(
            "live-photo.html",
            overview,
            photo=self._sheets.figures([shown])[0],
            key=shown.photo,
            name=text.file_name(facts.path),
            paths=[plain(path) for path in paths],
            taken=text.taken(facts.taken, facts.taken_source),
            facts=facts,
            by_time=_by_time(facts),
            photo_words=[plain(word) for word in facts.words],
            cluster=next((self._sheets.naming(one.entry) for one in clusters if one.entry.id == facts.cluster), None),
            figures=self._sheets.figures(alike),
            choices=self._choices(overview),
        )

    def found(
        self,
        overview: Overview,
        *,
        query: str,
        photos: Sequence[PhotoView],
        meant: Sequence[str] = (),
        dropped: int | None = None,
        narrowed: Narrowed | None = None,
    ) -> str:
        """Draw the answer to a question.

        Args:
            overview: the library.
            query: the words that were asked for; empty where a picture was dropped.
            photos: the answer, nearest first.
            meant: ids of the clusters that the words mean, the likeliest first.
            dropped: number of the picture that was dropped, or None.
            narrowed: what the answer is limited to, None where that cannot be chosen.
        """
        by_id = {one.entry.id: one.entry for one in overview.clusters}
        return _page(
            "live-found.html",
            overview,
            meant=[self._sheets.naming(by_id[cluster]) for cluster in meant if cluster in by_id],
            asked=plain(query) if dropped is None else "Photos like the one you dropped",
            words=query,
            figures=self._sheets.figures(photos),
            dropped=dropped,
            narrow=None if narrowed is None else _narrow(narrowed, n_shown=len(narrowed.photos or ())),
            choices=self._choices(overview),
        )

    def runs(self, overview: Overview, *, runs: Sequence[Run], current: str | None, fit: FitView) -> str:
        """Draw the history of fits, and where a new one stands.

        Args:
            overview: the library.
            runs: the kept runs, oldest first.
            current: the current run, or None before the first.
            fit: the new one.
        """
        return _page(
            "live-runs.html",
            overview,
            runs=[_run(run) for run in reversed(runs)],
            current=current,
            fit=fit,
            n_before=len(overview.clusters),
            fit_error=None if fit.error is None else (plain(fit.error.message), plain(fit.error.hint)),
            changes=_changes(fit.report),
        )

    def map(self, shown: MapView, *, sheets: str) -> str:
        """Draw the map.

        Args:
            shown: what it shows.
            sheets: where its sheets of pictures lie.
        """
        template = html.environment(_ROOM).get_template("live-map.html")
        return render_map(shown, thumbnails=self._thumbnails, sheets=sheets, template=template)

    def waiting(self, overview: Overview, *, failed: VecclustError | None) -> str:
        """Draw what is seen while the map is laid out, or why it cannot be.

        Args:
            overview: the library.
            failed: why it cannot be; None while it is laid out.
        """
        error = None if failed is None else (plain(failed.message), plain(failed.hint))
        return _page("live-waiting.html", overview, error=error)

    def error(self, overview: Overview | None, *, title: str, message: str, hint: str) -> str:
        """Draw what went wrong.

        Args:
            overview: the library, or None where it cannot be read.
            title: the heading.
            message: what went wrong.
            hint: what to do about it, or empty.
        """
        nothing = Overview(None, (), (), 0)
        given = {"title": title, "message": plain(message), "hint": plain(hint)}
        return _page("live-error.html", overview or nothing, **given)

    def _cards(self, clusters: Sequence[ClusterView], *, among: Sequence[ClusterView]) -> list[dict[str, Any]]:
        # All of a page's pictures in one read: one by one they cost a look through all keys each.
        self._thumbnails([key for cluster in clusters for key in (cluster.cover, *cluster.edge)])
        titles = self._sheets.titles(among)
        return [self._sheets.card(cluster, titles=titles) for cluster in clusters]

    def _sheet(
        self, stem: str, photos: Sequence[PhotoView], *, page: int, narrowed: tuple[Narrowed, int]
    ) -> dict[str, Any]:
        """Give a sheet of photos whose pages carry on what they are limited to."""
        asked, n_photos = narrowed
        sheet = self._sheets.page(stem, photos, page=page, n_photos=n_photos)
        links = [_carrying(link, asked) for link in sheet["page_links"]]
        return sheet | {"page_links": links, "narrow": _narrow(asked, n_shown=n_photos)}

    def _choices(self, overview: Overview) -> list[dict[str, Any]]:
        """Give the clusters that photos can be moved to, largest first."""
        titles = self._sheets.titles(overview.clusters)
        entries = (one.entry for one in overview.clusters)
        return [{"id": entry.id, "title": titles[entry.id], "size": entry.size} for entry in entries]


@functools.cache
def live_assets() -> Mapping[str, tuple[str, bytes]]:
    """Give what a page loads beside itself, by name: its type and its bytes. There is nothing else to be had."""
    found = {name: html.template_source(name, package=_ROOM) for name in _SCRIPTS} | {
        "map.js": html.template_source("map.js")
    }
    return {name: ("text/javascript; charset=utf-8", source.encode("utf-8")) for name, source in found.items()}


def _suggestions(overview: Overview) -> list[str]:
    """Give words to search for: what clusters are called and tagged with, the largest first, each once."""
    words: dict[str, str] = {}
    for one in overview.clusters:
        for word in (text.name_of(one.entry, names=True), *map(plain, one.entry.tags)):
            if word:
                words.setdefault(word.casefold(), word)
            if len(words) == N_SUGGESTIONS:
                return list(words.values())
    return list(words.values())


def _by_time(facts: PhotoFacts) -> list[tuple[str, str, str]]:
    """Give what is known of a photo by time and place: what, in words, and the page that has it or nothing."""
    year = "" if facts.taken is None else _AtServer().year(facts.taken.year)
    where = ", ".join(filter(None, [facts.town, facts.country]))
    rows = [
        ("Event", facts.event_name or facts.event or "", f"{year}#{facts.event}" if year else ""),
        ("Trip", facts.trip_name or facts.trip or "", f"{year}#{facts.trip}" if year else ""),
        ("In", where, _AtServer.world),
        ("Camera", facts.camera or "", ""),
    ]
    return [(what, plain(words), link) for what, words, link in rows if words]


def _carrying(link: str, narrowed: Narrowed) -> str:
    """Give a link that carries on what the page is limited to."""
    query = narrowed.asked.query
    return f"{link}{'&' if '?' in link else '?'}{query}" if query else link


def _narrow(narrowed: Narrowed, *, n_shown: int) -> dict[str, Any]:
    """Give what a page is limited to, as the templates take it."""
    folders = sorted({*narrowed.folders, *([narrowed.asked.folder] if narrowed.asked.folder else [])})
    return {
        "asked": narrowed.asked,
        "fields": narrowed.fields,
        # A path that is no text cannot be sent back by a form.
        "folders": [{"path": path, "title": plain(path)} for path in folders if path.isprintable()],
        "is_set": bool(narrowed.asked.query),
        "failed": plain(narrowed.failed),
        "n_shown": n_shown,
    }


def _page(template: str, overview: Overview, **given: Any) -> str:
    style = html.template_source("gallery.css") + html.template_source("live.css", package=_ROOM)
    common = {
        "n_photos": overview.n_photos,
        "n_clusters": len(overview.clusters),
        "n_unclustered": len(overview.unclustered),
        "words": "",
        "suggestions": _suggestions(overview),
        "notices": [plain(notice) for notice in overview.notices],
    }
    drawn = html.environment(_ROOM).get_template(template)
    return drawn.render(style=style, base="live.html", links=_AtServer(), **(common | given))


def _run(run: Run) -> dict[str, Any]:
    return {
        "run": run,
        "when": datetime.fromtimestamp(run.created_ns / 1e9, UTC).astimezone().strftime("%Y-%m-%d %H:%M"),
        "reason": plain(run.reason),
        "kind": {"full": "from nothing", "continued": "continued", "light": "newcomers settled"}[run.kind],
        "changes": [(title, run.changes[name]) for name, title in CHANGES if run.changes.get(name)],
        "moved": run.changes.get("labels_changed", 0),
    }


def _changes(report: RefitReport | None) -> list[tuple[str, int]]:
    if report is None:
        return []
    return [(title, getattr(report, name)) for name, title in CHANGES]
