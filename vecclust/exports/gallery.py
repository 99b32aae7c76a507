"""The gallery: contact sheets as plain HTML, whole without a script.

A front page with a card per cluster, pages per cluster with its photos by strength, and the unclustered. Pictures are
inside the pages, so many to a page that each stays a few megabytes; a page is written before the next is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecclust.exports import text
from vecclust.exports.addresses import Addresses, OnDisk
from vecclust.exports.colours import colour_of
from vecclust.exports.plain import plain
from vecclust.exports.publish import new_folder
from vecclust.types.clusters import HistoryEvent
from vecclust.types.pages import ClusterView, GalleryView, PageReport, PhotoView, Thumbnails
from vecclust.types.runs import Run

# At some 10 KB a thumbnail, a page of 1.5 MB; more than anybody looks through in one go.
PHOTOS_ON_A_PAGE = 120
# What a run did to a cluster, in words that stand alone.
EVENTS = {"born": "new", "split": "split off", "merged": "merged", "revived": "back again", "grew": "grew"}
CHANGES = (("born", "new"), ("kept", "kept"), ("split", "split"), ("merged", "merged"), ("gone", "gone"))


@dataclass(frozen=True, slots=True)
class _Page:
    """One file of a gallery: its name and what its template is given."""

    name: str
    template: str
    content: dict[str, Any]


def write_gallery(gallery: GalleryView, out: Path, *, thumbnails: Thumbnails, names: bool = True) -> PageReport:
    """Write a gallery.

    Args:
        gallery: what it shows.
        out: the folder; an earlier gallery there is replaced.
        thumbnails: gives the pictures.
        names: whether file names, paths and cluster names are shown.

    Returns:
        What was written.

    Raises:
        UsageError: `out` holds something that is not ours, or cannot be written.
    """
    n_files = size_bytes = 0
    style = text.template_source("gallery.css")
    sheets = Sheets(OnDisk(names=names), thumbnails=thumbnails, names=names)
    with new_folder(out) as folder:
        for page in _pages(gallery, sheets):
            template = text.environment().get_template(page.template)
            html = template.render(style=style, base="base.html", links=sheets.addresses, **page.content)
            # A surrogate never gets here: names are printable text. Were it otherwise, a page is better than none.
            data = html.encode("utf-8", "replace")
            (folder / page.name).write_bytes(data)
            n_files, size_bytes = n_files + 1, size_bytes + len(data)
    return PageReport(str(out / "index.html"), gallery.n_photos, len(gallery.clusters), n_files, size_bytes)


def _pages(gallery: GalleryView, sheets: Sheets) -> Iterator[_Page]:
    titles = sheets.titles(gallery.clusters)
    cards = {cluster.entry.id: sheets.card(cluster, titles=titles) for cluster in gallery.clusters}
    common: dict[str, Any] = {
        "n_photos": gallery.n_photos,
        "n_clusters": len(gallery.clusters),
        "n_unclustered": len(gallery.unclustered),
    }
    loose = sheets.few([photo.photo for photo in gallery.unclustered])
    yield _Page(
        "index.html",
        "index.html",
        common | {"cards": list(cards.values()), "run": last_run(gallery.run), "loose": loose},
    )
    for at, cluster in enumerate(gallery.clusters):
        given = common | {
            "card": cards[cluster.entry.id],
            "related": [cards[other] for other in cluster.related],
            "before": cards[gallery.clusters[at - 1].entry.id] if at else None,
            "after": cards[gallery.clusters[at + 1].entry.id] if at + 1 < len(gallery.clusters) else None,
        }
        for name, content in _cut(cluster.entry.id, cluster.photos, sheets):
            yield _Page(name, "cluster.html", given | content)
    for name, content in _cut("unclustered", gallery.unclustered, sheets):
        yield _Page(name, "unclustered.html", common | content)


def _cut(stem: str, photos: Sequence[PhotoView], sheets: Sheets) -> Iterator[tuple[str, dict[str, Any]]]:
    """Cut photos into pages; no photos are one page that says so."""
    for page in range(n_pages(len(photos))):
        part = photos[page * PHOTOS_ON_A_PAGE : (page + 1) * PHOTOS_ON_A_PAGE]
        yield sheets.addresses.sheet(stem, page), sheets.sheet(stem, part, page=page, n_photos=len(photos))


def n_pages(n_photos: int) -> int:
    """Say how many pages photos take; at least one."""
    return max(1, -(-n_photos // PHOTOS_ON_A_PAGE))


def last_run(run: Run | None) -> dict[str, Any] | None:
    """Give the front page's line about the current run."""
    from datetime import UTC, datetime

    if run is None:
        return None
    return {
        "id": run.run,
        "day": text.day(datetime.fromtimestamp(run.created_ns / 1e9, UTC)),
        "reason": plain(run.reason),
        "changes": [(word, run.changes.get(name, 0)) for name, word in CHANGES],
        "moved": run.changes.get("labels_changed", 0),
        "is_first": run.parent is None,
    }


