"""Drives: known by their files, never by a number; others held back until they are gone or accepted."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

from tests.library.test_library import HUES, Home, counts, old, picture
from tests.library.test_library import album as album
from tests.library.test_library import home as home
from vecclust.errors import NotFound, UsageError
from vecclust.library.ingest import scan as scans
from vecclust.library.ingest.drives import Finding, find_drives
from vecclust.library.opening import SystemClock
from vecclust.photos import read_content
from vecclust.photos.content import Content
from vecclust.photos.walk import Walk
from vecclust.types.files import FileRow, Root, SeenFile

DAY_S = 86_401.0
# The one place that reads UUIDs; the room's function of that name hides it.
walk_room = import_module("vecclust.photos.walk")
ROOT = Root("/p", device=1, last_scan_ns=1_000)


def seen(path: str, n: int, *, ctime_ns: int = 10) -> SeenFile:
    """Give a file whose size and time are its own number."""
    return SeenFile("/p", path, n, n, ctime_ns, n, 1)


def files(*numbers: int, place: str = "") -> list[SeenFile]:
    """Give files called by their numbers."""
    return [seen(os.path.join(place, f"{n}.jpg"), n) for n in numbers]


def rows(*numbers: int, place: str = "", drive: int = 0) -> list[FileRow]:
    """Give the rows of such files; what is in a file is its number."""
    return [FileRow("/p", os.path.join(place, f"{n}.jpg"), n, n, 10, n, photo=str(n), drive=drive) for n in numbers]


def find(
    there: list[SeenFile],
    known: list[FileRow],
    *,
    root: Root = ROOT,
    read: Callable[[SeenFile], str | None] = lambda file: pytest.fail(f"{file.path} was read"),
    **walked: object,
) -> Finding:
    """Say which drive a walk saw."""
    saw = dataclasses.replace(Walk("/p", exists=True, device=1, files=tuple(there)), **walked)  # type: ignore[arg-type]
    return find_drives(saw, known, root=root, lost_share=0.5, read=read)


def contents(file: SeenFile) -> str:
    """Read a file whose content is its size."""
    return str(file.size_bytes)


ALL = range(1, 101)


def test_a_folder_with_most_of_its_files_is_the_one_it_was() -> None:
    """What a person deletes by hand, and what is new, pauses nothing; nothing is read for it."""
    assert find(files(*range(41, 301)), rows(*ALL)) == Finding()


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ([], "the folder is empty"),
        (files(*range(61, 200)), "60 of 100 files are gone at once"),
        (files(*range(200, 500)), "none of the 100 known files is there"),
        ([seen(f"{n}.jpg", n + 1000) for n in ALL], "none of the 100 known files is there"),
    ],
)
def test_another_folder_is_held(there: list[SeenFile], words: str) -> None:
    """Emptied, mostly gone, all others, all others of the same names, as on the next card."""
    found = find(there, rows(*ALL), read=contents)
    assert words in found.reason
    assert found.strange == {""}


def test_nothing_new_and_no_time_lifts_it() -> None:
    """Rows that were missing before do not count, so the same files say the same at each scan."""
    gone = [dataclasses.replace(row, missing_since_ns=5) for row in rows(*range(1, 41))]
    assert find(files(*range(41, 101)), [*gone, *rows(*range(41, 101))]) == Finding()
    assert "31 of 60" in find(files(*range(72, 101)), [*gone, *rows(*range(41, 101))], read=contents).reason


def test_moved_and_renamed_files_are_no_loss() -> None:
    """Anywhere in the folder, under other names and times; told by what is in a few of them."""
    read: list[str] = []

    def note(file: SeenFile) -> str:
        read.append(file.path)
        return contents(file)

    moved = [dataclasses.replace(seen(f"new/{n + 5000}.jpg", n), mtime_ns=10**6) for n in ALL]
    assert find(moved, rows(*ALL), read=note) == Finding()
    assert len(read) == 24
    same_size = [dataclasses.replace(file, mtime_ns=10**6) for file in files(*ALL)]
    assert "none of the 100" in find(same_size, rows(*ALL), read=lambda file: "another").reason


def test_another_number_says_nothing() -> None:
    """A share has a new one at each mount, a bind mount has its own."""
    assert find(files(*ALL), rows(*ALL), device=7) == Finding()
    assert find(files(*range(4, 200)), rows(*ALL), device=7) == Finding()


def test_the_uuid_of_the_file_system_is_a_second_hint() -> None:
    """The same one: few files may all go, and edited ones are edited. Another: a copy that lacks some is not it."""
    same = {"root": dataclasses.replace(ROOT, volumes={"": "a"}), "volumes": {"": "a"}}
    edited = [seen(f"{n}.jpg", n + 1000, ctime_ns=2_000) for n in ALL]
    assert find(edited, rows(*ALL), **same) == Finding()
    replaced = [dataclasses.replace(file, ctime_ns=900) for file in edited]
    assert find(replaced, rows(*ALL), read=contents, **same).strange == {""}
    few = rows(*range(1, 10))
    assert find(files(*ALL[50:]), few, **same) == Finding()
    assert find(files(*ALL[50:]), few, read=contents).strange == {""}
    other = same | {"volumes": {"": "b"}}
    assert find(files(*ALL), rows(*ALL), **other) == Finding()
    found = find(files(*range(4, 200)), rows(*ALL), read=contents, **other)
    assert "another drive than before, which lacks 3 of 100 files" in found.reason
    assert not found.strange, "it is a copy: what is new there comes in"


def test_one_photo_or_two_may_be_replaced_unless_the_device_is_another() -> None:
    """Somebody tries it out with a photo."""
    assert find(files(50), rows(1, 2)) == Finding()
    assert find(files(50), rows(1, 2, 3), read=contents).strange == {""}
    assert find(files(50), rows(1, 2), read=contents, device=7).strange == {""}
    assert find([], rows(1), read=contents).strange == {""}, "an empty mount point"


def test_each_mount_in_a_folder_is_a_place_of_its_own() -> None:
    """However few photos are on a card: the folder around it goes on taking in, its own new files are held."""
    around, card = rows(*ALL), rows(*range(201, 206), place="card")
    root = dataclasses.replace(ROOT, mounts=("card",))
    there, other = files(*ALL), files(*range(301, 306), place="card")
    assert find([*there, *files(*range(201, 206), place="card")], [*around, *card], root=root, mounts=("card",)) == (
        Finding()
    )
    pulled = find(there, [*around, *card], root=root, read=contents)
    assert "'card' in it is no longer on a device of its own" in pulled.reason
    swapped = find([*there, *other], [*around, *card], root=root, read=contents, mounts=("card",))
    assert "none of the 5 known files is there in 'card'" in swapped.reason
    assert pulled.strange == swapped.strange == {"card"}
    assert find([*there, *other], around, mounts=("card",)) == Finding(), "a new mount is no other one"
    covered = find(files(*range(301, 401), place="card"), rows(*ALL, place="card"), read=contents, mounts=("card",))
    assert covered.strange == {"card"}


def test_photos_that_were_moved_off_a_card_are_no_loss() -> None:
    """From the card to the folder around it, which is kept too."""
    card, root = rows(*range(1, 21), place="card"), dataclasses.replace(ROOT, mounts=("card",))
    assert find(files(*range(1, 21), place="new"), card, root=root, read=contents, mounts=("card",)) == Finding()


def test_a_drive_that_was_accepted_is_known_by_its_files_again() -> None:
    """Its number is given; the best of several; one with the same names and none of the files is unknown."""
    away = [dataclasses.replace(row, missing_since_ns=5) for row in rows(*range(1, 21))]
    known = [*away, *rows(*range(101, 141), drive=1)]
    root = dataclasses.replace(ROOT, drives={"": 1})
    assert find(files(*range(1, 16)), known, root=root, read=contents) == Finding()
    assert find(files(*range(101, 141)), known, root=root).drives == {"": 1}
    new = find(files(*range(500, 540)), known, root=root, read=contents)
    assert (new.drives, new.strange) == ({"": 1}, {""})
    one = find([*files(*range(500, 540)), *files(7)], [*away[:8], *known[20:]], root=root, read=contents)
    assert (one.drives, one.strange) == ({"": 1}, {""}), "of one that comes back most has to be there, however few"
    shared = [*away, *rows(*range(1, 13), 200, 201, drive=1)]
    assert find(files(*range(1, 21)), shared, root=root, read=contents).drives == {}, "all of the first is there"


def test_what_cannot_be_seen_says_nothing() -> None:
    """Unreadable places and links that are no longer followed are left out of the count."""
    links = frozenset(f"{n}.jpg" for n in range(1, 61))
    assert find(files(*range(61, 101)), rows(*ALL), outside_links=links) == Finding()


# Through the library, on real files: folders are swapped; numbers of devices and UUIDs come from one place each.


def swap(album: Path, other: Path) -> None:
    """Put another folder in the place of the first, which lies beside it then."""
    kept = other.with_name("kept")
    album.rename(kept)
    other.rename(album)
    kept.rename(other)


@pytest.fixture
def cards(tmp_path: Path) -> list[Path]:
    """Five cards with the same names, and other photos on each, all older than any scan."""
    found = []
    for card in range(5):
        folder = tmp_path / f"card{card}" / "DCIM" / "100CANON"
        folder.mkdir(parents=True)
        for number in range(6 + card):
            content = picture(list(HUES)[number % 3], 100 * card + number)
            (folder / f"IMG_{number:04}.JPG").write_bytes(content)
        found.append(tmp_path / f"card{card}")
    return found


def photos_of(home: Home) -> set[str]:
    """Give all photos of the library."""
    with home.open(write=False) as library:
        return library._store.photo_keys()


def test_a_larger_folder_in_the_place_of_the_first_is_held_for_days(home: Home, album: Path, tmp_path: Path) -> None:
    """Nothing goes, nothing is mixed in, however often it is looked at; back, all is as it was, at no cost."""
    home.scan(album)
    before, other = photos_of(home), tmp_path / "other"
    other.mkdir()
    for number in range(110):
        (other / f"b{number}.jpg").write_bytes(picture("red", 1000 + number))
    swap(album, other)
    for _ in range(4):
        report = home.scan()
        assert (report.added, report.removed, report.held) == (0, 0, 110)
        assert "none of the 36 known files is there" in report.notices[0]
        assert "110 photos there are not taken in" in report.notices[0]
        home.clock.advance(DAY_S)
    with home.open() as library:
        foreseen = library.scan(dry_run=True)
        assert (foreseen.added, foreseen.removed, foreseen.held) == (0, 0, 110)
        assert library.catch_up([str(album / "b3.jpg")]).added == 0
        (status,) = library.status().folders
        assert (status.held, bool(status.paused)) == (110, True)
    assert photos_of(home) == before
    embedded = home.embedder.n_frames_embedded
    swap(album, other)
    report = home.scan()
    assert counts(report) == (0, 0, 0, 0, 36)
    assert (report.held, report.notices) == (0, ())
    assert home.embedder.n_frames_embedded == embedded


def test_a_folder_of_the_same_names_overwrites_nothing(home: Home, album: Path, tmp_path: Path) -> None:
    """The same paths with other photos: not an update of each."""
    home.scan(album)
    before, other = photos_of(home), tmp_path / "other"
    for colour in HUES:
        (other / colour).mkdir(parents=True)
        for number in range(12):
            (other / colour / f"{number:02}.jpg").write_bytes(picture(colour, 1000 + number))
    swap(album, other)
    for _ in range(3):
        report = home.scan()
        assert (report.updated, report.held) == (0, 36)
        home.clock.advance(DAY_S)
    assert photos_of(home) == before


def test_the_owner_says_that_the_photos_were_meant_to_go(home: Home, album: Path, tmp_path: Path) -> None:
    """`--prune` lets the old ones go and takes in what is there: a folder that was cleaned out, or filled anew."""
    home.scan(album)
    for colour in ("red", "green"):
        shutil.rmtree(album / colour)
    (album / "new.jpg").write_bytes(picture("red", 500))
    assert (home.scan().held, home.scan().removed) == (1, 0)
    report = home.scan(prune=True)
    assert (report.added, report.removed, report.held) == (1, 24, 0)
    assert len(photos_of(home)) == 13
    shutil.rmtree(album)
    album.mkdir()
    for number in range(20):
        (album / f"{number}.jpg").write_bytes(picture("blue", 700 + number))
    assert home.scan().held == 20
    report = home.scan(prune=True)
    assert (report.added, report.removed, len(photos_of(home))) == (20, 13, 20)
    assert home.scan().notices == ()


def test_all_is_moved_or_renamed_within_the_folder(home: Home, album: Path) -> None:
    """No pause, no embedding, no row lost."""
    home.scan(album)
    embedded = home.embedder.n_frames_embedded
    (album / "archive").mkdir()
    for colour in HUES:
        (album / colour).rename(album / "archive" / colour)
    assert counts(home.scan()) == (0, 0, 36, 0, 0)
    for file in sorted((album / "archive").rglob("*.jpg")):
        shutil.copyfile(file, album / f"{file.parent.name}-{file.name}")
        file.unlink()
    assert counts(home.scan()) == (0, 0, 36, 0, 0)
    assert home.embedder.n_frames_embedded == embedded


def test_all_files_get_other_times(home: Home, album: Path) -> None:
    """A copy that keeps no times, or a card of another time zone: the same photos."""
    home.scan(album)
    for file in album.rglob("*.jpg"):
        os.utime(file, ns=(10**18, 10**18))
    report = home.scan()
    assert (counts(report), report.notices) == ((0, 0, 0, 0, 36), ())


def test_a_root_that_is_a_link_led_elsewhere_is_another_folder(home: Home, album: Path, tmp_path: Path) -> None:
    """Known by what is behind it: held, and going on when it leads back, or to a copy."""
    link, other = tmp_path / "link", tmp_path / "other"
    other.mkdir()
    for number in range(10):
        (other / f"{number}.jpg").write_bytes(picture("red", 600 + number))
    link.symlink_to(album)
    home.scan(link)
    for target, held in ((other, 10), (album, 0), (shutil.copytree(album, tmp_path / "copy"), 0)):
        link.unlink()
        link.symlink_to(target)
        report = home.scan()
        assert (report.held, report.added, report.removed, report.missing) == (held, 0, 0, 36 if held else 0)


def test_a_renamed_root_costs_nothing_and_the_old_one_is_forgotten(home: Home, album: Path) -> None:
    """The old name is away and says how to forget it; under the new one nothing is embedded."""
    home.scan(album)
    before, embedded = photos_of(home), home.embedder.n_frames_embedded
    renamed = album.rename(album.with_name("renamed"))
    report = home.scan(renamed)
    assert report.added == 36
    assert f"vecclust folders forget {album}" in home.scan().notices[0]
    with home.open() as library:
        library.forget(album)
    assert (photos_of(home), home.embedder.n_frames_embedded) == (before, embedded)


def renumber(home: Home) -> None:
    """Have the last scan found all on another device than the next one will: a new mount, another slot."""
    with home.open() as library:
        store = library._store
        store.put_roots([dataclasses.replace(root, device=root.device + 1) for root in store.roots()])


def test_a_share_that_is_mounted_anew_goes_on(home: Home, album: Path) -> None:
    """With another number each time, while photos come, move and go."""
    home.scan(album)
    for number in range(3):
        renumber(home)
        (album / "red" / f"{number:02}.jpg").unlink()
        (album / f"new{number}.jpg").write_bytes(picture("green", 300 + number))
        report = home.scan()
        assert (report.added, report.missing, report.held, report.notices) == (1, 1, 0, ())
        home.clock.advance(DAY_S)
    with home.open(write=False) as library:
        assert library.status().folders[0].paused == ""


def test_a_copy_on_another_file_system_is_told_by_its_uuid(
    home: Home, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it: it goes on. A copy that lacks some: nothing is removed until it is said, and what is new comes in."""
    volume = ["1111-AAAA"]
    monkeypatch.setattr(walk_room, "volume_of", lambda device: volume[0])
    home.scan(album)
    volume[0] = "2222-BBBB"
    assert home.scan().notices == ()
    volume[0] = "3333-CCCC"
    (album / "red" / "00.jpg").unlink()
    (album / "new.jpg").write_bytes(picture("green", 300))
    for added in (1, 0, 0):
        report = home.scan()
        assert (report.added, report.removed, report.held) == (added, 0, 0)
        assert "another drive than before, which lacks 1 of 3" in report.notices[0]
        home.clock.advance(DAY_S)
    assert home.scan(prune=True).removed == 1
    assert home.scan().notices == ()


