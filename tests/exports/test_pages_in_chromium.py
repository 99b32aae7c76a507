"""Pages in a real browser: drawn, quiet, usable by pointer and by keys, in light, in dark and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.exports.browser import LEAST_CONTRAST, Browser, chromium
from tests.exports.views import (
    COLOURS,
    HOSTILE_CLUSTERS,
    HOSTILE_NAMES,
    entry,
    gallery,
    scattered,
    thumbnails,
    worded_gallery,
    worded_map,
)
from vecclust.exports.gallery import write_gallery
from vecclust.exports.map import write_map
from vecclust.exports.text import plain

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium on this computer")

SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery, a map of hostile names and a map of nothing."""
    folder = tmp_path_factory.mktemp("shown")
    write_gallery(gallery(), folder / "gallery", thumbnails=thumbnails)
    write_map(scattered(), folder / "map.html", thumbnails=thumbnails)
    write_gallery(worded_gallery(), folder / "worded", thumbnails=thumbnails)
    write_map(worded_map(), folder / "worded.html", thumbnails=thumbnails)
    write_map(scattered(n_photos=0, n_clusters=0), folder / "empty.html", thumbnails=thumbnails)
    write_map(scattered(n_photos=1, n_clusters=0), folder / "one.html", thumbnails=thumbnails)
    write_map(scattered(n_photos=40_000), folder / "many.html", thumbnails=lambda photos: {})
    return folder


@pytest.fixture(scope="module")
def one_browser() -> Iterator[Browser]:
    """One browser for all tests: starting it is what takes time."""
    with Browser() as browser:
        yield browser


@pytest.fixture
def browser(one_browser: Browser) -> Iterator[Browser]:
    """The browser, which must end without a complaint and without a request to anywhere but the page itself."""
    one_browser.complaints.clear()
    one_browser.requests.clear()
    one_browser.look(width=1280, height=800)
    yield one_browser
    missing = "net::ERR_FILE_NOT_FOUND"  # the originals of these views are nowhere
    assert [said for said in one_browser.complaints if missing not in said] == []
    asked = [address for address in one_browser.requests if not address.startswith(("data:image/", "file:///"))]
    assert asked == []


def opened(browser: Browser, page: Path) -> None:
    """Open a map and wait until it is drawn."""
    browser.open(page)
    browser.until("document.body.dataset.ready === 'yes'")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("page", ["index.html", "c1.html", "c2.html", "unclustered.html"])
def test_the_gallery_fits_every_window(browser: Browser, shown: Path, size: str, dark: bool, page: str) -> None:
    """No side-scrolling, pictures are loaded, portraits keep within their cards, the scheme follows the system."""
    width, height = SIZES[size]
    browser.look(width=width, height=height, dark=dark)
    browser.open(shown / "gallery" / page)
    assert browser.value("document.documentElement.scrollWidth") <= width
    browser.until("[...document.images].every(one => one.complete)")
    assert browser.value("[...document.images].every(one => one.naturalWidth > 0)")
    ground = browser.value("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(18, 19, 22)" if dark else "rgb(251, 250, 248)")
    shapes = browser.value("[...document.querySelectorAll('.mosaic')].map(one => one.offsetWidth / one.offsetHeight)")
    assert all(1.9 < shape < 2.1 for shape in shapes)
    assert browser.value("[...document.querySelectorAll('.photo img')].every(one => one.offsetHeight < 600)")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True])
def test_proposed_names_and_words_fit_and_can_be_read(browser: Browser, shown: Path, size: str, dark: bool) -> None:
    """However long or in whatever script: no side-scrolling, lighter than an owner's name, and still 4.5:1."""
    width, height = SIZES[size]
    browser.look(width=width, height=height, dark=dark)
    for page in ("index.html", "c1.html", "c3.html", "c4.html", "c5.html"):
        browser.open(shown / "worded" / page)
        assert browser.value("document.documentElement.scrollWidth") <= width, page
        least, where = browser.value(LEAST_CONTRAST)
        assert least >= 4.5, where
    browser.open(shown / "worded" / "index.html")
    weights = "[...document.querySelectorAll('.cards .clip')].map(one => +getComputedStyle(one).fontWeight)"
    owned, proposed, *_ = browser.value(weights)
    assert proposed < owned
    heights = "[...document.querySelectorAll('.cards .tags')].map(one => one.offsetHeight)"
    assert len(set(browser.value(heights))) == 1, "each a line of its own, whatever its length"
    opened(browser, shown / "worded.html")
    least, where = browser.value(LEAST_CONTRAST)
    assert least >= 4.5, where


