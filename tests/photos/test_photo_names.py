"""What a name says: photo, never a photo, hidden, or something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from vecclust.errors import ConfigError
from vecclust.photos import IgnoreRules
from vecclust.photos.ignore import PHOTO_EXTENSIONS, PROGRAM_FOLDERS, PROGRAM_PATHS

IGNORED_FILES = [
    ".syncthing.IMG_1.jpg.tmp",
    "~syncthing~IMG_1.jpg.tmp",
    ".IMG_1.jpg.~1a2b",
    "IMG_1.jpg.ocTransferId123.part",
    "IMG_1.jpg.tacitpart",
    ".IMG_1.jpg.aB3xYz",
    "IMG_1.jpg.!sync",
    "IMG_1.HEIC.part",
    ".pending-1700000000-IMG_1.jpg",
    ".trashed-1700000000-IMG_1.jpg",
    ".IMG_1.HEIC.icloud",
    *(f"IMG_1.jpg{end}" for end in (".partial", ".filepart", ".crdownload", ".download", ".tmp", ".temp")),
    "._IMG_1.jpg",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    ".fuse_hidden0001",
    ".nfs000001",
    "IMG_1.jpg~",
    ".IMG_1.jpg.swp",
    "IMG_1.xmp",
    "IMG_1.AAE",
    "IMG_1.thm",
]
_PRUNED = """
.stfolder .stversions .sync .dropbox.cache .tmp.drivedownload .tmp.driveupload .rsync-partial .~tmp~
.trash-storage .thumbnails .thumbs .Trash .Trash-1000 .Trashes .TemporaryItems .Spotlight-V100 .fseventsd
.AppleDouble __MACOSX @eaDir @tmp #recycle #snapshot .snapshot .snapshots .zfs .@__thumb @Recycle $RECYCLE.BIN
lost+found .git .cache Catalog.lrdata .immich .photoprism
"""
PRUNED = [*_PRUNED.split(), "System Volume Information"]


@pytest.mark.parametrize("name", IGNORED_FILES)
def test_names_of_unfinished_and_foreign_files_are_ignored(name: str) -> None:
    """Every name that a sync tool, a system or a sidecar uses is ignored, not merely hidden."""
    assert IgnoreRules().judge_file(name) in ("unfinished", "system", "sidecar")


@pytest.mark.parametrize("name", PRUNED)
def test_work_areas_and_bins_are_not_entered(name: str) -> None:
    """Every directory of the list is pruned, wherever it lies and however it is spelt."""
    rules = IgnoreRules()
    assert rules.judge_directory(name) == "program_folder"
    assert rules.judge_directory(f"a/b/{name.upper()}") == "program_folder"
    assert rules.judge_path(f"a/{name}/IMG_1.jpg") == "program_folder"


@pytest.mark.parametrize("extension", PHOTO_EXTENSIONS)
def test_photos_are_known_by_their_ending_in_any_case(extension: str) -> None:
    """The ending decides, small or capital."""
    assert IgnoreRules().judge_file("IMG_1" + extension) == "photo"
    assert IgnoreRules().judge_file("holiday/IMG.1" + extension.upper()) == "photo"


def test_other_dot_files_are_hidden_and_other_endings_are_other() -> None:
    """A dot-file is counted; a text is not; a conflict copy is a photo."""
    rules = IgnoreRules()
    assert rules.judge_file(".secret.jpg") == "hidden"
    assert rules.judge_directory(".private") == "hidden"
    assert rules.judge_path(".private/IMG_1.jpg") == "hidden"
    assert rules.judge_file("notes.txt") == "other"
    assert rules.judge_file("jpg") == "other"
    assert rules.judge_file("IMG_1.sync-conflict-20240101-120000-ABC.jpg") == "photo"
    assert rules.judge_file("report.download.jpg") == "photo"


def test_a_name_needs_both_dot_and_six_characters_to_be_rsyncs() -> None:
    """Neither half of rsync's pattern alone hides a photo."""
    rules = IgnoreRules()
    assert rules.judge_file("IMG.aB3xYz.jpg") == "photo"
    assert rules.judge_file(".IMG_1.jpg") == "hidden"


def test_patterns_of_the_user_hold_for_names_and_for_paths() -> None:
    """A pattern is held against the last part and the whole path; a slash at its end means directories."""
    rules = IgnoreRules(patterns=["*_edited.*", "work/*", "Drafts/"])
    assert rules.judge_file("a/IMG_1_EDITED.jpg") == "asked"
    assert rules.judge_path("work/IMG_1.jpg") == "asked"
    assert rules.judge_path("a/drafts/IMG_1.jpg") == "asked"
    assert rules.judge_file("Drafts") == "other"
    assert rules.judge_path("home/IMG_1.jpg") == "photo"


