"""Maps of more photos than a page holds pictures of: sheets in a folder beside it, in the order they are seen in."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.exports.browser import Browser, chromium
from tests.exports.views import COLOURS, scattered, thumbnails
from vecclust.errors import UsageError
from vecclust.exports import map as pages_map
from vecclust.exports.map import PHOTOS_ON_A_SHEET, in_view_order, view_order, write_map
from vecclust.photos.thumbnails import EMPTY

HOSTILE_STEM = 'a #map%20 & "it\'s" 🌋'


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page holds the pictures of 500 photos."""
    monkeypatch.setattr(pages_map, "MOST_PICTURES", 500)


def stamped(folder: Path) -> set[str]:
    """Name the maps of whose photos there are sheets."""
    return {file.name.partition("-")[0] for file in folder.glob("*.webp")}


def test_sheets_lie_beside_the_page_and_go_when_they_are_no_longer_needed(tmp_path: Path) -> None:
    """A sheet for 400 photos; those of other photos replace them, under another name; a small map has none."""
    page, folder = tmp_path / "map.html", tmp_path / "map-pictures"
    report = write_map(scattered(n_photos=900), page, thumbnails=thumbnails)
    assert report.files == 4
    assert report.size_bytes == page.stat().st_size + sum(file.stat().st_size for file in folder.glob("*.webp"))
    first = stamped(folder)
    assert len(list(folder.glob("*.webp"))) == 3
    assert page.stat().st_size < 200_000
    write_map(scattered(n_photos=950), page, thumbnails=thumbnails)
    assert len(stamped(folder)) == 1
    assert stamped(folder) != first
    write_map(scattered(n_photos=100), page, thumbnails=thumbnails)
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """Whether the map needs one of that name or has no more need of it."""
    folder = tmp_path / "map-pictures"
    folder.mkdir()
    (folder / "dear.jpg").write_bytes(b"dear")
    with pytest.raises(UsageError, match="did not make"):
        write_map(scattered(n_photos=900), tmp_path / "map.html", thumbnails=thumbnails)
    assert not (tmp_path / "map.html").exists()
    write_map(scattered(), tmp_path / "map.html", thumbnails=thumbnails)
    assert (folder / "dear.jpg").read_bytes() == b"dear"
    (folder / "dear.jpg").unlink()
    write_map(scattered(), tmp_path / "map.html", thumbnails=thumbnails)
    assert folder.is_dir()


def test_the_order_of_rows_changes_nothing_but_the_order() -> None:
    """Every photo keeps its place, cluster and neighbours, every cluster its cover."""
    given = scattered(n_photos=3000)
    ordered = in_view_order(given)
    key = [photo.photo for photo in given.photos]
    row = {photo.photo: at for at, photo in enumerate(ordered.photos)}
    to = np.array([row[one] for one in key])
    assert sorted(to.tolist()) == list(range(3000))
    np.testing.assert_array_equal(ordered.positions[to], given.positions)
    np.testing.assert_array_equal(ordered.labels[to], given.labels)
    np.testing.assert_array_equal(ordered.neighbours[to], to[given.neighbours])
    assert ordered.covers == tuple(to[list(given.covers)])
    assert in_view_order(scattered()).photos == scattered().photos


def test_a_view_needs_few_sheets() -> None:
    """Of 100,000 photos, the first 300 in a square of a twentieth of each axis lie on a tenth of the sheets at most."""
    rng = np.random.default_rng(0)
    places = rng.random((100_000, 2))
    rows = view_order(places)
    assert sorted(rows.tolist()) == list(range(100_000))
    assert np.abs(np.sort(places[rows[:400], 0])[::100] - [0, 0.25, 0.5, 0.75]).max() < 0.06, "the first are everywhere"
    for corner in rng.random((20, 2)) * 0.95:
        inside = ((places[rows] >= corner) & (places[rows] < corner + 0.05)).all(axis=1)
        sheets = np.unique(np.flatnonzero(inside)[:300] // PHOTOS_ON_A_SHEET)
        assert len(sheets) <= 25, corner


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    if chromium() is None:
        pytest.skip("there is no Chromium on this computer")
    with Browser() as one:
        yield one


@pytest.mark.parametrize("names", [True, False])
def test_hovering_shows_the_right_picture_from_beside(browser: Browser, tmp_path: Path, names: bool) -> None:
    """Whatever the page is called and whether names are shown; nothing but files is asked for."""
    page = tmp_path / f"{HOSTILE_STEM}.html"
    given = scattered(n_photos=900)
    write_map(given, page, thumbnails=thumbnails, names=names)
    browser.requests.clear()
    browser.complaints.clear()
    browser.open(page)
    browser.until("document.body.dataset.ready === 'yes'")
    browser.value("document.getElementById('landmarks').remove()")
    for step in range(200):
        browser.move(500 + step, 400)
        if browser.value("!document.getElementById('card').hidden"):
            break
    row = int(browser.value("document.getElementById('card').dataset.row"))
    number = int(in_view_order(given).photos[row].photo, 16)
    shot = tmp_path / "shot.png"
    middle = browser.value(
        "(box => [box.left + box.width / 2, box.top + box.height / 2])"
        "(document.querySelector('#card canvas').getBoundingClientRect())"
    )

    def seen() -> tuple[int, ...]:
        """The colour in the middle of the picture: a picture of a file may be looked at, not read by the page."""
        browser.screenshot(shot)
        return tuple(Image.open(shot).convert("RGB").getpixel([round(at) for at in middle]))

    wanted = EMPTY if number % 7 == 6 else COLOURS[number % 4]
    for _ in range(100):
        if all(abs(one - other) < 16 for one, other in zip(seen(), wanted, strict=True)):
            break
    else:
        pytest.fail(f"{seen()} is not {wanted}")
    asked = [address for address in browser.requests if not address.startswith("data:image/")]
    assert any(re.search(r"-pictures/[0-9a-f]{12}-\d+\.webp$", address) for address in asked), asked
    assert all(address.startswith("file:///") for address in asked)
    assert browser.complaints == []


def test_without_its_folder_a_map_says_so_and_goes_on(browser: Browser, tmp_path: Path) -> None:
    """And the pictures of other photos are not taken for its own."""
    page, folder = tmp_path / "map.html", tmp_path / "map-pictures"
    write_map(scattered(n_photos=900), page, thumbnails=thumbnails)
    kept = page.read_bytes()
    write_map(scattered(n_photos=950), page, thumbnails=thumbnails)
    page.write_bytes(kept)
    assert stamped(folder)
    browser.open(page)
    browser.until("document.body.dataset.ready === 'yes'")
    browser.press("+")
    browser.press("+")
    browser.until("document.querySelector('.lost')")
    assert "is not there, or is that of another map" in browser.value("document.querySelector('.lost').textContent")
    browser.value("document.querySelector('.landmark').click()")
    browser.until("!document.getElementById('panel').hidden")


@pytest.mark.skipif(os.name != "posix", reason="names are text elsewhere")
def test_a_page_whose_name_is_no_text_has_its_pictures_too(tmp_path: Path) -> None:
    """The address of the folder is made of its bytes."""
    page = tmp_path / os.fsdecode(b"map \xff.html")
    write_map(scattered(n_photos=900), page, thumbnails=thumbnails)
    assert b'"sheets":"map%20%FF-pictures/' in page.read_bytes()
