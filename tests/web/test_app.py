"""Pages, pictures and changes of a served library, asked over real sockets."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from tests.web.served import CLUSTER_NAME, HUES, NAMES, Served, TestOpener, make, picture, propose, put, serving
from vecclust.embeddings import Vocabulary
from vecclust.exports import gallery
from vecclust.exports.text import plain
from vecclust.server.verbs import VERBS
from vecclust.web import app, dropped
from vecclust.web.forms import _MOST_FORM_BYTES


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A server of a library whose photos may be touched too."""
    make(tmp_path)
    with serving(tmp_path) as server:
        yield server


class Seen(HTMLParser):
    """A page as a browser reads it."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Take note of an element."""
        self.elements.append((tag, {name: value or "" for name, value in attributes}))

    def handle_data(self, data: str) -> None:
        """Take note of text."""
        self.text += data

    def values(self, tag: str, attribute: str) -> list[str]:
        """Give all values of an attribute."""
        return [attributes[attribute] for name, attributes in self.elements if name == tag and attribute in attributes]


def photos_of(served: Served, page: str) -> list[str]:
    """Give the content hashes of the photos on a page."""
    links = Seen(served.get(page).text).values("a", "href")
    return [link.rpartition("/")[2] for link in links if link.startswith("/photo/")]


def photo_at(served: Served, name: str) -> str:
    """Give the content hash of a file."""
    with served.opener().open() as library:
        (folder,) = library.folders()
        return library.photo(Path(folder) / name).photo


def test_every_link_and_picture_of_a_page_is_there(served: Served) -> None:
    """From the front page on, every page of this server that a page names can be opened, and nothing else is named."""
    todo, seen = ["/"], set()
    while todo:
        page = todo.pop()
        answer = served.get(page)
        assert answer.status == 200, page
        seen.add(page)
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        found = Seen(answer.text)
        named = [*found.values("a", "href"), *found.values("img", "src"), *found.values("script", "src")]
        assert all(address.startswith(("/", "#", "data:")) for address in named)
        ours = {address.partition("#")[0] for address in named if address.startswith("/")}
        photos = sorted(address for address in ours if address.startswith(("/photo/", "/thumbnail/", "/original/")))
        todo += (ours - set(photos) | set(photos[:3])) - seen - set(todo)
    assert {"/", "/unclustered", "/cluster/c1", "/cluster/c2", "/cluster/c3", "/runs", "/map"} <= seen


def test_pages_need_no_script(served: Served) -> None:
    """Names, photos in their order and the forms are in the pages themselves."""
    front = Seen(served.get("/").text)
    assert sum(attributes.get("class") == "card" for _, attributes in front.elements) == 3
    assert "14 photos" in front.text
    with served.opener().open() as library:
        wanted = [member.photo for member in library.cluster("c2").photos]
    assert photos_of(served, "/cluster/c2") == wanted


def test_hostile_names_are_text_on_every_page(served: Served) -> None:
    """No name of a file or cluster makes an element, and each can be read."""
    text = ""
    for page in ("/", "/cluster/c1", "/cluster/c2", "/cluster/c3", "/runs", "/search?q=red", "/nowhere"):
        found = Seen(served.get(page).text)
        text += found.text
        assert found.values("script", "src") == ["/asset/live.js"]
        assert sum(tag == "script" for tag, _ in found.elements) == 1
        assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    assert CLUSTER_NAME in text
    for name in NAMES:
        assert plain(os.fsdecode(name)) in text
    assert "<script>alert" not in served.get("/map").text
    asked = served.get("/search?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%22'")
    assert "<img src=x" not in asked.text