def test_photos_edited_where_they_lie_are_edited_on_the_same_file_system(
    home: Home, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes tags into all of them; where no UUID is told, it is asked for."""
    volume = ["1111-AAAA"]
    monkeypatch.setattr(walk_room, "volume_of", lambda device: volume[0])
    home.clock = SystemClock()

    def tag(number: int) -> None:
        for file in album.rglob("*.jpg"):
            old(file) if number < 0 else file.write_bytes(file.read_bytes() + b"tag" * number)
            old(file)

    tag(-1)
    with home.open(photos__settle_s=0.0) as library:
        library.scan([album])
        tag(1)
        assert (library.scan().updated, library.status().photos) == (36, 36)
        volume[0] = ""
        library.scan()
        tag(2)
        assert (library.scan().updated, library.scan().held) == (0, 36)
        assert (library.scan(prune=True).updated, library.status().photos) == (36, 36)


def put_in(tmp_path: Path, card: Path) -> Callable[[], object]:
    """Put a card into the reader; give what takes it out."""
    reader = tmp_path / "reader"
    card.rename(reader)
    return lambda: reader.rename(card)


def test_each_card_of_a_reader_is_known_again(home: Home, cards: list[Path], tmp_path: Path) -> None:
    """The same names on all. Each is asked for once; none is removed, mixed or embedded again, for weeks."""
    photos: set[str] = set()
    for number, card in enumerate(cards):
        take_out = put_in(tmp_path, card)
        report = home.scan(tmp_path / "reader")
        if number:
            assert (report.added, report.updated, report.held) == (0, 0, 6 + number)
            with home.open() as library:
                planned = library.accept_drive(tmp_path / "reader", dry_run=True)
                assert (planned.files, planned.away) == (6 + number, 5 + number)
                assert dataclasses.replace(planned, dry_run=False) == library.accept_drive(tmp_path / "reader")
            report = home.scan()
        assert (report.added, report.removed, report.held, report.missing) == (6 + number, 0, 0, 0)
        assert photos < photos_of(home)
        photos = photos_of(home)
        take_out()
    embedded = home.embedder.n_frames_embedded
    for number, card in enumerate([*cards, cards[0], cards[3]]):
        take_out = put_in(tmp_path, card)
        for _ in range(2):
            report = home.scan()
            assert (report.added, report.updated, report.removed, report.held) == (0, 0, 0, 0)
            home.clock.advance(DAY_S)
        here = sorted((tmp_path / "reader").rglob("*.JPG"))
        assert report.unchanged == len(here)
        with home.open(write=False) as library:
            for file in here:
                assert library.photo(file).photo == hashlib.sha256(file.read_bytes()).hexdigest()
                assert library.photo(file).other_paths == ()
            (kept,) = library.kept_folders()
            assert (kept.files, kept.missing, kept.away) == (len(photos), 0, len(photos) - len(here))
            paths = {hit.path for hit in library.search("red", limit=100).results}
            assert len(paths) == len(here), f"{number}: photos of other cards answer nothing"
        take_out()
    assert (photos_of(home), home.embedder.n_frames_embedded) == (photos, embedded)


def test_what_is_deleted_on_a_card_goes_a_day_after_it_was_seen_to_be(
    home: Home, cards: list[Path], tmp_path: Path
) -> None:
    """The weeks that it was away do not count: two scans of the card, a day apart."""
    for card in cards[:2]:
        take_out = put_in(tmp_path, card)
        home.scan(tmp_path / "reader")
        if card is cards[1]:
            with home.open() as library:
                library.accept_drive(tmp_path / "reader")
            home.scan()
        take_out()
    home.clock.advance(30 * DAY_S)
    (cards[0] / "DCIM" / "100CANON" / "IMG_0000.JPG").unlink()
    put_in(tmp_path, cards[0])
    assert [(report.missing, report.removed) for report in (home.scan(), home.scan())] == [(1, 0), (1, 0)]
    home.clock.advance(DAY_S)
    assert home.scan().removed == 1
    assert len(photos_of(home)) == 5 + 7


def test_turning_to_a_card_that_was_killed_is_done_again(
    home: Home, cards: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before or after any of its commits: the next scan ends with the same rows."""
    for card in cards[:2]:
        take_out = put_in(tmp_path, card)
        home.scan(tmp_path / "reader")
        if card is cards[1]:
            with home.open() as library:
                library.accept_drive(tmp_path / "reader")
            home.scan()
        take_out()
    photos = photos_of(home)
    for number, (verb, nth) in enumerate([("put_files", 0), ("put_roots", 0), ("put_files", 1), ("put_roots", 1)] * 2):
        home.clock.advance(30 * DAY_S)
        take_out = put_in(tmp_path, cards[number % 2])
        with home.open() as library, monkeypatch.context() as patch:
            real, calls = getattr(library._store, verb), []

            def die(
                *given: object, real: Callable[..., None] = real, calls: list[object] = calls, nth: int = nth
            ) -> None:
                calls.append(given)
                if len(calls) > nth:
                    raise KeyboardInterrupt
                real(*given)

            patch.setattr(library._store, verb, die)
            with pytest.raises(KeyboardInterrupt):
                library.scan()
        report = home.scan()
        assert (report.unchanged, report.added, report.missing, report.removed) == (6 + number % 2, 0, 0, 0)
        with home.open(write=False) as library:
            here = [row for row in library._store.files() if not row.missing_since_ns]
            assert {row.drive for row in here} == {number % 2}
            assert len(here) == 6 + number % 2
        assert photos_of(home) == photos
        take_out()


def test_what_is_held_is_not_read_at_each_look(
    home: Home, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scanner's pictures all have one length, so that a few have to be looked into: once, while they stay."""
    other = tmp_path / "other"
    for folder, first in ((album, 0), (other, 100)):
        folder.mkdir(exist_ok=True)
        for number in range(40):
            Image.new("RGB", (40, 40), (first + number, number, 9)).save(folder / f"{number}.bmp")
    read: list[str] = []

    def note(file: SeenFile, *, file_bytes: int) -> Content:
        read.append(file.path)
        return read_content(file, file_bytes=file_bytes)

    monkeypatch.setattr(scans, "read_content", note)
    with home.open() as library:
        library.scan([album])
        swap(album, other)
        assert (library.scan().held, 0 < len(read) <= 2 * 24) == (40, True)
        n_read = len(read)
        assert (library.scan().held, library.catch_up().held, len(read)) == (40, 40, n_read)
        swap(album, other)
        assert (library.scan().held, len(read)) == (0, n_read)


def test_only_what_is_held_back_can_be_accepted(home: Home, album: Path, tmp_path: Path) -> None:
    """Not a folder that is as it was, is away, or was never kept; nothing is changed."""
    home.scan(album)
    with home.open() as library:
        with pytest.raises(UsageError, match="nothing that lies in"):
            library.accept_drive(album)
        album.rename(tmp_path / "away")
        library.scan()
        with pytest.raises(UsageError, match="is held back"):
            library.accept_drive(album)
        with pytest.raises(NotFound):
            library.accept_drive(tmp_path / "away")


def test_cards_are_kept_apart_in_a_larger_folder_and_forgotten_with_it(
    home: Home, cards: list[Path], tmp_path: Path
) -> None:
    """The reader's folder is taken up by the one around it: still each card is known, and all go with the folder."""
    around = tmp_path / "around"
    around.mkdir()
    for card in cards[:2]:
        take_out = put_in(around, card)
        home.scan(around / "reader")
        if card is cards[1]:
            with home.open() as library:
                library.accept_drive(around / "reader")
            home.scan()
        take_out()
    put_in(around, cards[0])
    (around / "more.jpg").write_bytes(picture("red", 900))
    report = home.scan(around)
    assert (report.added, report.unchanged, report.held, report.removed) == (1, 6, 0, 0)
    assert len(photos_of(home)) == 14
    with home.open() as library:
        assert library.forget(around).photos_removed == 14
        assert list(library._store.files()) == []


def test_arrivals_on_another_drive_are_not_taken_in(home: Home, album: Path, tmp_path: Path) -> None:
    """A look at some files notices that none of a sample is there any more, and leaves it to a whole look."""
    other = tmp_path / "other"
    (other / "red").mkdir(parents=True)
    for number in range(20):
        (other / "red" / f"{number:02}.jpg").write_bytes(picture("red", 1000 + number))
    with home.open() as library:
        library.scan([album])
        before = library._store.photo_keys()
        swap(album, other)
        report = library.catch_up([str(album / "red" / "15.jpg"), str(album / "red" / "16.jpg")])
        assert (report.added, report.held) == (0, 2)
        assert library.catch_up().held == 20
        report = library.catch_up([str(album / "red" / "15.jpg")])
        assert (report.added, report.held) == (0, 0), "it is known, no further look is needed"
        assert library._store.photo_keys() == before
        swap(album, other)
        (album / "new.jpg").write_bytes(picture("red", 2000))
        assert library.catch_up().added == 1
        (album / "newer.jpg").write_bytes(picture("red", 2001))
        assert library.catch_up([str(album / "newer.jpg")]).added == 1