def test_the_map_shows_and_finds_words(browser: Browser, shown: Path) -> None:
    """A plate says that its name is proposed, a word below it finds its cluster, whose panel has the words."""
    opened(browser, shown / "worded.html")
    plates = browser.value("[...document.querySelectorAll('.plate .clip')].map(one => one.textContent)")
    assert plates == ["Grandma's garden", "~\xa0beach", "c3"]
    labels = browser.value("[...document.querySelectorAll('.landmark')].map(one => one.getAttribute('aria-label'))")
    assert labels[1] == "beach, proposed by vecclust, not yet yours, 6 photos"
    browser.press("/")
    browser.type("palm")
    browser.until("document.querySelectorAll('#found li').length === 1")
    browser.press("Enter")
    browser.until("!document.getElementById('panel').hidden")
    assert browser.value("document.querySelector('#panel h2').innerText").strip() == "~\xa0beach"
    assert browser.value("document.querySelector('#panel .tags').innerText") == "sea, palm tree"


def test_the_map_says_which_language_a_word_is_of(browser: Browser, tmp_path: Path) -> None:
    """Of the proposed name and the tags alone, beside the page's own words."""
    view = worded_map()
    view = replace(view, clusters=tuple(replace(one, language="es") for one in view.clusters))
    write_map(view, tmp_path / "map.html", thumbnails=thumbnails)
    opened(browser, tmp_path / "map.html")
    said = "[...document.querySelectorAll('[lang=es]')].map(one => [one.textContent, one.parentElement.textContent])"
    assert browser.value(said) == [["beach", "~\N{NO-BREAK SPACE}beach"]]


def test_hostile_names_stay_text_in_the_browser(browser: Browser, shown: Path) -> None:
    """What runs, asks or draws is the template's own; the names are what people read."""
    browser.open(shown / "gallery" / "c1.html")
    assert browser.value("document.querySelector('h1').innerText").startswith(plain(HOSTILE_CLUSTERS[0]))
    assert plain(HOSTILE_NAMES[0]) in browser.value("document.body.textContent")
    opened(browser, shown / "map.html")
    titles = browser.value("[...document.querySelectorAll('.plate .clip')].map(one => one.textContent)")
    assert titles == [plain(name) for name in HOSTILE_CLUSTERS]
    assert browser.value("document.querySelectorAll('#landmarks img, #landmarks script').length") == 0


@pytest.mark.parametrize("row", [0, 3, 4, 7, 9])
def test_hovering_shows_the_right_photo(browser: Browser, shown: Path, row: int) -> None:
    """Its name, its cluster, its time and its picture: found by name, brought to the middle, then pointed at."""
    photo = scattered().photos[row]
    name = plain(photo.path.rpartition("/")[2] if photo.path else "")
    opened(browser, shown / "map.html")
    browser.press("/")
    browser.value(f"(find => {{ find.value = {name!r}; find.oninput(); }})(document.getElementById('find'))")
    browser.press("Enter")
    browser.until("!document.getElementById('panel').hidden")
    assert browser.value("document.querySelector('#panel h2').textContent") == name
    browser.press("Escape")
    browser.until("document.getElementById('panel').hidden")
    left, top, wide, tall = browser.value(
        "(box => [box.left, box.top, box.width, box.height])(document.getElementById('stage').getBoundingClientRect())"
    )
    # A landmark over the middle would be what is pointed at.
    browser.value("document.getElementById('landmarks').remove()")
    browser.move(left + wide / 2 - 1, top + tall / 2)
    browser.move(left + wide / 2, top + tall / 2)
    browser.until("!document.getElementById('card').hidden")
    assert browser.value("document.querySelector('#card .name').textContent") == name
    said = browser.value("document.getElementById('card').innerText")
    if photo.taken is not None:
        assert photo.taken.strftime("%Y-%m-%d %H:%M") in said
    assert ("Unclustered" in said) == (row % 4 == 3)
    if row % 7 != 6:
        colour = browser.value(
            "(c => [...c.getContext('2d').getImageData(c.width / 2, c.height / 2, 1, 1).data])"
            "(document.querySelector('#card canvas'))"
        )
        assert all(abs(one - other) < 12 for one, other in zip(colour, COLOURS[row % 4], strict=False))


