"""Gallery and map of a real library: real files, real tables, the places kept from run to run."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

from tests.library.test_library import noisy
from vecclust import Library
from vecclust.errors import UsageError
from vecclust.library.pages.written import read_gallery, read_map
from vecclust.library.queries.clusters import list_clusters
from vecclust.library.runs.positions import MAP_FILE
from vecclust.store import Store
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.types.edits import EditRequest

HUES = ((200, 30, 30), (30, 180, 40), (30, 40, 200))
NAMES = (b"<img src=x onerror=alert(1)>", b"a \"quote\" & 'another'", b"new\nline", "🌋".encode(), b"not \xff UTF-8")


def write_picture(path: bytes, hue: tuple[int, int, int], number: int) -> None:
    """Write a small noisy JPEG of one colour that has been quiet for long."""
    with open(path, "wb") as file:
        file.write(noisy(hue, number))
    os.utime(path, ns=(10**18, 10**18))


def opened(folder: Path, *, write: bool = False) -> Library:
    """Open the library with doubles for model and clock."""
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    return Library.open(folder, write=write, embedder=FakeEmbedder(), clock=clock)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Fourteen photos of each of three colours; the first few have hostile names."""
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(42):
        name = NAMES[number] if number < len(NAMES) else b"%02d" % number
        write_picture(os.fsencode(folder) + b"/" + name + b".jpg", HUES[number % 3], number)
    return folder


@pytest.fixture
def library(tmp_path: Path, album: Path) -> Path:
    """A library of it, fitted, its first cluster given a hostile name."""
    folder = tmp_path / "library"
    with opened(folder, write=True) as made:
        made.scan([album])
        made.rename(made.clusters().clusters[0].id, "<script>alert(1)</script>")
    return folder


def test_gallery_and_map_show_every_photo_of_a_real_library(tmp_path: Path, library: Path) -> None:
    """Names of any bytes come through, and nothing is written into the library."""
    before = sorted(path for path in library.rglob("*") if path.is_file())
    with opened(library) as looked_at:
        gallery = looked_at.gallery(tmp_path / "gallery")
        size_bytes = sum(path.stat().st_size for path in (tmp_path / "gallery").glob("*.html"))
        page = looked_at.map(tmp_path / "map.html")
    assert sorted(path for path in library.rglob("*") if path.is_file()) == before
    assert (gallery.photos, gallery.clusters) == (page.photos, page.clusters) == (42, 3)
    assert gallery.size_bytes == size_bytes
    source = "".join(path.read_text() for path in (tmp_path / "gallery").glob("*.html"))
    assert source.count("<figure") == 42
    assert "<img src=x" not in source
    assert "<script" not in source
    assert "not%20%FF%20UTF-8.jpg" in source
    assert "&lt;script&gt;alert(1)" in source
    assert "<script>alert" not in (tmp_path / "map.html").read_text()


def test_a_gallery_goes_by_strength(library: Path) -> None:
    """Largest first; photos strongest first; colours that have nothing in common are not related."""
    with Store.open(library) as store:
        shown = read_gallery(store, list_clusters(store))
    sizes = [len(cluster.photos) for cluster in shown.clusters]
    assert sizes == sorted(sizes, reverse=True)
    for cluster in shown.clusters:
        strengths = [photo.strength for photo in cluster.photos]
        assert strengths == sorted(strengths, reverse=True)
        assert cluster.event == "", "in a first run everything is born"
        assert cluster.related == (), "the nearest of unlike colours is no relation"
        assert cluster.cover in {photo.photo for photo in cluster.photos}
    assert shown.n_photos == 42


