"""The gallery: contact sheets as plain HTML, whole without a script.

A front page with a card per cluster, pages per cluster with its photos by strength, and the unclustered. Pictures are
inside the pages, so many to a page that each stays a few megabytes; a page is written before the next is made.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vecclust.exports.colours import colour_of
from vecclust.exports.html import FileLinks, Links, environment, shape, template_source
from vecclust.exports.output import new_folder
from vecclust.exports.siblings import address_of_map, lead_to_gallery, map_beside, mark_of
from vecclust.exports.text import (
    day,
    file_name,
    is_proposed,
    made_of,
    name_language,
    name_of,
    plain,
    span,
    tags_language,
    tags_of,
    title_of,
)
from vecclust.exports.timeline import TimelineContext
from vecclust.types.clusters import ClusterEntry, HistoryEvent
from vecclust.types.pages import ClusterView, GalleryView, PageReport, PhotoView, Thumbnails
from vecclust.types.runs import Run

# At some 10 KB a thumbnail, a page of 1.5 MB; more than anybody looks through in one go.
PHOTOS_ON_A_PAGE = 120
# What a run did to a cluster, in words that stand alone.
EVENTS = {"born": "new", "split": "split off", "merged": "merged", "revived": "back again", "grew": "grew"}
CHANGES = (("born", "new"), ("kept", "kept"), ("split", "split"), ("merged", "merged"), ("gone", "gone"))


def write_gallery(gallery: GalleryView, out: Path, *, thumbnails: Thumbnails, names: bool = True) -> PageReport:
    """Write a gallery.

    Args:
        gallery: what it shows.
        out: the folder; an earlier gallery there is replaced. A map of the same library beside it leads here then, and
            these pages to it.
        thumbnails: gives the pictures.
        names: whether file names, paths and the owner's names of clusters are shown.

    Returns:
        What was written.

    Raises:
        UsageError: `out` holds something that is not ours, or cannot be written.
    """
    n_files = size_bytes = 0
    style = template_source("gallery.css")
    place, mark = Path(os.path.realpath(out)), mark_of(gallery.library, names=names)
    page = map_beside(place, mark)
    links = FileLinks(names=names, map_address=address_of_map(page), by_time=gallery.timeline is not None)
    context = GalleryContext(links, thumbnails=thumbnails, names=names)
    with new_folder(out, mark=mark) as folder:
        timeline = None
        if gallery.timeline is not None:
            timeline = TimelineContext(gallery.timeline, links, thumbnails=thumbnails, names=names)
        for name, template, content in _pages(gallery, context, timeline):
            drawn = environment().get_template(template)
            html = drawn.render(style=style, base="base.html", links=context.links, **content)
            # A surrogate never gets here: names are printable text. Were it otherwise, a page is better than none.
            data = html.encode("utf-8", "replace")
            (folder / name).write_bytes(data)
            n_files, size_bytes = n_files + 1, size_bytes + len(data)
    if page is not None:
        lead_to_gallery(page, place)
    return PageReport(str(out / "index.html"), gallery.n_photos, len(gallery.clusters), n_files, size_bytes)


def _pages(
    gallery: GalleryView, context: GalleryContext, timeline: TimelineContext | None
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give each file's name, its template and what that is given."""
    titles = context.titles(gallery.clusters)
    cards = {cluster.entry.id: context.card(cluster, titles=titles) for cluster in gallery.clusters}
    common: dict[str, Any] = {
        "n_photos": gallery.n_photos,
        "n_clusters": len(gallery.clusters),
        "n_unclustered": len(gallery.unclustered),
    }
    loose = context.sample([photo.photo for photo in gallery.unclustered])
    front = common | {
        "remembered": None if timeline is None else timeline.front(),
        "cards": list(cards.values()),
        "run": last_run(gallery.run),
        "loose": loose,
        "to_loose": context.links.unclustered,
    }
    yield "index.html", "index.html", front
    if timeline is not None:
        yield from _by_time(timeline, common, context.links)
    for at, cluster in enumerate(gallery.clusters):
        given = common | {
            "card": cards[cluster.entry.id],
            "related": [cards[other] for other in cluster.related],
            "before": cards[gallery.clusters[at - 1].entry.id] if at else None,
            "after": cards[gallery.clusters[at + 1].entry.id] if at + 1 < len(gallery.clusters) else None,
        }
        for name, content in _cut(cluster.entry.id, cluster.photos, context):
            yield name, "cluster.html", given | content
    for name, content in _cut("unclustered", gallery.unclustered, context):
        yield name, "unclustered.html", common | content