def test_every_control_can_be_reached_and_used_by_keys(browser: Browser, shown: Path) -> None:
    """Tab finds search, map, landmarks and zoom; Enter opens and does not close again; N goes on; Escape closes."""
    opened(browser, shown / "map.html")
    reached = set()
    for _ in range(12):
        browser.press("Tab")
        reached.add(browser.value("document.activeElement.id || document.activeElement.className.split(' ')[0]"))
    assert reached >= {"find", "stage", "landmark", "nearer", "further", "all"}
    browser.value("document.querySelector('.landmark').focus()")
    browser.press("Enter")
    browser.until("!document.getElementById('panel').hidden")
    assert browser.value("document.querySelector('#panel h2').innerText").strip() == plain(HOSTILE_CLUSTERS[0])
    browser.value("document.querySelector('#panel .few button').focus()")
    browser.press("Enter")
    browser.until("document.getElementById('panel').dataset.row === '0'")
    nearest = browser.value("[...document.querySelectorAll('#panel .few button')].map(one => +one.dataset.row)")
    assert nearest == scattered().neighbours[0].tolist()
    browser.press("n")
    assert browser.value("document.getElementById('panel').dataset.row") == "4"
    browser.press("Escape")
    assert browser.value("document.getElementById('panel').hidden")
    browser.value("document.getElementById('stage').focus()")
    for key in ("ArrowLeft", "ArrowUp", "+", "-", "0"):
        browser.press(key)


def test_a_cluster_leads_to_its_place_on_the_map_and_back(browser: Browser, tmp_path: Path) -> None:
    """By a click on its page, the map lights it and opens its panel; from there a click leads back."""
    write_gallery(replace(gallery(), library="one"), tmp_path / "gallery", thumbnails=thumbnails)
    write_map(replace(scattered(), library="one"), tmp_path / "map.html", thumbnails=thumbnails)
    browser.open(tmp_path / "gallery" / "c2.html")
    browser.value("document.querySelector('.stats .to-sibling').click()")
    browser.until("location.pathname.endsWith('/map.html') && document.body.dataset.ready === 'yes'")
    assert browser.value("document.querySelector('.landmark[aria-pressed=true] .clip').textContent") == plain(
        HOSTILE_CLUSTERS[1]
    )
    assert browser.value("document.querySelector('#panel h2').textContent") == plain(HOSTILE_CLUSTERS[1])
    browser.value("document.querySelector('#panel a').click()")
    browser.until("location.pathname.endsWith('/gallery/c2.html') && document.readyState === 'complete'")
    browser.open(tmp_path / "gallery" / "index.html")
    browser.value("document.querySelector('nav .to-sibling').click()")
    browser.until("location.pathname.endsWith('/map.html') && document.body.dataset.ready === 'yes'")
    assert browser.value("document.getElementById('panel').hidden")
    browser.value("location.hash = '#c3'")
    browser.until("!document.getElementById('panel').hidden")


def test_search_finds_dates_and_says_when_there_is_nothing(browser: Browser, shown: Path) -> None:
    """A month finds its photos, a cluster's id finds the cluster, nonsense finds nothing."""
    opened(browser, shown / "map.html")
    browser.press("/")
    for asked, n_found in (("2021-07-0", 8), ("c2", 1), ("no such thing", 0)):
        browser.value(f"(find => {{ find.value = {asked!r}; find.oninput(); }})(document.getElementById('find'))")
        assert browser.value("document.querySelectorAll('#found [role=option]').length") == n_found, asked


