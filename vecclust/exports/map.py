"""The map: one page with every photo as a point, drawn by a script of our own on a plain canvas.

What the script reads lies in the page as packed arrays, pictures as sheets of small squares, so that a hundred
thousand photos stay a few megabytes. Up to `MOST_PICTURES` photos the sheets are in the page; above, they lie in a
folder beside it, a sheet for 400 photos, and only the clusters' landmarks are inside.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes

import numpy as np
from numpy.typing import NDArray

from vecclust.exports.colours import colour_of
from vecclust.exports.html import environment, script_hash, template_source
from vecclust.exports.output import is_map_page, new_file, new_folder, remove_folder
from vecclust.exports.siblings import address_of_gallery, gallery_beside, lead_to_map, mark_of
from vecclust.exports.text import (
    file_link,
    file_name,
    is_proposed,
    name_language,
    name_of,
    plain,
    span,
    tags_language,
    tags_of,
)
from vecclust.photos.thumbnails import pack_sheet
from vecclust.types.pages import MapView, PageReport, PhotoView, Thumbnails

if TYPE_CHECKING:
    from jinja2 import Template

# In the page. 64 px squares cost 1.2 KB each: 24 MB at 20,000, about what a browser opens without a pause.
MOST_PICTURES = 20_000
# Up to here the squares may be larger for the same: 2 KB each.
MOST_LARGE_PICTURES = 5_000
LARGE_CELL_PX, CELL_PX = 96, 64
COVER_PX = 96
# 400 squares a sheet: decoded 6 to 15 MB, of which a browser holds as many as it shows.
COLUMNS = 20
PHOTOS_ON_A_SHEET = COLUMNS * COLUMNS
# Cells along each axis of the first layer: one photo each fills one sheet. Each layer after it has twice as many.
FIRST_CELLS = 20
N_LAYERS = 6
# Bits of each coordinate along the curve.
_BITS = 10
# None leaves islands specks, all draws a carpet without a shape.
RANK_SHARE = 0.5
# Of minutes since 1970 as they stand in the photo, whatever its zone.
NO_TIME = -(2**31)
_EPOCH = datetime(1970, 1, 1)


def write_map(view: MapView, out: Path, *, thumbnails: Thumbnails, names: bool = True) -> PageReport:
    """Write a map.

    Args:
        view: what it shows.
        out: the file; an earlier map there is replaced. A gallery of the same library beside it leads here then, and
            the map to it.
        thumbnails: gives the pictures.
        names: whether file names, paths and the owner's names of clusters are in it.

    Returns:
        What was written.

    Raises:
        UsageError: something that is not ours is there, or it cannot be written.
    """
    real = Path(os.path.realpath(out))
    folder = real.with_name(f"{real.stem}-pictures")
    beside = len(view.photos) > MOST_PICTURES
    gallery = gallery_beside(real, mark_of(view.library, names=names))
    with new_file(out, is_ours=is_map_page, option="--out") as file:
        sheets, n_files, size_bytes = "", 1, 0
        if beside:
            view = in_view_order(view)
            keys = [photo.photo for photo in view.photos]
            # A page finds the sheets of its own photos or none: never another photo's picture.
            stamp = hashlib.sha256("".join(keys).encode()).hexdigest()[:12]
            with new_folder(folder) as inside:
                for number, sheet in enumerate(_sheets(keys, thumbnails)):
                    (inside / f"{stamp}-{number}.webp").write_bytes(sheet)
                    n_files, size_bytes = n_files + 1, size_bytes + len(sheet)
            sheets = f"{quote_from_bytes(os.fsencode(folder.name))}/{stamp}-"
        to_gallery = address_of_gallery(gallery)
        drawn = render_map(view, thumbnails=thumbnails, names=names, sheets=sheets, to_gallery=to_gallery)
        page = drawn.encode("utf-8", "replace")
        file.write_bytes(page)
    if not beside:
        remove_folder(folder)
    if gallery is not None:
        lead_to_map(gallery, real)
    return PageReport(str(out), len(view.photos), len(view.clusters), n_files, size_bytes + len(page))


def in_view_order(view: MapView) -> MapView:
    """Put a map's rows in the order in which they are seen, where its pictures take more than one sheet.

    Args:
        view: the map.

    Returns:
        The same map, its rows in another order.
    """
    if len(view.photos) <= PHOTOS_ON_A_SHEET:
        return view
    rows = view_order(_spread(view.positions))
    rank = np.empty(len(rows), np.int64)
    rank[rows] = np.arange(len(rows))
    return replace(
        view,
        photos=tuple(view.photos[row] for row in rows.tolist()),
        positions=view.positions[rows],
        neighbours=rank[view.neighbours[rows]].astype(np.int32),
        labels=view.labels[rows],
        covers=tuple(int(rank[row]) for row in view.covers),
    )


def view_order(places: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order points by layer, and within a layer along a Z-order curve (Morton 1966).

    Args:
        places: (n, 2) in [0, 1].

    Returns:
        (n,) int64, the point that comes first, then the second, and so on.
    """
    layer = np.full(len(places), N_LAYERS)
    for number in range(N_LAYERS):
        left = np.flatnonzero(layer == N_LAYERS)
        cells = np.minimum(places[left] * (n_cells := FIRST_CELLS << number), n_cells - 1).astype(np.int64)
        _, first = np.unique(cells[:, 0] * n_cells + cells[:, 1], return_index=True)
        layer[left[first]] = number
    return np.lexsort((_along_the_curve(places), layer))


