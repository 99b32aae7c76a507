"""The live pages in a real browser: used by pointer and by keys, quiet, legible in both schemes and on a phone."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.exports.browser import LEAST_CONTRAST, Browser, chromium
from tests.web.served import CLUSTER_NAME, HUES, Served, make, picture, propose, put, serving
from vecclust.library.pages import live

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium on this computer")

WORDS = ("lava", "<b>rock</b>")
SIZES = {"desk": (1280, 800), "phone": (390, 844)}
PAGES = (
    "/",
    "/cluster/c2",
    "/unclustered",
    "/runs",
    "/search?q=red&since=2001&cluster=c1",
    "/?since=2030",
    "/photo",
    "/nowhere",
    "/map",
)


@pytest.fixture(scope="module")
def one_browser() -> Iterator[Browser]:
    """One browser for all tests: starting it is what takes time."""
    with Browser() as browser:
        yield browser


def watched(browser: Browser, server: Served) -> Iterator[Browser]:
    """Let a browser in; it must end without a complaint and without a request to anywhere but the server."""
    browser.look(width=1280, height=800)
    browser.visit(server.address)
    browser.complaints.clear()
    browser.requests.clear()
    yield browser
    missing = "the server responded with a status of 404"  # of /nowhere
    assert [said for said in browser.complaints if missing not in said] == []
    asked = [address for address in browser.requests if not address.startswith("data:image/")]
    assert [address for address in asked if not address.startswith(f"{server.origin}/")] == []
    browser.ask("Page.navigate", url="about:blank")


@pytest.fixture
def browser(one_browser: Browser, served: Served) -> Iterator[Browser]:
    """A browser that is in, at a library that nobody changes."""
    yield from watched(one_browser, served)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A server whose library may be changed."""
    make(tmp_path)
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def there(one_browser: Browser, own: Served) -> Iterator[Browser]:
    """A browser that is in there."""
    yield from watched(one_browser, own)


@pytest.fixture
def proposals(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...]]]:
    """Answers to names that are proposed; asked for before a server is, which keeps what it has read."""
    return propose(monkeypatch)


def place(served: Served, page: str) -> str:
    """Give the whole address of a page; of any photo's page for /photo."""
    if page == "/photo":
        page += served.get("/cluster/c2").text.partition('href="/photo')[2].partition('"')[0]
    return served.origin + page


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_can_be_read_in_every_window(
    browser: Browser, served: Served, page: str, dark: bool, size: str
) -> None:
    """No side-scrolling, every picture is there, text keeps 4.5:1, the scheme follows the system."""
    if page == "/map":
        served.until("/map", 'id="positions"')
    width, height = SIZES[size]
    browser.look(width=width, height=height, dark=dark)
    browser.visit(place(served, page))
    if page == "/map":
        browser.until("document.body.dataset.ready === 'yes'")
    assert browser.value("document.documentElement.scrollWidth") <= width
    browser.until("[...document.images].every(one => one.complete)")
    assert browser.value("[...document.images].every(one => one.naturalWidth > 0)")
    ground = browser.value("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(18, 19, 22)" if dark else "rgb(251, 250, 248)")
    least, where = browser.value(LEAST_CONTRAST)
    assert least >= 4.5, where


def test_a_cluster_is_renamed_with_the_mouse(there: Browser, own: Served) -> None:
    """Its page opens a field, and shows the name afterwards, as does the front."""
    there.visit(f"{own.origin}/cluster/c2")
    there.click_on(".rename summary")
    there.until("document.activeElement.name === 'name'")
    there.type("Lava <b>fields")
    there.click_on(".rename button")
    there.until("document.querySelector('h1')?.innerText.includes('Lava <b>fields')")
    there.click_on("nav a")
    there.until("location.pathname === '/' && document.body.innerText.includes('Lava <b>fields')")
    with own.opener().open() as library:
        assert library.cluster("c2").entry.name == "Lava <b>fields"


