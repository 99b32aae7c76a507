"""The demo: a sample album through the whole loop, with nothing prepared but the pictures.

Draws the album, scans it, reclusters, asks for similar photos and for words, writes gallery and map, through
`vecclust.Library` as anybody would. What it reports is what those calls answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vecclust.errors import UsageError
from vecclust.types.clusters import ClusterList
from vecclust.types.files import Problem, ScanReport
from vecclust.types.pages import PageReport
from vecclust.types.progress import Progress, no_progress
from vecclust.types.runs import RefitReport
from vecclust.types.search import Answer
from vecclust.types.status import Status

if TYPE_CHECKING:
    from vecclust.embeddings import Embedder


@dataclass(frozen=True, slots=True)
class Tour:
    """What the demo saw.

    Attributes:
        album: the folder of pictures.
        library: the library made from it.
        scan: what the first scan did.
        rescan: what a second scan did: nothing.
        refit: the full refit.
        clusters: the clusters after it.
        similar: photos like the most typical one of the largest cluster.
        search: photos that match words.
        problems: files that could not be read.
        status: the state of the library at the end.
        gallery: the clusters as contact sheets.
        map: the photos as a map.
    """

    album: Path
    library: Path
    scan: ScanReport
    rescan: ScanReport
    refit: RefitReport
    clusters: ClusterList
    similar: Answer | None
    search: Answer
    problems: tuple[Problem, ...]
    status: Status
    gallery: PageReport
    map: PageReport


DEMO_MODEL = "bundled"
N_PHOTOS = 360
MARKER = ".vecclust-demo"


def tour(out: Path, *, progress: Progress = no_progress, embedder: Embedder | None = None) -> Tour:
    """Run the whole job on a sample album.

    Args:
        out: folder for album, library and pages; made where it is missing, gone on with where a demo left it.
        progress: told about files read and stages fitted.
        embedder: an embedder to use instead of the bundled model.

    Returns:
        What came out.

    Raises:
        UsageError: `out` holds something that no demo made.
        ModelError: the bundled model cannot be used.
    """
    from vecclust.demo.album import write_album
    from vecclust.demo.scenes import SCENES
    from vecclust.library.library import Library

    album, library = out / "album", out / "library"
    if not (out / MARKER).exists():
        _require_empty(out)
        album.mkdir(parents=True)
        write_album(album, n_photos=N_PHOTOS)
        (out / MARKER).write_text("made by `vecclust demo`; may be deleted\n", encoding="utf-8")
    with Library.open(library, write=True, flags={"model": DEMO_MODEL}, embedder=embedder) as opened:
        scan = opened.scan([album], progress=progress)
        rescan = opened.scan(progress=progress)
        refit = opened.recluster(progress=progress)
        clusters = opened.clusters()
        typical = next((entry.medoid for entry in clusters.clusters if entry.medoid is not None), None)
        return Tour(
            album=album,
            library=library,
            scan=scan,
            rescan=rescan,
            refit=refit,
            clusters=clusters,
            similar=None if typical is None else opened.similar(typical, limit=5),
            search=opened.search(SCENES[0].words[0], limit=5),
            problems=opened.problems(),
            status=opened.status(),
            gallery=opened.gallery(out / "gallery"),
            map=opened.map(out / "map.html"),
        )


def _require_empty(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already and no demo made it", hint="Name another: vecclust demo --out DIR.")
