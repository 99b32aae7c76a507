"""Pages as text: every name is text, nothing is asked of anybody, and only what is ours is written over."""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest

from tests.exports.views import (
    FOLDER,
    HOSTILE_CLUSTERS,
    HOSTILE_NAMES,
    LONG_WORD,
    RUN,
    gallery,
    key_of,
    scattered,
    thumbnails,
    worded_gallery,
    worded_map,
)
from vecclust.errors import UsageError
from vecclust.exports import colours
from vecclust.exports.gallery import write_gallery
from vecclust.exports.html import template_source
from vecclust.exports.map import write_map
from vecclust.exports.output import MANIFEST, new_folder
from vecclust.exports.text import plain, span
from vecclust.types.pages import GalleryView

TEMPLATES = Path(colours.__file__).parent / "templates"


class Seen(HTMLParser):
    """A page as a browser reads it: its elements, its text, what its scripts hold."""

    def __init__(self, page: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.source = page.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Take note of an element."""
        self.elements.append((tag, {name: value or "" for name, value in attributes}))

    def handle_data(self, data: str) -> None:
        """Take note of text."""
        self.text += data

    def values(self, attribute: str) -> list[str]:
        """Give all values of an attribute."""
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]

    def count(self, tag: str) -> int:
        """Count elements."""
        return sum(one == tag for one, _ in self.elements)


def facts_of(page: Path) -> dict[str, object]:
    """Read the facts in a map."""
    found = re.search(r'<script type="application/json" id="facts">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def array_of(page: Path, name: str, kind: str) -> np.ndarray:
    """Read a packed array in a map."""
    found = re.search(rf'id="{name}">([^<]*)<', page.read_text())
    assert found is not None
    return np.frombuffer(base64.b64decode(found[1]), kind)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery and a map of photos and clusters with hostile names."""
    folder = tmp_path_factory.mktemp("pages")
    write_gallery(gallery(), folder / "gallery", thumbnails=thumbnails)
    write_map(scattered(), folder / "map.html", thumbnails=thumbnails)
    return folder


def test_hostile_names_are_text_in_the_gallery(shown: Path) -> None:
    """No name makes an element, an attribute or a comment, and each can be read on its page."""
    text = ""
    for page in (shown / "gallery").glob("*.html"):
        seen = Seen(page)
        text += seen.text
        assert seen.count("script") == 0
        assert not [name for _, attributes in seen.elements for name in attributes if name.startswith("on")]
        assert all(source.startswith("data:image/") for source in seen.values("src"))
    for name in HOSTILE_NAMES:
        assert plain(name) in text
    for name in HOSTILE_CLUSTERS:
        assert plain(name) in text


def test_hostile_names_are_text_in_the_map(shown: Path) -> None:
    """The page has the elements of its template and no more; the names lie in its facts as they are."""
    page = shown / "map.html"
    quiet = page.with_name("quiet.html")
    write_map(scattered(), quiet, thumbnails=thumbnails, names=False)
    assert [tag for tag, _ in Seen(page).elements] == [tag for tag, _ in Seen(quiet).elements]
    held = page.read_text().partition('id="facts">')[2].partition("</script>")[0]
    assert not set(held) & set("<>")  # what could end the element, or begin a comment in it
    facts = facts_of(page)
    assert [cluster["title"] for cluster in facts["clusters"]] == [plain(name) for name in HOSTILE_CLUSTERS]  # type: ignore[attr-defined]
    assert facts["names"][0][1] == f"0{HOSTILE_NAMES[0]}"  # type: ignore[index]


def test_no_page_names_an_address_on_any_network(shown: Path) -> None:
    """Neither the pages nor the templates hold one; the policy forbids what they might be made to ask."""
    for page in shown.rglob("*.html"):
        source = page.read_text(encoding="utf-8")
        assert not re.search(r"(https?|wss?|ftp):|[\"'(]//", source)
        assert "default-src 'none'" in source
        assert "@import" not in source
    for template in TEMPLATES.iterdir():
        assert not re.search(
            r"https?:|fetch\(|XMLHttpRequest|WebSocket|sendBeacon|innerHTML|eval\(", template.read_text()
        )


def test_links_are_the_exact_bytes_of_the_path(shown: Path) -> None:
    """Also where a name is not UTF-8, or holds what an address gives a meaning of its own."""
    links = [link for page in (shown / "gallery").glob("*.html") for link in Seen(page).values("href")]
    found = {unquote_to_bytes(link.removeprefix("file://")) for link in links if link.startswith("file://")}
    assert found == {os.fsencode(one.path) for one in scattered().photos if one.path is not None}
    assert all(re.fullmatch(r"file:///[A-Za-z0-9/_.~%-]+", link) for link in links if link.startswith("file:"))
    facts = facts_of(shown / "map.html")
    row = facts["names"][4]  # type: ignore[index]
    assert unquote_to_bytes(f"{facts['folders'][row[0]]}/{row[2]}") == os.fsencode(  # type: ignore[index]
        f"file://{FOLDER}/4{HOSTILE_NAMES[4]}"
    )


def test_links_between_pages_lead_somewhere(shown: Path) -> None:
    """Every page a page links to was written."""
    for page in (shown / "gallery").glob("*.html"):
        for link in Seen(page).values("href"):
            assert link.startswith(("file://", "#")) or (page.parent / link).is_file()


def sibling_links(page: Path) -> list[str]:
    """Give the links to gallery or map that can be seen on a page."""
    found = [of for tag, of in Seen(page).elements if tag == "a" and of.get("class") == "to-sibling"]
    assert found, f"{page} has no place for such a link"
    return [of["href"] for of in found if "hidden" not in of]


@pytest.mark.parametrize("order", [("gallery", "map"), ("map", "gallery")], ids="-".join)
def test_gallery_and_map_lead_to_one_another_whichever_is_first(tmp_path: Path, order: tuple[str, str]) -> None:
    """A cluster to its place and back; the one that is there already is told of the other; odd names are addresses."""
    folder, page = tmp_path / 'a #gallery%20 "', tmp_path / "a:map & more?.html"
    for at, what in enumerate(order):
        if what == "gallery":
            write_gallery(replace(gallery(), library="one"), folder, thumbnails=thumbnails)
        else:
            write_map(replace(scattered(), library="one"), page, thumbnails=thumbnails)
        if at == 0:
            assert not any(sibling_links(one) for one in tmp_path.rglob("*.html")), "there is no other yet"
    to_map, to_gallery = "../a%3Amap%20%26%20more%3F.html", "a%20%23gallery%2520%20%22/index.html"
    assert sibling_links(page) == [to_gallery]
    assert sibling_links(folder / "index.html") == [f"{to_map}#"]
    assert sibling_links(folder / "c2.html") == [f"{to_map}#c2", f"{to_map}#c2"]
    for link in (to_map, to_gallery):
        start = folder if link == to_map else tmp_path
        assert (start / os.fsdecode(unquote_to_bytes(link))).is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([folder.name, page.name])
    write_gallery(replace(gallery(), library="one"), folder, thumbnails=thumbnails)  # still a gallery of ours


def test_pages_of_another_library_or_without_names_are_not_led_to(tmp_path: Path) -> None:
    """Nor what is no map, however it is called; a page to share leads to no page with names."""
    (tmp_path / "mine.html").write_text("<p>mine")
    (tmp_path / "photos").mkdir()
    write_map(replace(scattered(), library="other"), tmp_path / "other.html", thumbnails=thumbnails)
    write_map(replace(scattered(), library="one"), tmp_path / "named.html", thumbnails=thumbnails)
    write_map(scattered(), tmp_path / "unknown.html", thumbnails=thumbnails)
    share = replace(gallery(), library="one")
    write_gallery(share, tmp_path / "share", thumbnails=thumbnails, names=False)
    write_gallery(gallery(), tmp_path / "before the first run", thumbnails=thumbnails)
    assert not any(sibling_links(page) for page in tmp_path.rglob("*.html") if page.name != "mine.html")
    write_map(replace(scattered(), library="one"), tmp_path / "quiet.html", thumbnails=thumbnails, names=False)
    assert sibling_links(tmp_path / "share" / "c1.html") == ["../quiet.html#c1"] * 2
    assert sibling_links(tmp_path / "quiet.html") == ["share/index.html"]
    assert sibling_links(tmp_path / "named.html") == []
    assert (tmp_path / "mine.html").read_text() == "<p>mine"


def test_pages_to_share_hold_no_name_and_no_path(tmp_path: Path) -> None:
    """Neither names of files and clusters, nor folders, nor the hashes by which a file could be recognised."""
    write_gallery(gallery(), tmp_path / "gallery", thumbnails=thumbnails, names=False)
    write_map(scattered(), tmp_path / "map.html", thumbnails=thumbnails, names=False)
    for page in tmp_path.rglob("*.html"):
        seen = Seen(page)
        held = seen.source + seen.text + "".join(map(str, seen.elements))
        for secret in ("alert", ".jpg", "folder &", "photos/", "file://", "UTF-8.", "Eyja", key_of(1)):
            if page.name == "map.html" and secret == "file://":
                continue  # the script's own, to be joined with an address there is none of
            assert secret not in held, (page, secret)
    assert facts_of(tmp_path / "map.html")["names"] is None
    assert "img-src data: file:" not in (tmp_path / "map.html").read_text()


def test_a_proposed_name_is_told_from_one_that_its_owner_gave(tmp_path: Path) -> None:
    """By a tilde, by a title and in what is read aloud; further words stand below either, as text."""
    write_gallery(worded_gallery(), tmp_path / "g", thumbnails=thumbnails)
    front = Seen(tmp_path / "g" / "index.html")
    proposed = [attributes for _, attributes in front.elements if "proposed" in attributes.get("class", "").split()]
    assert [one["title"] for one in proposed] == 4 * ["Proposed by vecclust, not yet yours"]
    assert "~\xa0beach, proposed by vecclust, not yet yours" in front.text
    assert "Also: sea, palm tree" in front.text
    assert "Also: <b>harbour</b>" in front.text
    named = front.text.index("Grandma's garden")
    assert "proposed" not in front.text[named : front.text.index("beach")]
    for name, title in (("c1", "Grandma's garden"), ("c2", "~ beach"), ("c3", "c3")):
        assert Seen(tmp_path / "g" / f"{name}.html").text.strip().startswith(f"{title} · vecclust")
    write_map(worded_map(), tmp_path / "map.html", thumbnails=thumbnails)
    first, second, third = facts_of(tmp_path / "map.html")["clusters"]  # type: ignore[misc]
    assert (first["title"], first["proposed"], first["tags"]) == ("Grandma's garden", False, ["lawn", "Aunt Minna"])
    assert (second["title"], second["proposed"], second["tags"]) == ("beach", True, ["sea", "palm tree"])
    assert (third["title"], third["proposed"], third["tags"]) == ("c3", False, [])
    assert "~ beach (sea, palm tree)" in Seen(tmp_path / "map.html").text


def test_words_of_another_language_say_which(tmp_path: Path) -> None:
    """Those that are proposed and the tags; not what the owner wrote, nor words in the language of the pages."""
    in_german = worded_gallery()
    in_german = replace(
        in_german,
        clusters=tuple(replace(one, entry=replace(one.entry, language="de")) for one in in_german.clusters),
    )
    write_gallery(in_german, tmp_path / "g", thumbnails=thumbnails)
    page = (tmp_path / "g" / "index.html").read_text(encoding="utf-8")
    said = re.findall(r'<span lang="(\w+)">([^<]*)</span>', page)
    tags = ["sea, palm tree", 2 * LONG_WORD, "棕榈树, 海浪", "&lt;b&gt;harbour&lt;/b&gt;"]
    assert said == [("de", one) for one in ("beach", tags[0], LONG_WORD, tags[1], "海滩日落", *tags[2:])]
    write_gallery(worded_gallery(), tmp_path / "english", thumbnails=thumbnails)
    assert "<span lang" not in (tmp_path / "english" / "index.html").read_text(encoding="utf-8")
    in_spanish = worded_map()
    in_spanish = replace(in_spanish, clusters=tuple(replace(one, language="es") for one in in_spanish.clusters))
    write_map(in_spanish, tmp_path / "map.html", thumbnails=thumbnails)
    told = [(one["nameLanguage"], one["tagsLanguage"]) for one in facts_of(tmp_path / "map.html")["clusters"]]  # type: ignore[attr-defined]
    assert told == [("", ""), ("es", "es"), ("", "")]
    assert '<span lang="es">beach</span> (<span lang="es">sea, palm tree</span>)' in (tmp_path / "map.html").read_text()


@pytest.mark.parametrize("names", [True, False])
def test_a_cluster_says_what_it_is_made_of(tmp_path: Path, names: bool) -> None:
    """In the words of the command line, names or not, and nothing where there is nothing to say."""
    write_gallery(gallery(), tmp_path / "gallery", thumbnails=thumbnails, names=names)
    said = "Taken 2021 – 2022, mostly 2021, September to November, mostly in the afternoon"  # noqa: RUF001 -- a span's own dash
    assert said in Seen(tmp_path / "gallery" / "c1.html").text
    assert "4 photos, 1 document and 1 screenshot; 3 in a burst." in Seen(tmp_path / "gallery" / "c1.html").text
    assert "Taken" not in Seen(tmp_path / "gallery" / "c2.html").text


def test_pages_to_share_keep_words_that_are_everybodys(tmp_path: Path) -> None:
    """Those of the shipped vocabulary, for clusters that the owner named too; nothing that the owner wrote anywhere."""
    write_gallery(worded_gallery(), tmp_path / "gallery", thumbnails=thumbnails, names=False)
    write_map(worded_map(), tmp_path / "map.html", thumbnails=thumbnails, names=False)
    for page in tmp_path.rglob("*.html"):
        for secret in ("Grandma", "Aunt Minna", "our boat"):
            assert secret not in page.read_text(), (page, secret)
    front = Seen(tmp_path / "gallery" / "index.html").text
    assert "~\xa0rose garden" in front
    assert "Also: lawn" in front
    assert "~\xa0beach" in front
    first, second, third = facts_of(tmp_path / "map.html")["clusters"]  # type: ignore[misc]
    assert [(one["title"], one["proposed"]) for one in (first, second, third)] == [
        ("rose garden", True),
        ("beach", True),
        ("c3", False),
    ]


@pytest.mark.parametrize("n_photos", [0, 1, 2, 3, 10])
@pytest.mark.parametrize("n_clusters", [0, 1])
def test_small_libraries_give_pages(tmp_path: Path, n_photos: int, n_clusters: int) -> None:
    """No photo, one, two; no cluster."""
    n_clusters = min(n_clusters, n_photos)
    report = write_gallery(gallery(n_photos=n_photos, n_clusters=n_clusters), tmp_path / "g", thumbnails=thumbnails)
    assert (report.photos, report.clusters, report.files) == (n_photos, n_clusters, n_clusters + 2)
    report = write_map(
        scattered(n_photos=n_photos, n_clusters=n_clusters), tmp_path / "map.html", thumbnails=thumbnails
    )
    assert (report.photos, report.clusters) == (n_photos, n_clusters)
    positions = array_of(tmp_path / "map.html", "positions", "<f4")
    assert len(positions) == 2 * n_photos
    assert ((positions >= 0) & (positions <= 1)).all()


def test_no_clusters_are_told_from_no_run(tmp_path: Path) -> None:
    """Before the first fit there are none yet; a fit that found none is not asked for once more."""
    loose = gallery(n_photos=6, n_clusters=0)
    for run, said in ((None, "There are no clusters yet."), (RUN, "The last run found no clusters")):
        write_gallery(replace(loose, run=run), tmp_path / "g", thumbnails=thumbnails)
        text = Seen(tmp_path / "g" / "index.html").text
        assert said in text
        assert ("no clusters yet" in text) == (run is None)


def test_a_large_cluster_is_cut_into_pages(tmp_path: Path) -> None:
    """Each photo stands on exactly one of them, strongest first, and the pages lead on and back."""
    write_gallery(gallery(n_photos=1000, n_clusters=1), tmp_path / "g", thumbnails=lambda photos: {})
    pages = [tmp_path / "g" / name for name in ("c1.html", "c1-p2.html", "c1-p3.html")]
    assert [Seen(page).count("figure") for page in pages] == [120, 120, 10]
    assert [link for _, attributes in Seen(pages[1]).elements if (link := attributes.get("rel"))] == ["prev", "next"]
    assert (tmp_path / "g" / "unclustered-p7.html").is_file()


def test_a_map_holds_what_it_was_given(shown: Path) -> None:
    """Labels, strengths, times and neighbours come back from the page."""
    page, given = shown / "map.html", scattered()
    assert array_of(page, "labels", "<i2").tolist() == given.labels.tolist()
    assert array_of(page, "neighbours", "<i4").reshape(-1, 8).tolist() == given.neighbours.tolist()
    assert array_of(page, "strengths", "u1").tolist() == [round(one.strength * 100) for one in given.photos]
    minutes = array_of(page, "times", "<i4").tolist()
    assert minutes[0] == np.datetime64("2021-07-01T09:30", "m").astype(int)
    assert minutes[4] == -(2**31)
    places = array_of(page, "positions", "<f4").reshape(-1, 2)
    assert (np.argsort(places[:, 0]) == np.argsort(given.positions[:, 0])).all()


def test_a_foreign_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    """A folder with anything in it that no gallery put there, also beside a gallery's own pages; a file."""
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "dear.jpg").write_bytes(b"dear")
    with pytest.raises(UsageError, match="did not make"):
        write_gallery(gallery(), photos, thumbnails=thumbnails)
    assert (photos / "dear.jpg").read_bytes() == b"dear"
    ours = tmp_path / "gallery"
    write_gallery(gallery(), ours, thumbnails=thumbnails)
    (ours / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="did not make"):
        write_gallery(gallery(), ours, thumbnails=thumbnails)
    assert (ours / "notes.txt").read_text() == "mine"
    with pytest.raises(UsageError, match="did not make"):
        write_gallery(gallery(), photos / "dear.jpg", thumbnails=thumbnails)
    with pytest.raises(UsageError, match="did not make"):
        write_map(scattered(), photos / "dear.jpg", thumbnails=thumbnails)
    with pytest.raises(UsageError, match="did not make"):
        write_map(scattered(), photos, thumbnails=thumbnails)
    assert (
        sorted(path.name for path in tmp_path.rglob("*") if path.name.startswith(".") and path.name != MANIFEST) == []
    )