def test_proposed_names_are_gone_through_by_keys(
    proposals: list[tuple[str, tuple[str, ...]]], there: Browser, own: Served
) -> None:
    """Enter on Accept leads back to the card it stood on, from where Tab goes on; the name is its owner's then."""
    there.visit(f"{own.origin}/")
    first = "document.querySelector('#c2 .answer button')"
    assert there.value(f"{first}.getAttribute('aria-label')") == "Accept the name beach"
    there.value(f"{first}.focus()")
    there.press("Enter")
    there.until(
        "location.hash === '#c2' && document.readyState === 'complete' && !document.querySelector('#c2 .answer')"
    )
    assert there.value("document.querySelector('#c2 .clip').innerText") == "beach"
    assert not there.value("document.querySelector('#c2 .proposed')")
    there.press("Tab")
    assert there.value("document.activeElement.closest('li').id") in ("c2", "c3")
    there.click_on("#c3 [value=refuse]")
    there.until("location.hash === '#c3' && document.readyState === 'complete'")
    assert proposals == [("accept", ("c2",)), ("refuse", ("c3",))]
    with own.opener().open() as library:
        assert library.cluster("c2").entry.name == "beach"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_proposals_can_be_read_in_every_window(
    proposals: list[tuple[str, tuple[str, ...]]], there: Browser, own: Served, dark: bool, size: str
) -> None:
    """However long: no side-scrolling, 4.5:1, and an answer can be hit with a thumb."""
    width, height = SIZES[size]
    there.look(width=width, height=height, dark=dark)
    for page in ("/", "/cluster/c3", "/cluster/c2", "/search?q=red"):
        there.visit(own.origin + page)
        assert there.value("document.documentElement.scrollWidth") <= width, page
        least, where = there.value(LEAST_CONTRAST)
        assert least >= 4.5, where
        tall = there.value("[...document.querySelectorAll('.answer button')].map(one => one.offsetHeight)")
        assert len(tall) == {"/": 4, "/search?q=red": 0}.get(page, 2)
        assert min(tall, default=99) >= 24


def test_photos_and_clusters_are_put_right_with_the_mouse(there: Browser, own: Served) -> None:
    """Ticked photos are moved to the cluster chosen, two clusters are merged, and a click takes that back."""
    choose = "(one => {{ one.value = '{}'; one.dispatchEvent(new Event('change')); }})(document.querySelector('{}'))"
    there.visit(f"{own.origin}/cluster/c2")
    bar = "document.querySelector('.chosen').checkVisibility()"
    assert not there.value(bar), "nothing is chosen yet"
    there.click_on(".photo:nth-of-type(2) .pick input")
    there.click_on(".photo:nth-of-type(3) .pick input")
    there.until(bar)
    moved = there.value("[...document.querySelectorAll('.pick :checked')].map(one => one.value)")
    there.value(choose.format("c3", "[name=to]"))
    there.click_on(".chosen button.main")
    there.until("document.readyState === 'complete' && document.querySelectorAll('.sheet .photo').length === 12")
    with own.opener().open() as library:
        assert {library._store.label(photo).cluster for photo in moved} == {"c3"}  # type: ignore[union-attr]
    there.click_on(".photo .pick input")
    there.until(bar)
    there.click_on("[value=pin]")
    there.until(
        "document.readyState === 'complete' && document.querySelector('figcaption').innerText.includes('by you')"
    )
    there.click_on(".rename:nth-of-type(2) summary")
    there.value(choose.format("c3", "[name=other]"))
    there.click_on("[value=merge]")
    there.until("document.readyState === 'complete' && document.querySelectorAll('.sheet .photo').length === 28")
    there.click_on("details:has(ol) summary")
    there.click_on("li:last-child .undo button")
    there.until("document.readyState === 'complete' && document.querySelectorAll('.sheet .photo').length === 12")
    with own.opener().open() as library:
        assert [entry.kind for entry in library.edits() if entry.kind != "rename"] == ["move", "pin"]


def test_keys_reach_and_do_everything(there: Browser, own: Served) -> None:
    """Slash searches, Enter asks, Tab comes to cards and buttons, Escape closes what Enter opened and no more."""
    there.press("/")
    assert there.value("document.activeElement.id") == "words"
    assert there.value("document.activeElement.value") == ""
    there.type("red")
    there.press("Enter")
    there.until("location.pathname === '/search' && document.readyState === 'complete'")
    assert there.value("document.querySelectorAll('.ranked .photo').length") == 42
    there.visit(f"{own.origin}/cluster/c3")
    reached = []
    for _ in range(14):
        there.press("Tab")
        reached.append(there.value("document.activeElement.id || document.activeElement.localName"))
    assert {"a", "words", "pick", "summary"} <= set(reached)
    there.value("document.querySelector('.rename summary').focus()")
    there.press("Enter")
    there.until("document.querySelector('.rename').open && document.activeElement.name === 'name'")
    there.press("Escape")
    assert not there.value("document.querySelector('.rename').open")
    assert there.value("document.activeElement.localName") == "summary"
    there.press("p")
    there.until("location.pathname === '/cluster/c2'")