def test_a_photo_shows_its_nearest_by_the_vectors(served: Served) -> None:
    """In the order of `similar`, without the photo itself, and without a percentage."""
    photo = photo_at(served, "05.jpg")
    with served.opener().open() as library:
        path = library.photo(Path(library.folders()[0]) / "05.jpg").path
        wanted = [hit.photo for hit in library.similar(path, limit=24).results]
    page = served.get(f"/photo/{photo}").text
    assert photos_of(served, f"/photo/{photo}") == wanted
    assert photo not in wanted
    assert "%" not in Seen(page.partition("<main")[2]).text
    assert served.get(f"/alike/{photo}").json() == {"photos": wanted[:8]}


def test_words_are_answered_nearest_first(served: Served) -> None:
    """Fourteen red photos come before all others; no words are a mistake."""
    red = {photo_at(served, f"{number:02}.jpg") for number in range(6, 41, 3)}
    assert red <= set(photos_of(served, "/search?q=red")[:14])
    assert served.get("/search?q=%20").status == 400


def test_what_there_is_to_say_of_words_stands_above_the_photos(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """As text, whatever was asked; a question of which there is nothing to say shows nothing."""
    monkeypatch.setattr("vecclust.embeddings.find_vocabulary", lambda name: Vocabulary(("red",)))
    page = own.get("/search?q=%3Cb%3E%20fugue").text
    notices = re.search(r'<ul class="notices".*?</ul>', page, re.DOTALL)
    assert notices is not None
    assert "better than chance" in notices[0]
    assert "does not know the word" in notices[0]
    assert "<b>" not in notices[0]
    assert notices.start() < page.index("<figure")
    assert 'class="notices"' not in own.get("/search?q=red").text


def test_thumbnails_are_small_and_for_ever(served: Served) -> None:
    """A JPEG without metadata; an unknown photo has none."""
    answer = served.get(f"/thumbnail/{photo_at(served, '05.jpg')}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]
    assert "private" in answer.headers["cache-control"]
    assert Image.open(io.BytesIO(answer.body)).size == (64, 48)
    assert served.get("/thumbnail/" + 64 * "0").status == 404


def test_an_original_is_its_exact_bytes_and_may_do_nothing(served: Served) -> None:
    """By its content; its type is what it is, and as a page it would be sandboxed."""
    answer = served.get(f"/original/{photo_at(served, '05.jpg')}")
    assert answer.body == (served.album / "05.jpg").read_bytes()
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_a_browser_cannot_show_is_drawn_again(served: Served) -> None:
    """A TIFF comes as a JPEG of its size."""
    answer = served.get(f"/original/{photo_at(served, '41.tif')}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.body[:3] == b"\xff\xd8\xff"
    assert Image.open(io.BytesIO(answer.body)).size == (64, 48)


def test_a_file_that_is_another_one_now_is_not_served(own: Served) -> None:
    """Replaced, made a link to a secret, gone: the kept thumbnail comes instead. Touched only: still the original."""
    secret = own.library.parent / "secret.jpg"
    secret.write_bytes(picture(HUES[0], 901))
    photos = {name: photo_at(own, f"{name}.jpg") for name in ("05", "06", "07", "08")}
    whole = (own.album / "08.jpg").read_bytes()
    put(own.album, b"05.jpg", picture(HUES[0], 900))
    (own.album / "06.jpg").unlink()
    (own.album / "06.jpg").symlink_to(secret)
    (own.album / "07.jpg").unlink()
    os.utime(own.album / "08.jpg")
    for name in ("05", "06", "07"):
        answer = own.get(f"/original/{photos[name]}")
        assert answer.body == own.get(f"/thumbnail/{photos[name]}").body, name
    assert own.get(f"/original/{photos['08']}").body == whole
    assert "not there now" in own.get(f"/photo/{photos['07']}").text


def test_a_name_is_given_and_kept(own: Served) -> None:
    """As text, whatever it holds; an empty one, an unknown cluster and what is no form are refused."""
    answer = own.form("/cluster/c2/name", b"name=%3Cb%3E+%26+%F0%9F%8C%8B+%22x%22")
    assert (answer.status, answer.headers["location"]) == (303, "/cluster/c2")
    assert Seen(own.get("/cluster/c2").text).text.count('<b> & 🌋 "x"') >= 1
    with own.opener().open() as library:
        assert library.cluster("c2").entry.name == '<b> & 🌋 "x"'
    assert own.form("/cluster/c2/name", b"name=+").status == 400
    assert own.form("/cluster/c99/name", b"name=x").status == 404
    assert own.form("/cluster/c2/name", b"name=%ff").status == 400
    assert own.post("/cluster/c2/name", b"name=x").status == 400
    assert own.form("/cluster/c2/name", b"name=" + (_MOST_FORM_BYTES + 1) * b"x").status == 413
    with own.opener().open() as library:
        assert library.cluster("c2").entry.name == '<b> & 🌋 "x"'


def test_proposed_names_are_answered_where_they_are_shown(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the front page one by one, narrowed as it is, or all that are shown; on a cluster's own page for that one."""
    answers = propose(monkeypatch)
    front = own.get("/?since=2001").text
    assert "2</b> names are proposed" in front
    assert Seen(front).values("form", "action").count("/names?since=2001") == 3
    assert "~\xa0beach, proposed by vecclust, not yet yours" in Seen(front).text
    answer = own.form("/names?since=2001&folder=%2Fa%20b%2F%C3%A9%26x", b"clusters=c2&do=refuse")
    assert (answer.status, answer.headers["location"]) == (303, "/?since=2001&folder=%2Fa+b%2F%C3%A9%26x#c2")
    answer = own.form("/names", b"clusters=c2&do=accept&from=c2")
    assert (answer.status, answer.headers["location"]) == (303, "/cluster/c2")
    page = own.get("/cluster/c2").text
    assert "proposed by vecclust" not in page.partition('<aside aria-labelledby="related">')[0].partition("<h1>")[2]
    assert "Rename" in page
    assert own.form("/names", b"clusters=c2+c3&do=accept").headers["location"] == "/"
    assert answers == [("refuse", ("c2",)), ("accept", ("c2",)), ("accept", ("c2", "c3"))]
    assert "not yet yours" not in own.get("/").text


def test_words_of_clusters_are_suggested_and_lead_to_them(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each once, on every page with a field to search; an answer links to the clusters that its words mean."""
    propose(monkeypatch)
    for page in ("/", "/runs", "/search?q=red"):
        suggested = (
            Seen(own.get(page).text).values("datalist", "id"),
            Seen(own.get(page).text).values("option", "value"),
        )
        assert suggested[0] == ["suggestions"]
        assert suggested[1][:4] == [CLUSTER_NAME, "beach", "sea", "palm tree"]
    found = re.search(r'<nav class="meant".*?</nav>', own.get("/search?q=red").text, re.DOTALL)
    assert found is not None
    assert Seen(found[0]).values("a", "href") == ["/cluster/c2"]


def test_photos_are_moved_pinned_split_off_and_let_go(own: Served) -> None:
    """By the forms of the pages, each ends where the photos are, and the history of a cluster takes a word back."""
    one, two, three = photos_of(own, "/cluster/c2")[:3]

    def post(form: str) -> str:
        answer = own.form("/photos", form.encode())
        assert answer.status == 303, answer.text
        return answer.headers["location"]

    def home(photo: str) -> tuple[str | None, str]:
        with own.opener().open() as library:
            label = library._store.label(photo)
            assert label is not None
            return label.cluster, label.assigned_by

    assert post(f"from=c2&do=move&to=c1&name=&photo={one}&photo={two}") == "/cluster/c2"
    assert home(one) == home(two) == ("c1", "owner")
    assert "by you" in own.get(f"/photo/{one}").text
    assert post(f"back={one}&do=unpin&photo={one}") == f"/photo/{one}"
    assert home(one) == ("c2", "fit")
    assert post(f"from=c2&do=pin&to=&photo={one}") == "/cluster/c2"
    assert post(f"from=c2&do=move&to=unclustered&photo={three}") == "/cluster/c2"
    assert home(three) == (None, "owner")
    assert three in photos_of(own, "/unclustered")
    assert post(f"from=unclustered&do=unpin&photo={three}") == "/unclustered"
    split = post(f"from=c2&do=split-off&name=%3Cb%3EAsh&photo={one}&photo={three}")
    assert split == "/cluster/c4"
    page = own.get(split).text
    assert "<b>Ash" in Seen(page).text
    assert set(photos_of(own, split)[:2]) == {one, three}
    (back,) = {action for action in Seen(page).values("form", "action") if action.endswith("/back")}
    assert own.form(back, b"from=c4").headers["location"] == "/"
    assert (home(one), home(three)) == (("c2", "owner"), ("c2", "fit"))


def test_clusters_are_merged_and_kept_apart(own: Served) -> None:
    """The first keeps its id; the same words through the history undo it."""
    assert own.form("/cluster/c2/merge", b"do=merge&other=c3").headers["location"] == "/cluster/c2"
    assert len([link for link in Seen(own.get("/cluster/c2").text).values("input", "value") if len(link) == 64]) == 28
    assert own.get("/cluster/c3").status == 404
    assert own.form("/words/w2/back", b"from=c2").headers["location"] == "/cluster/c2"
    assert own.get("/cluster/c3").status == 200
    assert own.form("/cluster/c2/merge", b"do=not-together&other=c3").status == 303
    with own.opener().open() as library:
        assert [entry.text for entry in library.edits()][1:] == ["not-together c2 c3"]


def test_what_the_owner_should_know_of_a_change_is_on_the_page_after_it(own: Served) -> None:
    """As text, there and nowhere else."""
    own.form("/cluster/c3/name", b"name=<b>Lagoon</b>")
    after = own.form("/cluster/c2/merge", b"do=merge&other=c3").headers["location"]
    assert re.fullmatch(r"/cluster/c2\?told=[0-9]+", after)
    page = own.get(after).text
    assert "c3 was “&lt;b&gt;Lagoon&lt;/b&gt;”, c2 has no name" in page
    assert 'class="notices"' not in own.get("/cluster/c2").text
    for other in ("0", "99", "²", "1" * 20, "x"):
        assert 'class="notices"' not in own.get(f"/cluster/c2?told={quote(other)}").text


@pytest.mark.parametrize(
    ("target", "form", "status"),
    [
        ("/names", "do=accept", 400),
        ("/names", "do=keep&clusters=c1", 400),
        ("/names", "do=accept&clusters=beach", 400),
        ("/names", "do=accept&clusters=c1&clusters=c2", 400),
        ("/names", "do=accept&clusters=c99", 404),
        ("/photos", "do=move&to=c1", 400),
        ("/photos", "do=move&to=&photo=PHOTO", 400),
        ("/photos", "do=move&to=c99&photo=PHOTO", 404),
        ("/photos", "do=rename&to=c1&photo=PHOTO", 400),
        ("/photos", "do=pin&do=move&to=c1&photo=PHOTO", 400),
        ("/photos", "do=pin&photo=../../etc/passwd", 400),
        ("/photos", "do=pin&photo=" + 64 * "0", 404),
        ("/photos", "do=split-off&from=c1&photo=PHOTO", 400),
        ("/cluster/c2/merge", "do=merge&other=", 400),
        ("/cluster/c2/merge", "do=merge&other=c2", 400),
        ("/cluster/c2/merge", "do=merge&other=Lagoon", 400),
        ("/cluster/c99/merge", "do=merge&other=c2", 404),
        ("/words/w99/back", "from=c1", 404),
        ("/words/x/back", "from=c1", 400),
    ],
)
def test_what_no_page_sends_is_refused(served: Served, target: str, form: str, status: int) -> None:
    """With a page that says why, and nothing is said."""
    filled = form.replace("PHOTO", photos_of(served, "/cluster/c2")[0])
    assert served.form(target, filled.encode()).status == status
    with served.opener().open() as library:
        assert [entry.kind for entry in library.edits()] == ["rename"]


def test_a_change_is_refused_while_another_writer_holds_the_library(own: Served) -> None:
    """The page says who it is, as JSON where that is asked for, and nothing has changed."""
    with own.opener().open(write=True):
        for answer in (
            own.form("/cluster/c2/name", b"name=x"),
            own.form("/cluster/c2/merge", b"do=merge&other=c1"),
            own.form("/photos", f"do=pin&photo={photos_of(own, '/cluster/c2')[0]}".encode()),
            own.post("/runs/r1/current"),
        ):
            assert answer.status == 409
            assert "is being written by process" in Seen(answer.text).text
        said = own.post("/runs/r1/current", Accept="application/json").json()
        assert said["error"]["kind"] == "locked"
        assert own.get("/").status == 200
    with own.opener().open() as library:
        assert library.cluster("c2").entry.name is None


def test_a_refit_is_shown_first_and_adopted_as_shown(own: Served) -> None:
    """Numbers before, the same after; the run before it can be gone back to."""
    assert own.post("/fit").headers["location"] == "/runs"
    shown = own.until("/runs", "This is what would change")
    assert "would move" in shown
    assert "r2" not in Seen(shown).text
    with own.opener().open() as library:
        assert library.runs()[1] == "r1"
    assert own.post("/fit/adopt").status == 303
    assert "r2 is the current run" in own.get("/runs").text
    assert "· from nothing ·" in own.get("/runs").text
    with own.opener().open() as library:
        assert library.runs()[1] == "r2"
        assert library.cluster("c1").entry.name == CLUSTER_NAME
    assert own.post("/runs/r1/current").headers["location"] == "/runs"
    with own.opener().open() as library:
        assert library.runs()[1] == "r1"
    assert own.post("/runs/r9/current").status == 404


def test_a_refit_stays_proposed_while_another_writer_is_at_work(own: Served) -> None:
    """And can be forgotten; there is nothing to adopt then."""
    before = set(Path(tempfile.gettempdir()).glob("vecclust-fit-*"))
    assert own.post("/fit/adopt").status == 400
    own.post("/fit")
    assert own.post("/fit").status == 400
    own.until("/runs", "This is what would change")
    with own.opener().open(write=True):
        assert own.post("/fit/adopt").status == 409
    assert "This is what would change" in own.get("/runs").text
    own.post("/fit/forget")
    assert own.post("/fit/adopt").status == 400
    assert set(Path(tempfile.gettempdir()).glob("vecclust-fit-*")) == before


def test_a_refit_that_fails_says_why(tmp_path: Path) -> None:
    """An empty library has nothing to fit."""
    (tmp_path / "album").mkdir()
    TestOpener(tmp_path / "library").open(write=True).close()
    with serving(tmp_path) as empty:
        empty.post("/fit")
        assert "no photos yet" in empty.until("/runs", "That did not work")
        assert "no photos yet" in empty.get("/").text
        assert empty.get("/map").status == 200
        assert empty.get("/search?q=red").status == 404


def events(served: Served) -> Iterator[tuple[str, dict[str, object]]]:
    """Listen to a stream of events."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    connection.request("GET", "/events", headers={"Cookie": served.cookie})
    response = connection.getresponse()
    assert response.headers["content-type"].startswith("text/event-stream")
    name = ""
    try:
        while line := response.readline().decode().strip("\n"):
            if line.startswith("event: "):
                name = line[7:]
                yield name, json.loads(response.readline()[6:])
                response.readline()
    finally:
        connection.close()


def test_an_import_and_a_refit_are_heard_as_they_happen(own: Served) -> None:
    """Photos that another process brings in, and each state of a fit, on one stream."""
    heard = events(own)
    first = next(event for name, event in heard if name == "status")
    assert (first["photos"], first["clusters"], first["run"], first["writer"]) == (42, 3, "r1", "")
    put(own.album, b"new.jpg", picture(HUES[0], 99))
    with own.opener().open(write=True) as library:
        library.scan()
    grown = next(event for name, event in heard if name == "status" and event["photos"] == 43)
    assert grown["stamp"] != first["stamp"]
    own.post("/fit")
    states = []
    for name, event in heard:
        if name == "fit" and (not states or states[-1] != event["state"]):
            states.append(event["state"])
        if states and states[-1] == "proposed":
            break
    assert [state for state in states if state != "idle"] == ["fitting", "proposed"]
    assert (
        "new.jpg" in Seen(own.get("/cluster/c1").text + own.get("/cluster/c2").text + own.get("/cluster/c3").text).text
    )


@pytest.fixture
def trip(own: Served) -> Served:
    """A server whose library has three red photos more, of two days in June 2023, in a folder of their own."""
    folder = own.album / "trip & <b>"
    folder.mkdir()
    for number, name in enumerate((b"IMG_20230615_080000", b"IMG_20230615_235959", b"IMG_20230616_000000")):
        put(folder, name + b".jpg", picture(HUES[0], 700 + number))
    with own.opener().open(write=True) as library:
        library.scan()
    return own


def red_cluster(served: Served) -> str:
    """Give the id of the cluster of the three."""
    with served.opener().open() as library:
        return str(library.photo(served.album / "trip & <b>" / "IMG_20230616_000000.jpg").cluster)


def names_on(served: Served, page: str) -> set[str]:
    """Give the names of the photos on a page."""
    return set(re.findall(r'class="name">([^<]*)<', served.get(page).text))


def test_a_cluster_says_what_it_is_made_of(trip: Served) -> None:
    """What has no date has nothing to say; counted anew when a photo has come."""
    red = red_cluster(trip)
    said = "Taken 2023 (as far as is known of 3 of 17)."
    assert said in Seen(trip.get(f"/cluster/{red}").text).text
    assert said in Seen(trip.get(f"/cluster/{red}").text).text
    assert "Taken" not in Seen(trip.get(f"/cluster/{next(c for c in ('c1', 'c2', 'c3') if c != red)}").text).text
    put(trip.album, b"IMG_20240615_080000.jpg", picture(HUES[0], 710))
    with trip.opener().open(write=True) as library:
        library.scan()
    said = "Taken 2023 – 2024 (as far as is known of 4 of 18)."  # noqa: RUF001 -- a span's own dash
    assert said in Seen(trip.get(f"/cluster/{red}").text).text


def test_pages_are_narrowed_by_date_folder_and_cluster(trip: Served) -> None:
    """The address carries it from the front page to a cluster's, by the clock on the wall; a search takes all three."""
    red, days = red_cluster(trip), {f"IMG_20230615_{clock}.jpg" for clock in ("080000", "235959")}
    folder = quote(str(trip.album / "trip & <b>"))
    front = Seen(trip.get("/?since=2023&until=2023-06").text)
    (card,) = [of for _, of in front.elements if of.get("class") == "card"]
    assert card["href"] == f"/cluster/{red}?since=2023&until=2023-06"
    assert "3 photos fit." in front.text
    assert len(names_on(trip, card["href"])) == 3
    assert names_on(trip, f"/cluster/{red}?since=2023-06-15&until=2023-06-15") == days
    assert len(names_on(trip, f"/cluster/{red}?folder={folder}")) == 3
    assert names_on(trip, f"/search?q=red&folder={folder}&until=2023-06-15&cluster={red}") == days
    assert names_on(trip, f"/search?q=red&folder={folder}&cluster=unclustered") == set()
    assert names_on(trip, "/unclustered?since=2023") == set()
    kept = Seen(trip.get(f"/search?q=red&folder={folder}&until=2023-06-15&cluster={red}").text)
    chosen = [of["value"] for tag, of in kept.elements if tag == "option" and "selected" in of]
    assert chosen == [str(trip.album / "trip & <b>"), red]
    assert {"red", "2023-06-15"} <= set(kept.values("input", "value"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("since=2023&until=2022", "Nothing is both since 2023-01-01 and until 2022-12-31."),
        ("since=2030", "No photo fits"),
        ("since=2023-02-30", "That is no date: there is no such day"),
        ("until=%22%3E%3Cscript%3E", "That is no date"),
        ("folder=/nowhere", "/nowhere was never scanned."),
        ("folder=album", "That is no folder."),
        ("folder=/a%00b", "That is no folder."),
        ("folder=/a%ff%0Ab", "was never scanned."),
    ],
)
def test_what_nothing_fits_is_said_on_the_page(trip: Served, asked: str, said: str) -> None:
    """On each of them, with the form as it was filled in, and without a photo."""
    for page in ("/?", f"/cluster/{red_cluster(trip)}?", "/unclustered?", "/search?q=red&"):
        answer = trip.get(page + asked)
        found = Seen(answer.text)
        assert answer.status == 200
        assert said in found.text
        assert not [of for tag, of in found.elements if tag == "figure" or of.get("class") == "card"]
        assert found.values("script", "src") == ["/asset/live.js"]
    assert "There is no such cluster." in Seen(trip.get("/search?q=red&cluster=%3Cb%3E").text).text


def test_pages_of_photos_carry_on_what_they_are_limited_to(trip: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster cut into pages: each photo that fits stands on exactly one."""
    for module in (gallery, app):
        monkeypatch.setattr(module, "PHOTOS_ON_A_PAGE", 2)
    first = f"/cluster/{red_cluster(trip)}?since=2023"
    links = [link for link in Seen(trip.get(first).text).values("a", "href") if "page=2" in link]
    assert set(links) == {f"/cluster/{red_cluster(trip)}?page=2&since=2023"}
    assert len(names_on(trip, first) | names_on(trip, links[0])) == 3
    assert trip.get(first + "&page=3").status == 404


def lights(served: Served, *, n_photos: int, light: str) -> tuple[object, object]:
    """Listen until so many photos are there and the light is this one; give the faults and remarks said with it."""
    wanted = {"photos": n_photos, "light": light}
    heard = next(event for name, event in events(served) if name == "status" and wanted.items() <= event.items())
    return heard["faults"], heard["remarks"]


def test_the_light_is_red_only_for_what_waits_for_the_owner(own: Served) -> None:
    """All is well while photos come in; an unreadable file is worth a look; a folder that has gone is a fault."""
    assert lights(own, n_photos=42, light="ok") == ([], [])
    put(own.album, b"new.jpg", picture(HUES[0], 99))
    with own.opener().open(write=True) as library:
        library.scan()
        assert lights(own, n_photos=43, light="ok") == ([], [])
        put(own.album, b"no picture.jpg", b"no picture")
        library.scan()
    named = "1 file could not be read, or only in part: vecclust problems lists them"
    assert lights(own, n_photos=43, light="look") == ([], [named])
    own.album.rename(own.album.with_name("elsewhere"))
    with own.opener().open(write=True) as library:
        library.scan()
    gone = f"{own.album}: the folder is not there or cannot be read; nothing of it is removed"
    assert lights(own, n_photos=43, light="fault") == ([gone], [named])


def test_a_dropped_picture_finds_its_like_and_leaves_nothing_behind(served: Served) -> None:
    """One of the library's own bytes leaves that photo out; a fresh one is embedded; its picture is shown."""
    before = set(Path(tempfile.gettempdir()).glob("vecclust-dropped-*"))
    own_bytes = (served.album / "05.jpg").read_bytes()
    page = served.post("/dropped", own_bytes).json()["page"]
    assert photos_of(served, page)[:24] == photos_of(served, f"/photo/{photo_at(served, '05.jpg')}")
    page = served.post("/dropped", picture(HUES[1], 500)).json()["page"]
    green = {photo_at(served, f"{number:02}.jpg") for number in range(7, 41, 3)}
    assert green <= set(photos_of(served, page)[:14])
    shown = served.get(f"{page}/picture")
    assert Image.open(io.BytesIO(shown.body)).size == (64, 48)
    assert set(Path(tempfile.gettempdir()).glob("vecclust-dropped-*")) == before


def bomb() -> bytes:
    """A small PNG that says it has 900 megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (30_000).to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 422, "is empty"),
        (b"no picture at all", 422, "not a picture"),
        (b"<!doctype html><script>alert(1)</script>", 422, "web page"),
        (picture(HUES[0], 1)[:500], 422, "missing"),
        (bomb(), 413, "megapixels"),
        ((1 << 20) * b"x" + b"x", 413, "the picture has more than the 1 MB"),
    ],
    ids=["nothing", "text", "a page", "half", "a bomb", "too long"],
)
def test_what_is_no_picture_is_refused_with_a_reason(served: Served, body: bytes, status: int, said: str) -> None:
    """Bytes and pixels are limited; the file it was in is gone."""
    before = set(Path(tempfile.gettempdir()).glob("vecclust-dropped-*"))
    answer = served.post("/dropped", body, Accept="application/json")
    assert (answer.status, said in answer.json()["error"]["message"]) == (status, True), answer.text
    assert set(Path(tempfile.gettempdir()).glob("vecclust-dropped-*")) == before


def test_a_body_longer_than_it_says_is_cut_off(served: Served) -> None:
    """In chunks nobody has announced."""
    chunk = b"10000\r\n" + 0x10000 * b"x" + b"\r\n"
    answer = served.post("/dropped", 20 * chunk + b"0\r\n\r\n", Transfer_Encoding="chunked", Accept="application/json")
    assert (answer.status, "the picture has more than the 1 MB" in answer.text) == (413, True)


def test_old_answers_are_let_go(served: Served) -> None:
    """Only the last few are kept in memory; an older address says what to do."""
    drops = (served.post("/dropped", picture(HUES[0], 600 + number)) for number in range(dropped.N_KEPT + 1))
    pages = [drop.json()["page"] for drop in drops]
    assert [served.get(page).status for page in pages] == [404, *dropped.N_KEPT * [200]]


def test_the_map_is_drawn_from_kept_places_and_its_sheets_are_served(served: Served) -> None:
    """Laid out once by a process of its own; pictures come as sheets of this map alone."""
    page = served.until("/map", 'id="positions"')
    facts = json.loads(page.partition('id="facts">')[2].partition("</script>")[0])
    assert len(facts["names"]) == 42
    sheet = served.get(f"{facts['sheets']}0.webp")
    assert sheet.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(sheet.body)).width == facts["columns"] * facts["cell"]
    assert served.get(f"{facts['sheets']}1.webp").status == 404
    assert served.get("/map/sheet/other/0.webp").status == 404


def test_the_api_is_offered_beside_the_pages(served: Served) -> None:
    """The verbs of the daemon's own, to who holds the key: read, changed, refused; nobody else hears a word."""
    assert set(served.get("/api/v1").json()["verbs"]) == set(VERBS)
    asked = json.dumps({"arguments": {"text": "green", "limit": 2}}).encode()
    found = served.post("/api/v1/search", asked, Content_Type="application/json").json()["result"]
    assert len(found["results"]) == 2
    named = json.dumps({"arguments": {"cluster": "c3", "name": "Meadow"}}).encode()
    assert served.post("/api/v1/rename", named, Content_Type="application/json").json()["result"]["name"] == "Meadow"
    refused = served.post("/api/v1/cluster", json.dumps({"arguments": {"cluster": "c99"}}).encode())
    assert (refused.status, refused.json()["error"]["kind"]) == (404, "not_found")
    assert served.post("/api/v1/cluster", b"{}").status == 400
    assert (
        served.ask("POST", "/api/v1/search", {"Host": served.host, "Origin": served.origin}, body=asked).status == 401
    )