def test_a_gallery_and_a_map_of_ours_are_replaced(tmp_path: Path) -> None:
    """Pages of clusters that are no more go; an empty folder is as good as none."""
    (tmp_path / "g").mkdir()
    write_gallery(gallery(), tmp_path / "g", thumbnails=thumbnails)
    assert (tmp_path / "g" / "c3.html").exists()
    write_gallery(gallery(n_clusters=1), tmp_path / "g", thumbnails=thumbnails)
    assert sorted(path.name for path in (tmp_path / "g").glob("*.html")) == [
        "c1.html", "index.html", "unclustered.html",
    ]  # fmt: skip
    for n_photos in (3, 5):
        write_map(scattered(n_photos=n_photos), tmp_path / "map.html", thumbnails=thumbnails)
    assert len(array_of(tmp_path / "map.html", "labels", "<i2")) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g", "map.html"]


def test_a_failure_leaves_the_earlier_gallery_whole(tmp_path: Path) -> None:
    """What is half written is never seen, and nothing of it stays."""
    write_gallery(gallery(), tmp_path / "g", thumbnails=thumbnails)
    before = (tmp_path / "g" / "index.html").read_bytes()

    def broken() -> None:
        with new_folder(tmp_path / "g") as folder:
            (folder / "index.html").write_text("half")
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        broken()
    assert (tmp_path / "g" / "index.html").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    """A file stands where a folder is to be."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be written"):
        write_gallery(GalleryView(None, (), ()), tmp_path / "file" / "g", thumbnails=thumbnails)
    with pytest.raises(UsageError, match="cannot be written"):
        write_map(scattered(), tmp_path / "file" / "map.html", thumbnails=thumbnails)


def test_every_colour_stands_out_from_its_page() -> None:
    """3:1 and more for dots, in light and in dark, the quiet noise included."""
    for number in range(200):
        colour = colours.colour_of(number)
        assert colours.contrast(colour.light, colours.LIGHT_PAGE) >= 3
        assert colours.contrast(colour.dark, colours.DARK_PAGE) >= 3
    assert colours.contrast(colours.LIGHT_UNCLUSTERED, colours.LIGHT_PAGE) >= 3
    assert colours.contrast(colours.DARK_UNCLUSTERED, colours.DARK_PAGE) >= 3
    assert len({colours.colour_of(number).light for number in range(36)}) == 36
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("sheet", ["gallery.css", "map.css"])
def test_text_can_be_read_on_every_ground(sheet: str) -> None:
    """WCAG AA, 4.5:1, for each colour of text on each ground, in light and in dark."""
    light, dark = (
        dict(re.findall(r"--(\w+): (#\w+);", block))
        for block in re.findall(r":root \{(.*?)\n *\}", template_source(sheet), re.DOTALL)[:2]
    )
    for scheme, page in ((light, colours.LIGHT_PAGE), (dark, colours.DARK_PAGE)):
        whole = {name: value if len(value) == 7 else "#" + "".join(2 * digit for digit in value[1:])
                 for name, value in scheme.items()}  # fmt: skip
        for ground in (page, whole["card"], whole["well"]):
            for ink in ("ink", "soft", "accent"):
                assert colours.contrast(whole[ink], ground) >= 4.5, (ink, ground)


def test_spans_are_said_as_short_as_can_be() -> None:
    """One day, within a year, over years, unknown."""
    from datetime import datetime

    first = datetime(2021, 7, 1)
    assert span(first, first) == "1 Jul 2021"
    assert span(first, datetime(2021, 8, 2)) == "1 Jul – 2 Aug 2021"  # noqa: RUF001 -- a span's own dash
    assert span(first, datetime(2023, 8, 2)) == "2021 – 2023"  # noqa: RUF001 -- likewise
    assert span(None, first) == ""