def test_a_dropped_picture_finds_its_like(browser: Browser, served: Served) -> None:
    """The page says where to drop it, and then shows the nearest; what is no picture is said where one is."""
    data = base64.b64encode(picture(HUES[1], 700)).decode()
    drop = """(data => {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)), held = new DataTransfer();
      held.items.add(new File([bytes], "x.jpg", { type: "image/jpeg" }));
      for (const kind of ["dragenter", "dragover", "drop"]) {
        dispatchEvent(new DragEvent(kind, { dataTransfer: held, bubbles: true, cancelable: true }));
        if (kind === "dragover") globalThis.offered = !document.getElementById("drop").hidden;
      }
    })"""
    browser.visit(f"{served.origin}/")
    browser.value(f"{drop}('{data}')")
    assert browser.value("globalThis.offered")
    browser.until("location.pathname.startsWith('/dropped/') && document.images.length > 40")
    nearest = browser.value("[...document.querySelectorAll('.ranked a')].map(one => one.getAttribute('href'))")
    green = re.findall('href="(/photo/[0-9a-f]+)"', served.get("/search?q=green").text)
    assert set(nearest[:14]) == set(green[:14])
    browser.value(f"{drop}('{base64.b64encode(b'no picture').decode()}')")
    browser.until(
        "(notice => !notice.hidden && notice.innerText.includes('not a picture'))(document.getElementById('notice'))"
    )
    browser.complaints[:] = [said for said in browser.complaints if "status of 422" not in said]


def test_a_refit_is_begun_followed_and_adopted_by_clicks(there: Browser, own: Served) -> None:
    """The page follows without being loaded again, shows the difference, and the run that is current then."""
    there.visit(f"{own.origin}/runs")
    there.until("document.body.dataset.live === 'yes'")
    there.click_on("#fit button")
    there.until("document.getElementById('fit')?.dataset.state === 'proposed'")
    there.until("document.getElementById('fit').innerText.includes('This is what would change')")
    there.click_on("#fit button.main")
    there.until("document.getElementById('fit')?.dataset.state === 'adopted'")
    there.until("document.querySelector('.panel.current')?.innerText.startsWith('r2')")
    there.click_on(".runs .panel:not(.current) button")
    there.until("document.querySelector('.panel.current')?.innerText.startsWith('r1')")
    with own.opener().open() as library:
        assert library.runs()[1] == "r1"


def test_the_front_page_follows_an_import(there: Browser, own: Served) -> None:
    """Photos that another process brings in are counted and shown without anybody's doing."""
    there.visit(f"{own.origin}/")
    there.until("document.body.dataset.photos === '42'")
    for number in range(5):
        put(own.album, b"new%d.jpg" % number, picture(HUES[0], 800 + number))
    with own.opener().open(write=True) as library:
        library.scan()
    there.until("document.getElementById('notice').innerText.includes('5 new photos')")
    there.until("document.querySelector('.sum').innerText.includes('47 photos')")
    there.until("document.getElementById('main').innerText.includes('19 photos')")


def test_the_light_says_in_words_how_the_library_stands(there: Browser, own: Served) -> None:
    """Green while all is well, and red for a folder that has gone; what it is opens with a click."""
    dot = "getComputedStyle(document.querySelector('#light summary'), '::before').backgroundColor"
    there.visit(f"{own.origin}/")
    there.until("document.getElementById('light').checkVisibility()")
    assert there.value("document.querySelector('#light summary').innerText") == "All is well"
    assert there.value(dot) == "rgb(43, 122, 75)"
    assert not there.value("document.getElementById('notice').checkVisibility()")
    own.album.rename(own.album.with_name("elsewhere"))
    with own.opener().open(write=True) as library:
        library.scan()
    there.until("document.querySelector('#light summary').innerText === 'Needs you'")
    assert there.value(dot) == "rgb(198, 40, 40)"
    there.click_on("#light summary")
    there.until("document.querySelector('#light ul').innerText.includes('nothing of it is removed.')")


