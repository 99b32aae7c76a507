"""Screenshots and documents are told from photos by several signs, never by one alone."""

from __future__ import annotations

from datetime import datetime
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.library.naming.coloured import open_colours, paint_album, use_colours
from tests.library.test_library import HUES, noisy, old
from vecclust.library.queries import kinds
from vecclust.library.queries.kinds import NEEDED, NEEDED_AGAINST_CAMERA, signs_of
from vecclust.types.photos import PhotoKind, PhotoRow, Place, Taken, TakenSource
from vecclust.words import Word, load_words


def row(size: tuple[int, int], *, source: TakenSource | None = None, place: bool = False) -> PhotoRow:
    """Make a photo's row."""
    taken = None if source is None else Taken(datetime(2024, 6, 1, 12, 30), source)
    where = Place(64.0, -16.2) if place else None
    return PhotoRow("0" * 64, np.empty(0, np.float32), *size, 1000, taken, where, 0)


def kind_of(path: str, size: tuple[int, int], *, source: TakenSource | None = None, place: bool = False) -> PhotoKind:
    """Give the kind of a photo by all signs but words."""
    one = row(size, source=source, place=place)
    return kinds._decided(signs_of(one, [path]), kinds._needed(one, [path]))


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/p/IMG_1234.PNG", (1170, 2532)),  # an iPhone's
        ("/p/Screenshot_20240601-123000_Chrome.jpg", (1080, 2400)),  # a Samsung's
        ("/p/Screenshots/2024-06-01.png", (800, 600)),
        ("/p/Screen Shot 2024-06-01 at 12.30.00.png", (731, 422)),  # a part of the screen
        ("/p/Bildschirmfoto vom 2024-06-01 12-30-00.png", (1920, 1080)),
        ("/p/Capture d\N{RIGHT SINGLE QUOTATION MARK}e\N{COMBINING ACUTE ACCENT}cran 2024.png", (500, 500)),
        ("/p/Captura de pantalla 2024-06-01.png", (500, 500)),
        ("/p/Снимок экрана.png", (500, 500)),
        ("/p/微信截图.png", (500, 500)),
    ],
)
def test_a_screenshot_has_two_signs(path: str, size: tuple[int, int]) -> None:
    """As phones, desktops and programs of several languages make them, by the clock of the file's name or none."""
    assert kind_of(path, size) == kind_of(path, size, source="name") == "screenshot"


def test_an_iphone_dates_its_screenshots_as_a_camera_does() -> None:
    """A PNG comes from no camera, so the date in it speaks against nothing."""
    assert kind_of("/p/IMG_1234.PNG", (1179, 2556), source="original") == "screenshot"
    assert kind_of("/p/IMG_1234.HEIC", (1179, 2556), source="original") == "photo"


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/p/Scan_0001.jpg", (2480, 3508)),
        ("/p/Scans/2024/../Rechnung.tif", (1700, 2200)),
        ("/p/invoice-2024.png", (900, 640)),
        ("/p/CamScanner 06-01-2024.jpg", (2550, 3300)),
        ("/p/Reçu.jpg", (1654, 2339)),
    ],
)
def test_a_document_has_two_signs(path: str, size: tuple[int, int]) -> None:
    """As scanners and their programs make them."""
    assert kind_of(path, size) == "document"


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/p/IMG_0001.jpg", (4032, 3024)),
        ("/p/Screenshot_1.jpg", (4032, 3024)),  # a name alone
        ("/p/drawing.png", (800, 600)),  # an ending alone
        ("/p/IMG_0001.jpg", (1080, 2400)),  # a size alone
        ("/p/scan.jpg", (4032, 3024)),
        ("/p/IMG_0001.jpg", (2480, 3508)),
        ("/p/holiday.tif", (6000, 4000)),
        ("/p/Scandinavia.jpg", (2480, 3508)),  # no scan
        ("/p/panorama.png", (12000, 3000)),
        ("/p/a.png", (1, 1)),
        ("/p/a.png", (0, 0)),
    ],
)
def test_one_sign_makes_nothing(path: str, size: tuple[int, int]) -> None:
    """Whatever it is."""
    assert kind_of(path, size) == "photo"