def told(history: Sequence[HistoryEvent]) -> list[dict[str, Any]]:
    """Give what runs did to a cluster and the owner said of it, as the templates take it."""
    return [
        {
            "run": event.run or "",
            "event": plain(event.text) or EVENTS.get(event.event, event.event),
            "sources": () if event.text else event.sources,
            "by_owner": bool(event.text),
            "word": event.word,
        }
        for event in history
    ]


class Sheets:
    """View models to what the templates are given.

    Args:
        addresses: where pages find pictures and one another.
        thumbnails: gives the pictures.
        names: whether file names, paths and cluster names are shown.
    """

    def __init__(self, addresses: Addresses, *, thumbnails: Thumbnails, names: bool = True) -> None:
        self.addresses = addresses
        self._thumbnails = thumbnails
        self._names = names

    def titles(self, clusters: Sequence[ClusterView]) -> dict[str, str]:
        """Give the clusters' names by their ids."""
        return {cluster.entry.id: text.title_of(cluster.entry, names=self._names) for cluster in clusters}

    def card(self, cluster: ClusterView, *, titles: dict[str, str]) -> dict[str, Any]:
        """Give one cluster's card."""
        entry, to = cluster.entry, self.addresses
        pictures = self._thumbnails([cluster.cover, *cluster.edge])
        cover = next((key for key in (cluster.cover, *cluster.edge) if key in pictures), None)
        return {
            "id": entry.id,
            "link": to.sheet(entry.id, 0),
            "title": titles[entry.id],
            "is_named": titles[entry.id] != entry.id,
            "suggested": plain(entry.suggested_name or "") if self._names else "",
            "size": entry.size,
            "strength": round(entry.strength, 2),
            "span": text.span(entry.first_taken, entry.last_taken),
            "colour": colour_of(int(entry.id[1:])),
            "cover": None if cover is None else to.large(cover, pictures[cover]),
            "small_cover": None if cover is None else to.small(cover, pictures[cover]),
            "edge": [to.small(key, pictures[key]) for key in cluster.edge if key in pictures],
            "event": EVENTS.get(cluster.event),
            "sources": [
                {"title": titles.get(source, source), "link": to.sheet(source, 0) if source in titles else None}
                for source in cluster.sources
                if source != entry.id
            ],
            "history": told(cluster.history),
        }

    def few(self, photos: Sequence[str]) -> list[str]:
        """Choose a few of the unclustered, at even steps, for the front page's last card."""
        chosen = photos[:: max(1, len(photos) // 9)][:9]
        pictures = self._thumbnails(chosen)
        return [self.addresses.small(key, pictures[key]) for key in chosen if key in pictures]

    def sheet(self, stem: str, photos: Sequence[PhotoView], *, page: int, n_photos: int) -> dict[str, Any]:
        """Give one page of photos.

        Args:
            stem: a cluster's id, or `unclustered`.
            photos: those of this page.
            page: which one, from 0.
            n_photos: photos on all pages.
        """
        return {
            "figures": self.figures(photos),
            "page": page,
            "page_links": [self.addresses.sheet(stem, number) for number in range(n_pages(n_photos))],
        }

    def figures(self, photos: Sequence[PhotoView]) -> list[dict[str, Any]]:
        """Give photos with their captions."""
        pictures = self._thumbnails([photo.photo for photo in photos])
        return [self._figure(photo, picture=pictures.get(photo.photo)) for photo in photos]

    def _figure(self, photo: PhotoView, *, picture: bytes | None) -> dict[str, Any]:
        path = photo.path if self._names else None
        name = "" if path is None else text.file_name(path)
        when = "" if photo.taken is None else text.day(photo.taken)
        return {
            "picture": None if picture is None else self.addresses.large(photo.photo, picture),
            "link": self.addresses.photo(photo),
            "name": name,
            "path": "" if path is None else plain(path),
            "day": when,
            "alt": name or (f"Photo of {when}" if when else "Photo"),
            "strength": f"{photo.strength:.2f}",
            "shape": text.shape(photo),
            "is_gone": photo.path is None,
            "key": photo.photo,
            "by_owner": photo.by_owner,
        }
