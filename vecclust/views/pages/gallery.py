"""The gallery: contact sheets as plain HTML, whole without a script.

A front page with a card per cluster, pages per cluster with its photos by strength, and the unclustered. Pictures are
inside the pages, so many to a page that each stays a few megabytes; a page is written before the next is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecclust.exhibits import ClusterExhibit, GalleryExhibit, Shown, Thumbnails
from vecclust.photos.sheet import smaller
from vecclust.reports import PageReport
from vecclust.views.pages import text
from vecclust.views.pages.colours import colour_of
from vecclust.views.pages.publish import new_folder
from vecclust.views.tables import plain

# At some 10 KB a thumbnail, a page of 1.5 MB; more than anybody looks through in one go.
PHOTOS_ON_A_PAGE = 120
# Beside the cover, from core to edge.
N_ON_A_CARD = 4
SMALL_PX = 128
# What a run did to a cluster, in words that stand alone.
EVENTS = {"born": "new", "split": "split off", "merged": "merged", "revived": "back again", "grew": "grew"}


@dataclass(frozen=True, slots=True)
class _Page:
    """One file of a gallery: its name and what its template is given."""

    name: str
    template: str
    content: dict[str, Any]


def write_gallery(gallery: GalleryExhibit, out: Path, *, thumbnails: Thumbnails, names: bool = True) -> PageReport:
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
    with new_folder(out) as folder:
        for page in _pages(gallery, thumbnails=thumbnails, names=names):
            html = text.environment().get_template(page.template).render(style=style, **page.content)
            # A surrogate never gets here: names are printable text. Were it otherwise, a page is better than none.
            data = html.encode("utf-8", "replace")
            (folder / page.name).write_bytes(data)
            n_files, size_bytes = n_files + 1, size_bytes + len(data)
    return PageReport(str(out / "index.html"), gallery.n_photos, len(gallery.clusters), n_files, size_bytes)


def _pages(gallery: GalleryExhibit, *, thumbnails: Thumbnails, names: bool) -> Iterator[_Page]:
    cards = {
        cluster.entry.id: _card(cluster, thumbnails=thumbnails, names=names, titles=_titles(gallery, names=names))
        for cluster in gallery.clusters
    }
    common: dict[str, Any] = {
        "n_photos": gallery.n_photos,
        "n_clusters": len(gallery.clusters),
        "n_unclustered": len(gallery.unclustered),
    }
    front = {"cards": list(cards.values()), "run": _last_run(gallery), "loose": _loose(gallery, thumbnails)}
    yield _Page("index.html", "index.html", common | front)
    for at, cluster in enumerate(gallery.clusters):
        given = common | {
            "card": cards[cluster.entry.id],
            "related": [cards[other] for other in cluster.related],
            "before": cards[gallery.clusters[at - 1].entry.id] if at else None,
            "after": cards[gallery.clusters[at + 1].entry.id] if at + 1 < len(gallery.clusters) else None,
        }
        for name, content in _sheets(cluster.entry.id, cluster.photos, thumbnails=thumbnails, names=names):
            yield _Page(name, "cluster.html", given | content)
    for name, content in _sheets("unclustered", gallery.unclustered, thumbnails=thumbnails, names=names):
        yield _Page(name, "unclustered.html", common | content)


def _titles(gallery: GalleryExhibit, *, names: bool) -> dict[str, str]:
    return {cluster.entry.id: text.title_of(cluster.entry, names=names) for cluster in gallery.clusters}


def _card(cluster: ClusterExhibit, *, thumbnails: Thumbnails, names: bool, titles: dict[str, str]) -> dict[str, Any]:
    entry = cluster.entry
    edge = _core_to_edge(cluster.photos, leave_out=cluster.cover)
    pictures = thumbnails([cluster.cover, *edge, *(photo.photo for photo in cluster.photos[:1])])
    cover = pictures.get(cluster.cover) or next(iter(pictures.values()), None)
    return {
        "id": entry.id,
        "link": f"{entry.id}.html",
        "title": titles[entry.id],
        "is_named": titles[entry.id] != entry.id,
        "size": entry.size,
        "strength": round(entry.strength, 2),
        "span": text.span(entry.first_taken, entry.last_taken),
        "colour": colour_of(int(entry.id[1:])),
        "cover": None if cover is None else text.data_uri(cover),
        "small_cover": None if cover is None else text.data_uri(smaller(cover, longest_px=SMALL_PX)),
        "edge": [text.data_uri(smaller(pictures[key], longest_px=SMALL_PX)) for key in edge if key in pictures],
        "event": EVENTS.get(cluster.event),
        "sources": [
            {"title": titles.get(source, source), "link": f"{source}.html" if source in titles else None}
            for source in cluster.sources
            if source != entry.id
        ],
        "history": [
            {"run": event.run, "event": EVENTS.get(event.event, event.event), "sources": event.sources}
            for event in cluster.history
        ],
    }


def _core_to_edge(photos: Sequence[Shown], *, leave_out: str) -> list[str]:
    """Choose photos at even steps from the strongest to the weakest."""
    others = [photo.photo for photo in photos if photo.photo != leave_out]
    if len(others) <= N_ON_A_CARD:
        return others
    return [others[round(step * (len(others) - 1) / (N_ON_A_CARD - 1))] for step in range(N_ON_A_CARD)]


def _loose(gallery: GalleryExhibit, thumbnails: Thumbnails) -> list[str]:
    """Choose a few of the unclustered, at even steps, for the front page's last card."""
    photos = [photo.photo for photo in gallery.unclustered]
    chosen = photos[:: max(1, len(photos) // 9)][:9]
    pictures = thumbnails(chosen)
    return [text.data_uri(smaller(pictures[key], longest_px=SMALL_PX)) for key in chosen if key in pictures]


def _last_run(gallery: GalleryExhibit) -> dict[str, Any] | None:
    from datetime import UTC, datetime

    run = gallery.run
    if run is None:
        return None
    words = (("born", "new"), ("kept", "kept"), ("split", "split"), ("merged", "merged"), ("gone", "gone"))
    return {
        "id": run.run,
        "day": text.day(datetime.fromtimestamp(run.created_ns / 1e9, UTC)),
        "reason": plain(run.reason),
        "changes": [(word, run.changes.get(name, 0)) for name, word in words],
        "moved": run.changes.get("labels_changed", 0),
        "is_first": run.parent is None,
    }


def _sheets(
    stem: str, photos: Sequence[Shown], *, thumbnails: Thumbnails, names: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Cut photos into pages; no photos are one page that says so."""
    n_pages = max(1, -(-len(photos) // PHOTOS_ON_A_PAGE))
    links = [f"{stem}.html" if page == 0 else f"{stem}-p{page + 1}.html" for page in range(n_pages)]
    for page in range(n_pages):
        part = photos[page * PHOTOS_ON_A_PAGE : (page + 1) * PHOTOS_ON_A_PAGE]
        pictures = thumbnails([photo.photo for photo in part])
        content = {
            "figures": [_figure(photo, picture=pictures.get(photo.photo), names=names) for photo in part],
            "page": page,
            "page_links": links,
        }
        yield links[page], content


def _figure(photo: Shown, *, picture: bytes | None, names: bool) -> dict[str, Any]:
    name = text.file_name(photo.path) if names and photo.path is not None else ""
    when = "" if photo.taken is None else text.day(photo.taken)
    return {
        "picture": None if picture is None else text.data_uri(picture),
        "link": text.file_link(photo.path) if names and photo.path is not None else None,
        "name": name,
        "path": plain(photo.path) if names and photo.path is not None else "",
        "day": when,
        "alt": name or (f"Photo of {when}" if when else "Photo"),
        "strength": f"{photo.strength:.2f}",
        "shape": text.shape(photo),
        "is_gone": photo.path is None,
    }