@pytest.mark.parametrize(
    ("pattern", "ignored", "kept"),
    [
        ("raw", ["raw/a.jpg", "2023/RAW/a.jpg", "raw"], ["rawer/a.jpg"]),
        ("2023/*.jpg", ["2023/a.jpg"], ["2023/may/a.jpg", "b/2023/a.jpg"]),
        ("2023/**/*.jpg", ["2023/a.jpg", "2023/may/trip/a.jpg"], ["a.jpg"]),
        ("/top.jpg", ["top.jpg"], ["a/top.jpg"]),
        ("**/cache/", ["cache/a.jpg", "a/b/cache/a.jpg"], ["cache.jpg"]),
        ("IMG_[0-3]?.jpg", ["a/img_12.jpg"], ["IMG_42.jpg"]),
        ("#1/", ["#1/a.jpg"], ["1/a.jpg"]),
    ],
)
def test_patterns_of_the_user_are_those_of_gitignore(pattern: str, ignored: list[str], kept: list[str]) -> None:
    """`*` stops at a slash, `**` does not, a slash in front or inside ties to the root; `#` is a letter in a list."""
    rules = IgnoreRules(patterns=[pattern])
    assert [rules.judge_path(path) for path in ignored] == ["asked"] * len(ignored)
    assert [rules.judge_path(path) for path in kept] == ["photo"] * len(kept)


def test_a_later_pattern_takes_back_an_earlier_one_but_no_name_of_ours() -> None:
    """`!` lets a photo in again; what is never a photo stays out."""
    rules = IgnoreRules(patterns=["*_edited.*", "!best_edited.*", "!*.xmp"])
    paths = ("a/x_edited.jpg", "a/best_edited.jpg", "a/x.xmp")
    assert [rules.judge_path(path) for path in paths] == ["asked", "photo", "sidecar"]


def test_a_pattern_takes_back_a_folder_that_is_left_out_by_itself() -> None:
    """`!` with its own name lets a dot-folder or another program's folder in; one for a folder above it does not."""
    rules = IgnoreRules(patterns=["!.private/", "!Family/", "!Cache/", "!appdata_*/preview/", "!.secret.jpg"])
    taken = ("a/.private", "Job/CaptureOne/Cache", "Family", "appdata_oc1/preview")
    assert [rules.judge_directory(path) for path in taken] == ["enter"] * len(taken)
    left = ("Family/@eaDir", ".other", "appdata_oc1", "Family/.hidden")
    assert [rules.judge_directory(path) for path in left] == [
        "program_folder", "hidden", "program_folder", "hidden",
    ]  # fmt: skip
    assert IgnoreRules(patterns=["!Family/", "!@eaDir/"]).judge_directory("Family/@eaDir") == "enter"
    assert IgnoreRules(patterns=["*", "!@eaDir/"]).judge_directory("a") == "asked"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("IMG_1.CR3", "raw"), ("a.dng", "raw"), ("MVI.MP4", "video"), ("a.insv", "video"), ("a.jpg.json", "sidecar")],
)
def test_what_people_miss_is_told_from_other_files(name: str, kind: str) -> None:
    """RAW, video and sidecars are kinds of their own, unless the settings make photos of them."""
    assert IgnoreRules().judge_file(name) == kind
    assert IgnoreRules(extensions=[name.rsplit(".")[-1]]).judge_file(name) == "photo"


@pytest.mark.parametrize("pattern", ["!", "a\\"])
def test_a_pattern_that_is_none_is_told_with_its_key(pattern: str) -> None:
    """What gitignore's rules cannot read stops with the key's name."""
    with pytest.raises(ConfigError, match=r"photos\.ignore"):
        IgnoreRules(patterns=[pattern])


def test_extensions_are_taken_with_or_without_their_dot() -> None:
    """`jpg` and `.JPG` mean the same, and only what was asked for is a photo."""
    rules = IgnoreRules(extensions=["JPG", ".png"])
    assert [rules.judge_file(name) for name in ("a.jpg", "a.PNG", "a.gif")] == ["photo", "photo", "other"]


def test_names_that_are_no_text_are_judged() -> None:
    """A name that is not UTF-8 has an ending too."""
    assert IgnoreRules().judge_file("caf\udce9.jpg") == "photo"


def test_the_documentation_shows_every_folder_that_is_left_out_by_itself() -> None:
    """Whoever misses a photo can look up why."""
    shown = (Path(__file__).parents[2] / "docs" / "daily-use.md").read_text(encoding="utf-8")
    for pattern in (*PROGRAM_FOLDERS, *PROGRAM_PATHS):
        library, _, folder = pattern.removeprefix("!").partition("/")
        whole = f"`{pattern.removeprefix('!')}`" in shown
        assert whole or (f"`{library}`" in shown and f"`{folder}`" in shown), pattern
