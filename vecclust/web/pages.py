"""What the library says, as whole pages for a browser that is looking at it now."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from vecclust.errors import VecclustError
from vecclust.exports import html, text
from vecclust.exports.colours import colour_of
from vecclust.exports.gallery import CHANGES, GalleryContext, history_rows, last_run
from vecclust.exports.map import render_map
from vecclust.exports.text import plain
from vecclust.types.pages import ClusterView, MapView, Overview, PhotoView, Thumbnails
from vecclust.types.photos import PhotoFacts
from vecclust.types.runs import RefitReport, Run

_ROOM = "vecclust.web"
_SCRIPTS = ("live.js", "map-live.js")


class _AtServer:
    """Addresses of the live pages."""

    home = "/"
    unclustered = "/unclustered"

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


class LivePages:
    """Draws pages.

    Args:
        thumbnails: tells which photos have a picture; whoever gives them keeps them, for the browser asks next.
    """

    def __init__(self, thumbnails: Thumbnails) -> None:
        self._thumbnails = thumbnails
        self._sheets = GalleryContext(_AtServer(), thumbnails=thumbnails)

    def front_page(self, overview: Overview) -> str:
        """Draw the front page.

        Args:
            overview: the library.
        """
        cards = self._cards(overview.clusters, among=overview.clusters)
        loose = self._sheets.sample(overview.unclustered)
        return _page("index.html", overview, cards=cards, run=last_run(overview.run), loose=loose)

    def cluster(self, overview: Overview, cluster: ClusterView, *, photos: Sequence[PhotoView], page: int) -> str:
        """Draw one page of one cluster.

        Args:
            overview: the library.
            cluster: the cluster, one of it, with what every run did to it.
            photos: those of this page.
            page: which one, from 0.
        """
        clusters = overview.clusters
        at = next(number for number, one in enumerate(clusters) if one.entry.id == cluster.entry.id)
        by_id = {one.entry.id: one for one in clusters}
        beside = [*clusters[max(0, at - 1) : at + 2], *(by_id[other] for other in cluster.related if other in by_id)]
        cards = {card["id"]: card for card in self._cards(beside, among=clusters)}
        card = cards[cluster.entry.id] | {"history": history_rows(cluster.history)}
        return _page(
            "live-cluster.html",
            overview,
            card=card,
            choices=self._choices(overview),
            related=[cards[other] for other in cluster.related if other in cards],
            before=cards[clusters[at - 1].entry.id] if at else None,
            after=cards[clusters[at + 1].entry.id] if at + 1 < len(clusters) else None,
            **self._sheets.page(cluster.entry.id, photos, page=page, n_photos=cluster.entry.size),
        )

    def unclustered(self, overview: Overview, *, photos: Sequence[PhotoView], page: int) -> str:
        """Draw one page of the unclustered.

        Args:
            overview: the library.
            photos: those of this page.
            page: which one, from 0.
        """
        sheet = self._sheets.page("unclustered", photos, page=page, n_photos=len(overview.unclustered))
        return _page("live-unclustered.html", overview, choices=self._choices(overview), **sheet)

    def photo(self, overview: Overview, shown: PhotoView, *, facts: PhotoFacts, alike: Sequence[PhotoView]) -> str:
        """Draw one photo and its nearest.

        Args:
            overview: the library.
            shown: the photo.
            facts: what is known of it.
            alike: the photos most like it, nearest first.
        """
        paths = [path for path in (facts.path, *facts.other_paths) if path]
        return _page(
            "live-photo.html",
            overview,
            photo=self._sheets.figures([shown])[0],
            key=shown.photo,
            name=text.file_name(facts.path),
            paths=[plain(path) for path in paths],
            taken="" if shown.taken is None else shown.taken.strftime("%Y-%m-%d %H:%M"),
            facts=facts,
            cluster=_cluster_of(facts),
            figures=self._sheets.figures(alike),
            choices=self._choices(overview),
        )

    def found(
        self, overview: Overview, *, asked: str, query: str, photos: Sequence[PhotoView], dropped: int | None = None
    ) -> str:
        """Draw the answer to a question.

        Args:
            overview: the library.
            asked: the question, as a heading.
            query: what stands in the search field.
            photos: the answer, nearest first.
            dropped: number of the picture that was dropped, or None.
        """
        figures = self._sheets.figures(photos)
        return _page("live-found.html", overview, asked=plain(asked), words=query, figures=figures, dropped=dropped)

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


def _cluster_of(facts: PhotoFacts) -> dict[str, Any] | None:
    if facts.cluster is None:
        return None
    return {
        "id": facts.cluster,
        "title": plain(facts.cluster_name) if facts.cluster_name else facts.cluster,
        "link": f"/cluster/{facts.cluster}",
        "colour": colour_of(int(facts.cluster[1:])),
    }


def _page(template: str, overview: Overview, **given: Any) -> str:
    style = html.template_source("gallery.css") + html.template_source("live.css", package=_ROOM)
    common = {
        "n_photos": overview.n_photos,
        "n_clusters": len(overview.clusters),
        "n_unclustered": len(overview.unclustered),
        "words": "",
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
