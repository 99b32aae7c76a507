"""The sample album: what a phone writes, what goes wrong, and the truth about both."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image, ImageOps

from vecclust.demo.album import TURN_BACK, AlbumTruth, write_album
from vecclust.demo.scenes import SCENES

pillow_heif.register_heif_opener()
N_PHOTOS = 48


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, AlbumTruth]:
    """Write one small album for all tests that only look."""
    folder = tmp_path_factory.mktemp("demo") / "album"
    return folder, write_album(folder, n_photos=N_PHOTOS)


def test_truth_names_every_file_and_no_other(album: tuple[Path, AlbumTruth]) -> None:
    """Readable and broken files together are exactly what lies in the folder."""
    folder, truth = album
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written == {name.as_posix() for name in (*truth.scene_of, *truth.broken)}
    assert len(truth.scene_of) == N_PHOTOS + len(truth.duplicates)


def test_every_scene_is_there_as_often_as_the_others(album: tuple[Path, AlbumTruth]) -> None:
    """No kind is rare: each has its share of the pictures, copies aside."""
    _, truth = album
    copies = {copy for copy, _ in truth.duplicates}
    counts = Counter(scene for name, scene in truth.scene_of.items() if name not in copies)
    assert set(counts) == {scene.name for scene in SCENES}
    assert max(counts.values()) - min(counts.values()) <= 1


def test_formats_orientations_times_and_places_vary(album: tuple[Path, AlbumTruth]) -> None:
    """HEIC, PNG and WebP occur beside JPEG; several orientations; times everywhere, places on some."""
    folder, truth = album
    orientations, placed = set(), 0
    for name in truth.scene_of:
        with Image.open(folder / name) as image:
            exif = image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        assert details[ExifTags.Base.DateTimeOriginal][:4] in name.as_posix() or name.parts[0] == "Favourites"
        assert details[ExifTags.Base.OffsetTimeOriginal][0] in "+-"
        orientations.add(exif.get(ExifTags.Base.Orientation, 1))
        placed += bool(exif.get_ifd(ExifTags.IFD.GPSInfo))
    assert {name.suffix for name in truth.scene_of} == {".jpg", ".heic", ".png", ".webp"}
    assert len(orientations) >= 4
    assert 0 < placed < len(truth.scene_of)


@pytest.mark.parametrize("orientation", sorted(TURN_BACK))
def test_a_reader_that_obeys_the_orientation_sees_the_picture_upright(orientation: int) -> None:
    """Stored pixels are the inverse of what the EXIF orientation asks for."""
    upright = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6))
    stored = upright.transpose(TURN_BACK[orientation])
    stored.getexif()[ExifTags.Base.Orientation] = orientation
    assert np.array_equal(np.asarray(ImageOps.exif_transpose(stored)), np.asarray(upright))


def test_copies_are_identical_and_bursts_are_not(album: tuple[Path, AlbumTruth]) -> None:
    """A duplicate has its original's bytes under another name; burst frames differ and follow within seconds."""
    folder, truth = album
    digest = {n: hashlib.sha256((folder / n).read_bytes()).digest() for n in truth.scene_of}
    assert truth.duplicates
    assert all(digest[copy] == digest[original] for copy, original in truth.duplicates)
    assert truth.bursts
    for burst in truth.bursts:
        assert len({digest[name] for name in burst}) == len(burst) == 3
        assert len({truth.scene_of[name] for name in burst}) == 1


def test_the_broken_file_cannot_be_decoded(album: tuple[Path, AlbumTruth]) -> None:
    """It looks like a photo from outside and fails when its pixels are asked for."""
    folder, truth = album
    (broken,) = truth.broken
    with Image.open(folder / broken) as image, pytest.raises(OSError, match="truncated"):
        image.load()


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    """Two albums of one seed agree in every file; another seed does not."""

    def contents(folder: Path) -> dict[str, bytes]:
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    write_album(tmp_path / "a", n_photos=12)
    write_album(tmp_path / "b", n_photos=12)
    write_album(tmp_path / "c", n_photos=12, seed=1)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_nothing_that_exists_is_touched(tmp_path: Path) -> None:
    """A folder that holds something is refused, before anything is written."""
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match="not empty"):
        write_album(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_album_too_small_for_its_scenes_is_refused(tmp_path: Path) -> None:
    """Fewer photos than kinds is a mistake of the caller."""
    with pytest.raises(ValueError, match="at least 12"):
        write_album(tmp_path / "album", n_photos=5)
