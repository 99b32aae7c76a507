"""An export never writes through a link: what it leads to may be anybody's."""

from __future__ import annotations

from pathlib import Path

import pytest

from vecclust.errors import UsageError
from vecclust.exports.output import MAP_MARK, is_map_page, new_file, new_folder


def test_no_folder_of_pages_is_written_through_a_link(tmp_path: Path) -> None:
    """Not even into an empty folder, which would be one of ours without the link."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "theirs")
    with (
        pytest.raises(UsageError, match=r"is a link to .*theirs; nothing is written through it") as caught,
        new_folder(tmp_path / "out"),
    ):
        pass
    assert "--out" in caught.value.hint
    assert list((tmp_path / "theirs").iterdir()) == []
    assert (tmp_path / "out").is_symlink()


@pytest.mark.parametrize("there", [True, False])
def test_no_map_is_written_through_a_link(tmp_path: Path, there: bool) -> None:
    """Neither over a map of ours, nor where nothing is yet."""
    theirs = tmp_path / "theirs.html"
    if there:
        theirs.write_bytes(MAP_MARK)
    (tmp_path / "map.html").symlink_to(theirs)
    with (
        pytest.raises(UsageError, match="is a link to"),
        new_file(tmp_path / "map.html", is_ours=is_map_page, option="--out") as file,
    ):
        file.write_bytes(b"new")
    assert theirs.exists() is there
    assert not there or theirs.read_bytes() == MAP_MARK


def test_links_on_the_way_are_the_owners(tmp_path: Path) -> None:
    """A linked folder above is where somebody keeps such things."""
    (tmp_path / "real").mkdir()
    (tmp_path / "sites").symlink_to(tmp_path / "real")
    with new_folder(tmp_path / "sites" / "photos") as folder:
        (folder / "a.html").write_text("x")
    assert (tmp_path / "real" / "photos" / "a.html").read_text() == "x"