def _along_the_curve(places: NDArray[np.float64]) -> NDArray[np.int64]:
    cells = np.minimum(places * (1 << _BITS), (1 << _BITS) - 1).astype(np.int64)
    code = np.zeros(len(places), np.int64)
    for bit in range(_BITS):
        code |= ((cells[:, 0] >> bit) & 1) << (2 * bit) | ((cells[:, 1] >> bit) & 1) << (2 * bit + 1)
    return code


def render_map(
    view: MapView,
    *,
    thumbnails: Thumbnails,
    names: bool = True,
    sheets: str = "",
    to_gallery: str = "",
    template: Template | None = None,
) -> str:
    """Draw a map.

    Args:
        view: what it shows.
        thumbnails: gives the pictures.
        names: whether file names, paths and the owner's names of clusters are in it.
        sheets: the address of the sheets of pictures, to which their numbers are added; empty for inside the page.
        to_gallery: the address of the gallery beside it, or empty.
        template: what draws it; the page for the disk where None.

    Returns:
        The page.
    """
    script = template_source("map.js")
    keys = [photo.photo for photo in view.photos]
    facts = _facts(view, names=names, sheets=sheets)
    template = template or environment().get_template("map.html")
    return template.render(
        style=template_source("map.css"),
        script=script,
        script_hash=script_hash(script),
        facts=_json(facts),
        arrays={name: _base64(np.ascontiguousarray(array).tobytes()) for name, array in _arrays(view).items()},
        # Read by the browser as text of one kind or another, never as HTML: base64 has no markup.
        sheets=[] if sheets else [_base64(sheet) for sheet in _sheets(keys, thumbnails)],
        covers=[_base64(sheet) for sheet in _sheets([keys[row] for row in view.covers], thumbnails, cell_px=COVER_PX)],
        photos=_base64(bytes.fromhex("".join(keys))),
        n_photos=len(keys),
        n_clusters=len(view.clusters),
        n_unclustered=int((view.labels < 0).sum()),
        clusters=facts["clusters"],
        originals=names,
        mark=mark_of(view.library, names=names),
        to_gallery=to_gallery,
        beside=bool(sheets),
    )


def photo_sheet(photos: Sequence[str], number: int, *, thumbnails: Thumbnails, cell_px: int = 0) -> bytes:
    """Pack one sheet of a map's pictures.

    Args:
        photos: content hashes, in the order of the map's rows.
        number: which sheet, from 0.
        thumbnails: gives the pictures.
        cell_px: side of a picture in pixels; 0 chooses by the number of photos.

    Returns:
        A WebP.
    """
    part = photos[number * PHOTOS_ON_A_SHEET : (number + 1) * PHOTOS_ON_A_SHEET]
    pictures = thumbnails(part)
    return pack_sheet([pictures.get(key) for key in part], cell_px=cell_px or _cell_px(len(photos)), columns=COLUMNS)


