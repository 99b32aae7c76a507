"""Views with names that mean harm, and pictures in plain colours."""

from __future__ import annotations

import io
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from PIL import Image

from vecclust.library.pages.written import core_to_edge
from vecclust.types.clusters import ClusterEntry, Composition, HistoryEvent
from vecclust.types.pages import ClusterView, GalleryView, MapView, PhotoView
from vecclust.types.runs import Run

HOSTILE_NAMES = (
    "<img src=x onerror=alert(1)>.jpg",
    "\"quoted\" and 'single' & more.jpg",
    "two\nlines\tand a tab.jpg",
    "🌋 Eyjafjallajökull.jpg",
    os.fsdecode(b"not \xff\xfe UTF-8.jpg"),
    "--><!-- #?%20 javascript:alert(1).jpg",
    "{{ 7 * 7 }}{% raw %}.jpg",
    "\u202egpj.exe\x1b[31m.jpg",
)
HOSTILE_CLUSTERS = ("<img src=x onerror=alert(1)>", "</script ><script>alert(1)</script>", "--><script>'\"`${1}\\u2028")
# What clusters may be called: the owner's name, words that are proposed, none; long, in another script, to be escaped.
LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützen"
NAMINGS: tuple[dict[str, Any], ...] = (
    {"name": "Grandma's garden", "named_by": "owner", "word": "rose garden", "tags": ("lawn", "Aunt Minna")},
    {"name": "beach", "named_by": "auto", "word": "beach", "tags": ("sea", "palm tree")},
    {"name": None, "named_by": None},
    {"name": LONG_WORD, "named_by": "auto", "word": LONG_WORD, "tags": (2 * LONG_WORD,)},
    {"name": "海滩日落", "named_by": "auto", "word": "海滩日落", "tags": ("棕榈树", "海浪")},
    {
        "name": "our boat",
        "named_by": "auto",
        "word": "our boat",
        "tags": ("<b>harbour</b>",),
        "own_words": ("our boat",),
    },
)
FOLDER = "/photos/a folder & <more>"
RUN = Run("r7", 1_700_000_000_000_000_000, "m", {}, 24, 3, 2, parent="r6", reason="<b>why</b>", changes={"born": 1})
COLOURS = ((200, 30, 30), (30, 160, 40), (40, 60, 200), (120, 120, 120))


def key_of(number: int) -> str:
    """Give a content hash."""
    return f"{number:064x}"


def thumbnails(photos: Collection[str]) -> Mapping[str, bytes]:
    """Give a plain picture for each photo, in the colour of its cluster; every seventh has none."""
    return {photo: _picture(int(photo, 16)) for photo in photos if int(photo, 16) % 7 != 6}


# Said in two sentences as long as they come.
MADE_OF = Composition(
    dated=5,
    years={"2021": 4, "2022": 1},
    months={"09": 2, "10": 1, "11": 2},
    hours={"14": 4, "09": 1},
    bursts=1,
    in_bursts=3,
    kinds={"photo": 4, "document": 1, "screenshot": 1},
)


def _picture(number: int) -> bytes:
    out = io.BytesIO()
    size = (60, 256) if number % 3 == 0 else (256, 60) if number % 3 == 1 else (256, 256)
    Image.new("RGB", size, COLOURS[number % 4]).save(out, "JPEG")
    return out.getvalue()


def photo(number: int) -> PhotoView:
    """Give a photo: portrait, landscape or square in turn, some without a file or a time."""
    name = HOSTILE_NAMES[number % len(HOSTILE_NAMES)]
    taken = None if number % 5 == 4 else datetime(2021, 7, 1, 9, 30) + timedelta(days=number)
    path = None if number % 11 == 10 else f"{FOLDER}/{number}{name}"
    wide, tall = ((600, 2560), (2560, 600), (256, 256))[number % 3]
    return PhotoView(key_of(number), path, taken, 1 - number / 100, wide, tall)


def entry(number: int, *, size: int = 6) -> ClusterEntry:
    """Give a cluster with a hostile name."""
    name = HOSTILE_CLUSTERS[number % len(HOSTILE_CLUSTERS)]
    return ClusterEntry(f"c{number + 1}", name, "owner", size, 0.9, None, datetime(2021, 7, 1), datetime(2022, 8, 2))


def gallery(*, n_photos: int = 24, n_clusters: int = 3) -> GalleryView:
    """Give a gallery; the last of four photos each is unclustered."""
    photos = [photo(number) for number in range(n_photos)]
    clusters = []
    for number in range(n_clusters):
        inside = tuple(one for at, one in enumerate(photos) if at % 4 == number)
        clusters.append(
            ClusterView(
                entry=entry(number, size=len(inside)),
                cover=inside[0].photo,
                edge=core_to_edge([one.photo for one in inside], leave_out=inside[0].photo),
                photos=inside,
                related=tuple(f"c{other + 1}" for other in range(n_clusters) if other != number),
                event=("born", "split", "kept")[number % 3],
                sources=("c1",) if number == 1 else (),
                history=(HistoryEvent("r1", "born", ()), HistoryEvent("r7", "split", ("c1",))),
                made_of=MADE_OF if number == 0 else None,
            )
        )
    loose = tuple(one for at, one in enumerate(photos) if at % 4 >= n_clusters)
    return GalleryView(RUN if n_clusters else None, tuple(clusters), loose)


def scattered(*, n_photos: int = 24, n_clusters: int = 3, seed: int = 3) -> MapView:
    """Give a map with its photos at random places."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_photos) % 4
    labels[labels >= n_clusters] = -1
    k = min(8, max(0, n_photos - 1))
    rows = np.arange(n_photos)[:, None]
    return MapView(
        run=RUN,
        photos=tuple(photo(number) for number in range(n_photos)),
        positions=rng.normal(size=(n_photos, 2)).astype(np.float32) * 9,
        neighbours=((rows + 1 + np.arange(k)[None]) % max(1, n_photos)).astype(np.int32),
        labels=labels.astype(np.int64),
        clusters=tuple(entry(number, size=int((labels == number).sum())) for number in range(n_clusters)),
        covers=tuple(range(n_clusters)),
    )


def worded(clusters: Sequence[ClusterEntry]) -> tuple[ClusterEntry, ...]:
    """Call clusters as they may be called, in the order of `NAMINGS`; "Aunt Minna" is the owner's own word."""
    nothing: dict[str, Any] = {"word": None, "tags": (), "own_words": ("Aunt Minna",)}
    return tuple(replace(one, **(nothing | NAMINGS[number % len(NAMINGS)])) for number, one in enumerate(clusters))


def worded_gallery() -> GalleryView:
    """Give a gallery of six clusters that are called as they may be called."""
    first, *_ = gallery().clusters
    entries = worded([entry(number) for number in range(len(NAMINGS))])
    related = tuple(one.id for one in entries)
    return replace(gallery(), clusters=tuple(replace(first, entry=one, related=related, sources=()) for one in entries))


def worded_map() -> MapView:
    """Give a map of three such clusters."""
    shown = scattered()
    return replace(shown, clusters=worded(shown.clusters))