def test_the_map_shows_what_is_pointed_at_and_asks_for_its_like(browser: Browser, served: Served) -> None:
    """Hovering shows name and picture; a click opens the photo with its nearest by the real vectors."""
    served.until("/map", 'id="positions"')
    browser.visit(f"{served.origin}/map")
    browser.until("document.body.dataset.ready === 'yes'")
    browser.press("/")
    browser.value("(find => { find.value = '05.jpg'; find.oninput(); })(document.getElementById('find'))")
    browser.press("Enter")
    browser.until("document.querySelectorAll('#panel .few img').length === 8")
    assert browser.value("document.querySelector('#panel h2').innerText") == "05.jpg"
    browser.until("[...document.querySelectorAll('#panel img')].every(one => one.complete && one.naturalWidth)")
    photo = browser.value("document.querySelector('#panel a').getAttribute('href')").rpartition("/")[2]
    near = browser.value("[...document.querySelectorAll('#panel .few img')].map(one => one.getAttribute('src'))")
    assert near == [f"/thumbnail/{other}" for other in served.get(f"/alike/{photo}").json()["photos"]]
    browser.press("Escape")
    browser.value("document.getElementById('landmarks').remove()")
    left, top, wide, tall = browser.value(
        "(box => [box.left, box.top, box.width, box.height])(document.getElementById('stage').getBoundingClientRect())"
    )
    browser.move(left + wide / 2 - 1, top + tall / 2)
    browser.move(left + wide / 2, top + tall / 2)
    browser.until("!document.getElementById('card').hidden")
    assert browser.value("document.querySelector('#card .name').innerText") == "05.jpg"
    browser.until("document.querySelector('#card img').naturalWidth > 0")


def test_a_photo_on_the_map_shows_its_own_words(
    browser: Browser, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They take the place of those of its cluster, in the same line: the card stays as tall as it was."""
    told = live.photo_facts
    monkeypatch.setattr(live, "photo_facts", lambda *given, **how: replace(told(*given, **how), words=WORDS))
    served.until("/map", 'id="positions"')
    photo = served.get("/cluster/c2").text.partition('href="/photo/')[2].partition('"')[0]
    assert served.get(f"/words/{photo}").json() == {"words": list(WORDS)}
    assert served.get("/words/" + 64 * "0").status == 404
    browser.visit(f"{served.origin}/map")
    browser.until("document.body.dataset.ready === 'yes'")
    browser.value("document.getElementById('landmarks').remove()")
    pointed = """(() => { const stage = document.getElementById('stage'), box = stage.getBoundingClientRect();
      return [box.left, box.top, box.width, box.height]; })()"""
    left, top, wide, tall = browser.value(pointed)
    shown = "!document.getElementById('card').hidden"
    places = [(left + x, top + y) for y in range(20, int(tall), 14) for x in range(20, int(wide), 14)]
    next(place for place in places if browser.move(*place) or browser.value(shown))
    before = browser.value("document.getElementById('card').offsetHeight")
    browser.until("document.querySelector('#card .tags').textContent === 'lava, <b>rock</b>'")
    assert browser.value("document.getElementById('card').offsetHeight") == before


def test_a_cluster_leads_to_its_place_on_the_map_and_back(browser: Browser, served: Served) -> None:
    """By a click each."""
    served.until("/map", 'id="positions"')
    browser.visit(f"{served.origin}/cluster/c2")
    browser.value("document.querySelector('.stats .to-sibling').click()")
    browser.until("location.pathname === '/map' && document.body.dataset.ready === 'yes'")
    assert browser.value("document.querySelector('.landmark[aria-pressed=true] .clip').textContent") == "c2"
    browser.value("document.querySelector('#panel a').click()")
    browser.until("location.pathname === '/cluster/c2' && document.readyState === 'complete'")


def test_hostile_names_stay_text(browser: Browser, served: Served) -> None:
    """What runs is this server's own."""
    browser.visit(f"{served.origin}/cluster/c1")
    assert CLUSTER_NAME in browser.value("document.querySelector('h1').innerText")
    assert browser.value("document.scripts.length") == 1


@pytest.mark.parametrize("page", PAGES)
def test_whatever_can_be_used_has_a_name(browser: Browser, served: Served, page: str) -> None:
    """Fields, buttons and links say what they are to who does not see them; no id twice, no heading left out."""
    if page == "/map":
        served.until("/map", 'id="positions"')
    browser.visit(place(served, page))
    nameless = """[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')]
      .filter((one) => !one.hidden && !one.closest('[hidden]'))
      .filter((one) => !(one.getAttribute('aria-label') || one.labels?.length || one.innerText?.trim()
        || one.textContent.trim() || one.querySelector('img[alt]:not([alt=""])')))
      .map((one) => one.outerHTML.slice(0, 120))"""
    assert browser.value(nameless) == []
    ids = browser.value("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))
    levels = browser.value("[...document.querySelectorAll('h1, h2, h3')].map(one => +one.localName[1])")
    if page != "/map":
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