def n_sheets(n_photos: int) -> int:
    """Say how many sheets the pictures of a map take.

    Args:
        n_photos: its photos.
    """
    return -(-n_photos // PHOTOS_ON_A_SHEET)


def _facts(view: MapView, *, names: bool, sheets: str) -> dict[str, Any]:
    folders: dict[str, int] = {}
    return {
        "clusters": [_cluster(view, number, names=names) for number in range(len(view.clusters))],
        "neighbours": int(view.neighbours.shape[1]),
        "cell": _cell_px(len(view.photos)),
        "sheets": sheets,
        "cover": COVER_PX,
        "columns": COLUMNS,
        "perSheet": PHOTOS_ON_A_SHEET,
        "names": [_named(photo, folders) for photo in view.photos] if names else None,
        "folders": list(folders),
    }


def _named(photo: PhotoView, folders: dict[str, int]) -> list[Any] | None:
    """Give a photo's folder by number, its name as text and, where that differs, as it stands in its address."""
    if photo.path is None:
        return None
    address, _, last = file_link(photo.path).rpartition("/")
    name = file_name(photo.path)
    folder = folders.setdefault(address, len(folders))
    return [folder, name] if last == name else [folder, name, last]


def _cluster(view: MapView, number: int, *, names: bool) -> dict[str, Any]:
    entry = view.clusters[number]
    colour = colour_of(int(entry.id[1:]))
    return {
        "id": entry.id,
        "title": name_of(entry, names=names) or entry.id,
        "proposed": is_proposed(entry, names=names),
        "tags": tags_of(entry, names=names),
        "nameLanguage": name_language(entry, names=names),
        "tagsLanguage": tags_language(entry, names=names),
        "size": entry.size,
        "strength": round(entry.strength, 2),
        "span": plain(span(entry.first_taken, entry.last_taken)),
        "row": view.covers[number],
        "light": colour.light,
        "dark": colour.dark,
    }


def _arrays(view: MapView) -> dict[str, NDArray[Any]]:
    strengths = np.array([photo.strength for photo in view.photos], np.float64)
    return {
        "positions": _spread(view.positions).astype("<f4"),
        "labels": view.labels.astype("<i2"),
        "strengths": np.round(strengths * 100).astype("u1"),
        "times": np.array([_minutes(photo) for photo in view.photos], "<i4"),
        "neighbours": view.neighbours.astype("<i4"),
    }


def _spread(positions: NDArray[np.float32]) -> NDArray[np.float64]:
    """Move positions into [0, 1] and take some of the emptiness out of the plane.

    Islands far from one another would each be a speck. Along each axis a place becomes the mean of where it is and
    of its rank, which keeps every order; a single place lies in the middle.
    """
    placed = np.full(positions.shape, 0.5)
    for axis in range(2):
        values = positions[:, axis].astype(np.float64)
        distinct, rank = np.unique(values, return_inverse=True)
        if len(distinct) > 1:
            straight = (values - distinct[0]) / (distinct[-1] - distinct[0])
            ranked = rank / (len(distinct) - 1)
            placed[:, axis] = RANK_SHARE * ranked + (1 - RANK_SHARE) * straight
    return placed


def _minutes(photo: PhotoView) -> int:
    if photo.taken is None:
        return NO_TIME
    minutes = (photo.taken.replace(tzinfo=None) - _EPOCH).total_seconds() // 60
    return int(min(2**31 - 1, max(NO_TIME + 1, minutes)))


def _cell_px(n_photos: int) -> int:
    return LARGE_CELL_PX if n_photos <= MOST_LARGE_PICTURES else CELL_PX


def _sheets(keys: Sequence[str], thumbnails: Thumbnails, *, cell_px: int = 0) -> Iterator[bytes]:
    for number in range(n_sheets(len(keys))):
        yield photo_sheet(keys, number, thumbnails=thumbnails, cell_px=cell_px)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _json(facts: dict[str, Any]) -> str:
    """Write JSON that can stand in a script element: no name can end the element or begin a comment."""
    return json.dumps(facts, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c").replace(">", "\\u003e")