@pytest.fixture(scope="module")
def forty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of ten thousand photos in forty clusters."""
    rng = np.random.default_rng(1)
    labels = np.arange(10_000) % 40
    view = replace(
        scattered(n_photos=len(labels)),
        labels=labels,
        positions=(rng.normal(size=(40, 2))[labels] + 0.3 * rng.normal(size=(len(labels), 2))).astype(np.float32),
        clusters=tuple(replace(entry(number, size=250), name=f"Holidays in place {number}") for number in range(40)),
        covers=tuple(range(40)),
    )
    page = tmp_path_factory.mktemp("forty") / "map.html"
    write_map(view, page, thumbnails=lambda photos: {})
    return page


# The boxes of what can be pressed on the map, the zoom buttons first.
BOXES = """[document.querySelector('.zoom'), ...document.querySelectorAll('.landmark:not([hidden])')].map((one) => {
  const box = one.getBoundingClientRect(); return [box.left, box.top, box.right, box.bottom]; })"""
# The share of the ground between the outermost dots that is covered by dots, without pictures and names.
COVERED = """((c) => {
  const data = new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer), ground = data[0];
  let [left, right, top, bottom, n] = [1e9, 0, 1e9, 0, 0];
  data.forEach((one, at) => {
    if (one === ground) return;
    const x = at % c.width, y = (at - x) / c.width;
    [left, right, n] = [Math.min(left, x), Math.max(right, x), n + 1];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  });
  return [n / ((right - left) * (bottom - top)), (bottom - top) / c.height];
})(document.getElementById('dots'))"""


def test_a_map_on_a_phone_does_not_clot(browser: Browser, forty: Path) -> None:
    """Names stand apart and whole, none under the buttons; the map takes the screen's height; dots leave ground."""
    width, height = SIZES["phone"]
    browser.look(width=width, height=height)
    opened(browser, forty)
    for _ in range(3):
        boxes = browser.value(BOXES)
        for at, one in enumerate(boxes):
            assert one[0] >= 0, "a name is cut"
            assert one[2] <= width, "a name is cut"
            for other in boxes[:at]:
                apart = max(one[0] - other[2], other[0] - one[2], one[1] - other[3], other[1] - one[3])
                assert apart >= 5, (one, other)
        assert 3 <= len(boxes) <= 20
        browser.value("document.getElementById('nearer').click()")
        browser.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    for wait_ms in (0, 500, 2000, 5000):
        opened(browser, forty)
        # A busy machine may still be drawing the first picture; to look twice at one is warned of.
        browser.value(f"new Promise((done) => setTimeout(done, {wait_ms}))")
        covered, tall = browser.value(COVERED)
        if covered < 0.25:
            break
    assert covered < 0.25
    assert tall > 0.65


def touch(browser: Browser, kind: str, *places: tuple[float, float]) -> None:
    """Touch, move or let go with fingers at these places."""
    points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
    browser.ask("Input.dispatchTouchEvent", type=kind, touchPoints=points)


def test_fingers_move_and_zoom_the_map_wherever_they_begin(browser: Browser, forty: Path) -> None:
    """One that begins on a name moves it and does not press it; two zoom; a tap on a name opens its cluster."""
    browser.look(width=390, height=844)
    browser.ask("Emulation.setTouchEmulationEnabled", enabled=True)
    try:
        opened(browser, forty)
        frame = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        middle = "[...document.querySelectorAll('.landmark:not([hidden])')].find(inside)"
        browser.value(
            "globalThis.inside = (one) => { const box = one.getBoundingClientRect();"
            " return box.left > 60 && box.right < 330 && box.top > 250 && box.bottom < 650; }"
        )
        browser.value(f"void (globalThis.held = {middle})")
        first = "held.getBoundingClientRect()"
        left, top = browser.value(f"[{first}.left, {first}.top]")
        x, y = left + 20, top + 20
        touch(browser, "touchStart", (x, y))
        for step in (10, 20, 30, 40):
            touch(browser, "touchMove", (x + step / 4, y + step))
        touch(browser, "touchEnd")
        browser.value(frame)
        moved = browser.value(f"{first}.top") - top
        assert 25 <= moved <= 45
        assert browser.value("document.getElementById('panel').hidden")
        dots = "document.getElementById('dots').toDataURL()"
        before = browser.value(dots)
        touch(browser, "touchStart", (150, 400), (240, 400))
        for step in (10, 20, 30, 40):
            touch(browser, "touchMove", (150 - step, 400), (240 + step, 400))
        touch(browser, "touchEnd")
        browser.value(frame)
        assert browser.value(dots) != before
        assert browser.value("visualViewport.scale") == 1
        left, top = browser.value(f"[{first}.left, {first}.top]")
        touch(browser, "touchStart", (left + 20, top + 20))
        touch(browser, "touchEnd")
        browser.until("!document.getElementById('panel').hidden")
    finally:
        browser.ask("Emulation.setTouchEmulationEnabled", enabled=False)


@pytest.mark.parametrize("page", ["empty.html", "one.html", "many.html"])
@pytest.mark.parametrize("size", SIZES)
def test_maps_of_none_one_and_many_are_drawn(browser: Browser, shown: Path, page: str, size: str) -> None:
    """No complaint, no side-scrolling, and something but the ground is drawn where there are photos."""
    width, height = SIZES[size]
    browser.look(width=width, height=height, dark=True)
    opened(browser, shown / page)
    assert browser.value("document.documentElement.scrollWidth") <= width
    n_colours = browser.value(
        "(c => new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size)"
        "(document.getElementById('dots'))"
    )
    assert n_colours == 1 if page == "empty.html" else n_colours > 1