def test_what_the_owner_took_apart_is_related(library: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two halves of one colour, and no other; a run whose arrays are damaged has no related clusters, and says so."""

    def related() -> dict[str, tuple[str, ...]]:
        with Store.open(library) as store:
            gallery = read_gallery(store, list_clusters(store))
        return {cluster.entry.id: cluster.related for cluster in gallery.clusters}

    with opened(library, write=True) as writer:
        half = [member.photo for member in writer.cluster("c2").photos[::2]]
        new = writer.edit(EditRequest("split-off", photos=tuple(half), cluster="c2")).cluster
    assert related() == {"c1": (), "c2": (new,), "c3": (), new: ("c2",)}
    (library / "fits" / "r1" / "state.npz").write_bytes(b"damaged")
    assert set(related().values()) == {()}
    assert "not known" in caplog.text


def test_neighbours_on_the_map_are_those_of_the_vectors(library: Path) -> None:
    """Ranked by cosine, without the photo itself."""
    with Store.open(library) as store:
        shown = read_map(store, list_clusters(store))
        photos, vectors = store.vectors()
    assert [photo.photo for photo in shown.photos] == photos
    scores = np.take_along_axis(vectors @ vectors.T, shown.neighbours, axis=1)
    assert (np.diff(scores, axis=1) <= 1e-5).all()
    assert not (shown.neighbours == np.arange(42)[:, None]).any()
    assert np.isfinite(shown.positions).all()


def test_the_writer_keeps_the_places_and_newcomers_join_them(tmp_path: Path, library: Path, album: Path) -> None:
    """The same run shows the same map, also with a photo more; a new run's map begins at it."""

    def places() -> dict[str, tuple[float, float]]:
        with Store.open(library) as store:
            shown = read_map(store, list_clusters(store))
        return {photo.photo: tuple(place) for photo, place in zip(shown.photos, shown.positions.tolist(), strict=True)}  # type: ignore[misc]

    with opened(library, write=True) as writer:
        writer.map(tmp_path / "map.html")
    assert (library / "fits" / "r1" / MAP_FILE).is_file()
    first = places()
    write_picture(os.fsencode(album / "new.jpg"), HUES[0], 99)
    with opened(library, write=True) as writer:
        writer.scan()
    second = places()
    assert len(second) == 43
    assert {photo: second[photo] for photo in first} == first
    with opened(library, write=True) as writer:
        writer.recluster()
        writer.map(tmp_path / "map.html")
    assert (library / "fits" / "r2" / MAP_FILE).is_file()
    third = places()
    size = np.ptp(np.array(list(first.values())), axis=0).max()
    moved = [np.hypot(third[photo][0] - first[photo][0], third[photo][1] - first[photo][1]) for photo in first]
    assert np.mean(moved) < 0.15 * size


@pytest.mark.parametrize("damage", [b"", b"no archive", b"PK\x03\x04 torn"])
def test_a_damaged_map_is_made_again(tmp_path: Path, library: Path, damage: bytes) -> None:
    """The kept places are a cache: whatever lies there, the page is made."""
    with opened(library, write=True) as writer:
        writer.map(tmp_path / "map.html")
        kept = library / "fits" / "r1" / MAP_FILE
        kept.write_bytes(damage)
        assert writer.map(tmp_path / "map.html").photos == 42
        assert len(kept.read_bytes()) > 500


def test_a_library_without_a_run_or_a_photo_is_shown_too(tmp_path: Path) -> None:
    """Before the first fit all photos are unclustered; before the first photo the pages say so."""
    folder, album = tmp_path / "library", tmp_path / "few"
    album.mkdir()
    with opened(folder, write=True) as library:
        assert library.gallery(tmp_path / "g").photos == 0
        assert library.map(tmp_path / "map.html").photos == 0
        for number in range(2):
            write_picture(os.fsencode(album / f"{number}.jpg"), HUES[number], number)
        library.scan([album])
        assert (library.gallery(tmp_path / "g").photos, library.gallery(tmp_path / "g").clusters) == (2, 0)
        assert library.map(tmp_path / "map.html").photos == 2
    assert "no clusters yet" in (tmp_path / "g" / "index.html").read_text()


def test_a_photo_whose_file_is_gone_is_shown_without_a_link(tmp_path: Path, library: Path, album: Path) -> None:
    """Its picture is kept; a link would lead nowhere."""
    (album / "41.jpg").unlink()
    with opened(library) as looked_at:
        looked_at.gallery(tmp_path / "gallery")
        looked_at.map(tmp_path / "map.html")
    source = "".join(path.read_text() for path in (tmp_path / "gallery").glob("*.html"))
    assert source.count("<figure") == 42
    assert "41.jpg" not in source
    facts = re.search(r'id="facts">(.*?)</script>', (tmp_path / "map.html").read_text())
    assert facts is not None
    assert sum(named is None for named in json.loads(facts[1])["names"]) == 1


def test_a_gallery_never_goes_over_the_photos(library: Path, album: Path) -> None:
    """The folder of originals is refused, whatever it is called."""
    with opened(library) as looked_at, pytest.raises(UsageError):
        looked_at.gallery(album)
    assert len(list(album.iterdir())) == 42