def test_no_sign_decides_alone_and_a_camera_asks_for_one_more() -> None:
    """Of all combinations of name, ending and size, those of two and more are no photos, with a camera's of three."""
    for name, ending, size in product([False, True], repeat=3):
        path = f"/p/{'screenshot' if name else 'a'}.{'png' if ending else 'webp'}"
        n_signs, px = name + ending + size, (1080, 2400) if size else (1000, 1000)
        assert (kind_of(path, px) != "photo") == (n_signs >= NEEDED)
        if not ending:
            assert kind_of(path, px, source="original") == kind_of(path, px, place=True) == "photo"
    assert NEEDED_AGAINST_CAMERA == NEEDED + 1


def test_a_photo_of_a_page_is_a_photo_unless_its_name_and_size_say_so_and_words_too() -> None:
    """A camera's data outweigh one of the three."""
    path, size = "/p/receipt.jpg", (2480, 3508)
    counts = signs_of(row(size, source="original"), [path])
    assert counts["document"] == 2
    assert kind_of(path, size, source="original") == "photo"
    counts["document"] += 1
    assert kinds._decided(counts, NEEDED_AGAINST_CAMERA) == "document"


def test_the_words_for_both_kinds_are_in_the_vocabulary() -> None:
    """By the ids that are looked for, the second with words below it."""
    words = {word.id: word for word in load_words()}
    assert words[kinds._SCREEN_WORD].text == "screenshot"
    assert words[kinds._PAPER_WORD].text == "document"
    assert sum(kinds._PAPER_WORD in word.wider for word in words.values()) > 20


@pytest.mark.parametrize(
    ("word", "kind", "name", "other"),
    [
        (Word("document:screenshot", "red", ("n06470073",)), "screenshot", "Screenshot_1.jpg", "Scan_1.jpg"),
        (Word("n:receipt", "red", ("n06470073",)), "document", "Scan_1.jpg", "Screenshot_1.jpg"),
    ],
)
def test_words_count_as_one_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: Word, kind: PhotoKind, name: str, other: str
) -> None:
    """Here the model takes what is red for one; it is believed beside a sign of the same kind, and not alone."""
    things = tuple(Word(f"n:{number}", f"thing {number}") for number in range(20))
    use_colours(monkeypatch, (word, Word("n:g", "green"), *things))
    album = paint_album(tmp_path / "album")
    for number, (named, hue) in enumerate([(name, "red"), (other, "red"), (f"blue-{name}", "blue")]):
        (album / named).write_bytes(noisy(HUES[hue], 90 + number))
    with open_colours(tmp_path) as library:
        library.scan([album])
        assert library.photo(album / name).words == ("red",)
        assert library.photo(album / name).kind == kind
        for not_one in (album / other, album / f"blue-{name}", album / "red" / "0.jpg"):
            assert library.photo(not_one).kind == "photo"
        made_of = library.cluster(library.photo(album / name).cluster or "").made_of
        assert made_of is not None
        assert made_of.kinds == {"photo": 13, kind: 1}


def test_words_are_asked_for_only_where_they_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a cluster of plain photos nobody asks."""
    asked: list[str] = []
    album = tmp_path / "album"
    album.mkdir()
    for number in range(12):
        (album / f"{number}.jpg").write_bytes(noisy((200, 30, 30), number))
    Image.new("RGB", (50, 50), (30, 40, 200)).save(album / "one.png")
    old(album / "one.png")
    with open_colours(tmp_path) as library:
        library.scan([album])
        monkeypatch.setattr(kinds, "_kinds_by_words", lambda store, photos: asked.extend(photos) or {})
        assert library.photo(album / "1.jpg").kind == "photo"
        assert asked == []
        assert library.photo(album / "one.png").kind == "photo"
        assert len(asked) == 1