def _by_time(
    timeline: TimelineContext, common: dict[str, Any], links: Links
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give the pages of years and the map of the world."""
    yield links.timeline, "timeline.html", common | timeline.overview()
    for year in timeline.years:
        yield links.year(year), "year.html", common | timeline.year(year)
    if links.world:
        yield links.world, "world.html", common | timeline.world()


def _cut(stem: str, photos: Sequence[PhotoView], context: GalleryContext) -> Iterator[tuple[str, dict[str, Any]]]:
    """Cut photos into pages; no photos are one page that says so."""
    for page in range(n_pages(len(photos))):
        part = photos[page * PHOTOS_ON_A_PAGE : (page + 1) * PHOTOS_ON_A_PAGE]
        yield context.links.page(stem, page), context.page(stem, part, page=page, n_photos=len(photos))


def n_pages(n_photos: int) -> int:
    """Say how many pages photos take; at least one.

    Args:
        n_photos: how many there are.
    """
    return max(1, -(-n_photos // PHOTOS_ON_A_PAGE))


def last_run(run: Run | None) -> dict[str, Any] | None:
    """Give the front page's line about the current run.

    Args:
        run: the run, or None before the first fit.
    """
    from datetime import UTC, datetime

    if run is None:
        return None
    return {
        "id": run.run,
        "day": day(datetime.fromtimestamp(run.created_ns / 1e9, UTC)),
        "reason": plain(run.reason),
        "changes": [(word, run.changes.get(name, 0)) for name, word in CHANGES],
        "moved": run.changes.get("labels_changed", 0),
        "is_first": run.parent is None,
    }


def history_rows(history: Sequence[HistoryEvent]) -> list[dict[str, Any]]:
    """Give what runs did to a cluster and the owner said of it, as the templates take it.

    Args:
        history: the events, oldest first.
    """
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


class GalleryContext:
    """View models to what the templates are given.

    Args:
        links: where pages find pictures and one another.
        thumbnails: gives the pictures.
        names: whether file names, paths and the owner's names of clusters are shown.
    """

    def __init__(self, links: Links, *, thumbnails: Thumbnails, names: bool = True) -> None:
        self.links = links
        self._thumbnails = thumbnails
        self._names = names

    def titles(self, clusters: Sequence[ClusterView]) -> dict[str, str]:
        """Give the clusters' names by their ids.

        Args:
            clusters: the clusters.
        """
        return {cluster.entry.id: title_of(cluster.entry, names=self._names) for cluster in clusters}

    def naming(self, entry: ClusterEntry) -> dict[str, Any]:
        """Give what a cluster is called, as the templates take it.

        Args:
            entry: the cluster.
        """
        return {
            "id": entry.id,
            "link": self.links.page(entry.id, 0),
            "name": name_of(entry, names=self._names),
            "is_proposed": is_proposed(entry, names=self._names),
            "tags": tags_of(entry, names=self._names),
            "name_language": name_language(entry, names=self._names),
            "tags_language": tags_language(entry, names=self._names),
            "size": entry.size,
            "colour": colour_of(int(entry.id[1:])),
        }

    def card(self, cluster: ClusterView, *, titles: dict[str, str]) -> dict[str, Any]:
        """Give one cluster's card.

        Args:
            cluster: the cluster.
            titles: the names of all clusters that a card may lead to, by their ids.
        """
        entry, to = cluster.entry, self.links
        pictures = self._thumbnails([cluster.cover, *cluster.edge])
        cover = next((key for key in (cluster.cover, *cluster.edge) if key in pictures), None)
        return self.naming(entry) | {
            "title": titles[entry.id],
            "strength": round(entry.strength, 2),
            "is_mixed": entry.is_mixed,
            "span": span(entry.first_taken, entry.last_taken),
            "cover": None if cover is None else to.large(cover, pictures[cover]),
            "small_cover": None if cover is None else to.small(cover, pictures[cover]),
            "edge": [to.small(key, pictures[key]) for key in cluster.edge if key in pictures],
            "event": EVENTS.get(cluster.event),
            "sources": [
                {"title": titles.get(source, source), "link": to.page(source, 0) if source in titles else None}
                for source in cluster.sources
                if source != entry.id
            ],
            "history": history_rows(cluster.history),
            "made_of": () if cluster.made_of is None else made_of(cluster.made_of, names=self._names),
        }

    def sample(self, photos: Sequence[str]) -> list[str]:
        """Choose a few of the unclustered, at even steps, for the front page's last card.

        Args:
            photos: content hashes of them all.

        Returns:
            The addresses of at most nine pictures.
        """
        chosen = photos[:: max(1, len(photos) // 9)][:9]
        pictures = self._thumbnails(chosen)
        return [self.links.small(key, pictures[key]) for key in chosen if key in pictures]

    def page(self, stem: str, photos: Sequence[PhotoView], *, page: int, n_photos: int) -> dict[str, Any]:
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
            "page_links": [self.links.page(stem, number) for number in range(n_pages(n_photos))],
        }

    def figures(self, photos: Sequence[PhotoView]) -> list[dict[str, Any]]:
        """Give photos with their captions.

        Args:
            photos: the photos, in the order in which they are shown.
        """
        pictures = self._thumbnails([photo.photo for photo in photos])
        return [self._figure(photo, picture=pictures.get(photo.photo)) for photo in photos]

    def _figure(self, photo: PhotoView, *, picture: bytes | None) -> dict[str, Any]:
        path = photo.path if self._names else None
        name = "" if path is None else file_name(path)
        when = "" if photo.taken is None else day(photo.taken)
        return {
            "picture": None if picture is None else self.links.large(photo.photo, picture),
            "link": self.links.photo(photo),
            "name": name,
            "path": "" if path is None else plain(path),
            "day": when,
            "alt": name or (f"Photo of {when}" if when else "Photo"),
            "strength": f"{photo.strength:.2f}",
            "shape": shape(photo),
            "is_gone": photo.path is None,
            "key": photo.photo,
            "by_owner": photo.by_owner,
        }
