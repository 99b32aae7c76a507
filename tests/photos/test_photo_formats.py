"""When a file is finished: times, two looks, and the end of its content."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.photos.pictures import encode, scene
from vecclust.photos import end_of, is_quiet, is_same
from vecclust.photos.formats import kind_of, mended_jpeg
from vecclust.types.files import SeenFile

SECOND = 1_000_000_000
NOW = 1_800_000_000 * SECOND
SEEN = SeenFile("/r", "a.jpg", 10, NOW - 60 * SECOND, NOW - 60 * SECOND, 7, 1)

_PICTURE = scene(96, 64)


def _heic(image: Image.Image) -> bytes:
    import pillow_heif

    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=60)
    return out.getvalue()


WHOLE = {
    "jpeg": encode(_PICTURE, "JPEG", quality=90),
    "progressive": encode(_PICTURE, "JPEG", quality=90, progressive=True, restart_marker_rows=1),
    "png": encode(_PICTURE, "PNG"),
    "webp": encode(_PICTURE, "WEBP"),
    "gif": encode(_PICTURE.quantize(32), "GIF"),
    "bmp": encode(_PICTURE, "BMP"),
    "tiff": encode(_PICTURE, "TIFF"),
    "tiff-lzw": encode(_PICTURE, "TIFF", compression="tiff_lzw"),
    "bigtiff": encode(_PICTURE, "TIFF", big_tiff=True),
    "avif": encode(_PICTURE, "AVIF"),
    "heic": _heic(_PICTURE),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_pictures_are_finished(name: str) -> None:
    """What an encoder wrote reaches its end."""
    assert end_of(WHOLE[name]).state == "finished"


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_a_picture_cut_anywhere_is_never_finished(name: str, data: st.DataObject) -> None:
    """However little is missing, the file is not taken at once; only its kind may be unknown when it is cut short."""
    whole = WHOLE[name]
    kept = data.draw(st.integers(min_value=16, max_value=len(whole) - 1))
    end = end_of(whole[:kept])
    assert end.state != "finished"
    assert end.reason


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.floats(min_value=0.0, max_value=0.7))
def test_a_preallocated_copy_is_never_finished(name: str, share: float) -> None:
    """A file of full length whose rest is still zeros is not taken at once."""
    whole = WHOLE[name]
    kept = int(len(whole) * share)
    rest = len(whole) - kept
    if rest <= 1024:
        whole, rest = whole + bytes(2048), rest + 2048
    assert end_of(whole[:kept] + bytes(rest)).state != "finished"


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", *(data[:32] for data in WHOLE.values())]))
def test_any_bytes_get_a_verdict(tail: bytes, head: bytes) -> None:
    """No content whatever makes the check raise or loop."""
    assert end_of(head + tail).state in ("finished", "suspect", "unfinished")


def test_a_jpeg_with_zeros_for_its_second_half_is_unfinished() -> None:
    """Pillow's decoder accepts about a quarter of these; the walk to the end marker accepts none."""
    whole = encode(scene(640, 480), "JPEG", quality=90)
    half = len(whole) // 2
    assert end_of(whole[:half] + bytes(len(whole) - half)).state == "unfinished"


def test_what_follows_the_end_of_a_jpeg_does_not_matter() -> None:
    """A motion photo has a film behind it, an MPO another picture."""
    assert end_of(WHOLE["jpeg"] + b"\0\0\0\x18ftypmp42" + b"film" * 1000).state == "finished"
    two = encode(_PICTURE, "MPO", save_all=True, append_images=[scene(96, 64, seed=1)])
    assert end_of(two).state == "finished"


def test_the_end_marker_of_an_embedded_thumbnail_is_not_the_end() -> None:
    """An end marker inside a segment belongs to the thumbnail there."""
    thumbnail = encode(scene(16, 16), "JPEG")
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    whole = WHOLE["jpeg"][:2] + segment + WHOLE["jpeg"][2:]
    assert end_of(whole).state == "finished"
    assert end_of(whole[:-2]).state == "unfinished"


LONG = {
    "plain": encode(scene(640, 400), "JPEG", quality=90),
    "progressive": encode(scene(640, 400), "JPEG", quality=90, progressive=True),
    "restarts": encode(scene(640, 400), "JPEG", quality=90, restart_marker_rows=1),
}


def _astray(name: str, marker: bytes) -> bytes:
    """Put a marker among the pixels, two thirds down."""
    at = len(LONG[name]) * 2 // 3
    return LONG[name][:at] + marker + LONG[name][at + len(marker) :]


@pytest.mark.parametrize("name", LONG)
def test_the_end_of_a_jpeg_is_missing_only_where_it_is(name: str) -> None:
    """A damaged byte among the pixels is called that; neither is finished, both can be shown."""
    for marker in (b"\xff\x9a", b"\xff\xe5", b"\xff\xd8", b"\xff\x01", b"\xff\xf3\xff\xc8", b"\xff\xda\0\0"):
        end = end_of(_astray(name, marker))
        assert (end.state, end.viewable) == ("unfinished", True), marker
        assert end.reason == "a part of the JPEG's pixels is damaged"
    for cut in (LONG[name][:-2], LONG[name][:-1], LONG[name][: len(LONG[name]) // 2], _astray(name, b"\xff\x9a")[:-2]):
        end = end_of(cut)
        assert (end.state, end.viewable) == ("unfinished", True)
        assert end.reason == "the end of the JPEG is missing"


def test_a_jpeg_without_pixels_is_not_viewable() -> None:
    """Cut in its header it waits like any other, and is not taken however long it is quiet."""
    for kept in (3, 20, 200, 600):
        end = end_of(LONG["plain"][:kept])
        assert (end.state, end.viewable, end.reason) == ("unfinished", False, "the end of the JPEG is missing")


def test_segments_between_the_scans_of_a_jpeg_are_not_astray() -> None:
    """A progressive picture has tables between its scans, and a program may have left a comment there."""
    whole = LONG["progressive"]
    second = whole.index(b"\xff\xc4", whole.index(b"\xff\xda"))
    assert end_of(whole[:second] + b"\xff\xfe\0\x08secret" + whole[second:]).state == "finished"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(LONG)), st.integers(0, 10**6), st.binary(min_size=1, max_size=40), st.booleans())
def test_a_mended_jpeg_reaches_its_end(name: str, at: int, noise: bytes, cut: bool) -> None:
    """Whatever happened to its pixels: the walk through what is handed to the decoder ends, and no byte is lost."""
    start = LONG[name].index(b"\xff\xda") + 20
    at = start + at % (len(LONG[name]) - start)
    data = LONG[name][:at] + noise + (b"" if cut else LONG[name][at + len(noise) :])
    if end_of(data).viewable:
        mended = mended_jpeg(data)
        assert end_of(mended).state == "finished"
        assert len(data.rstrip(b"\0")) <= len(mended) <= len(data) + 2


@pytest.mark.parametrize(
    ("major", "others", "kind"),
    [
        (b"mif1", b"heic", "HEIF"), (b"msf1", b"hevc", "HEIF"), (b"heim", b"", "HEIF"), (b"heis", b"", "HEIF"),
        (b"hevm", b"", "HEIF"), (b"miaf", b"mif1heic", "HEIF"), (b"mif2", b"heix", "HEIF"), (b"MiHE", b"mif1", "HEIF"),
        (b"abcd", b"heic", "HEIF"), (b"mif1", b"", "HEIF"), (b"heic", b"mif1avif", "HEIF"), (b"avis", b"", "AVIF"),
        (b"mif1", b"avif", "AVIF"), (b"miaf", b"mif1avif", "AVIF"), (b"MA1B", b"miaf", "AVIF"),
        (b"abcd", b"avis", "AVIF"),
        (b"isom", b"iso2avc1mp41", "a video"), (b"qt  ", b"", "a video"), (b"mp42", b"isommp42", "a video"),
        (b"crx ", b"heic", "a camera's raw file"),
    ],
)  # fmt: skip
def test_what_a_box_file_is_any_of_its_brands_may_say(major: bytes, others: bytes, kind: str) -> None:
    """The major brand alone does not make a video of a picture."""
    box = (16 + len(others)).to_bytes(4, "big") + b"ftyp" + major + bytes(4) + others
    assert kind_of(box + b"\0\0\0\x08free" + bytes(64)) == kind


def test_a_bmp_is_known_although_a_program_left_its_name_in_it() -> None:
    """The four bytes that should be zero tell nothing; what begins with BM by chance is still none."""
    assert kind_of(WHOLE["bmp"][:6] + b"abcd" + WHOLE["bmp"][10:]) == "BMP"
    assert kind_of(b"BM is how this text begins, and it goes on for a while") is None


def test_a_png_damaged_on_its_way_is_left_to_the_decoder() -> None:
    """Its end is there, and nobody says that it is missing."""
    at = WHOLE["png"].index(b"IDAT")
    assert end_of(WHOLE["png"][:at] + b"\0\1\2\3" + WHOLE["png"][at + 4 :]).state == "finished"
    assert end_of(WHOLE["png"][:at] + b"\0\1\2\3" + WHOLE["png"][at + 4 : -1]).state == "unfinished"


def test_a_tail_of_zeros_is_suspect_not_lost() -> None:
    """Four of 951 good files end so: wait, then accept."""
    end = end_of(WHOLE["jpeg"] + bytes(1024))
    assert end.state == "suspect"
    assert "zeros" in end.reason


def test_a_gif_without_its_last_byte_is_suspect() -> None:
    """Some writers forget the trailer of a whole picture."""
    assert end_of(WHOLE["gif"][:-1]).state == "suspect"
    assert end_of(WHOLE["gif"][:-40]).state == "unfinished"


def test_empty_and_all_zero_files_are_unfinished() -> None:
    """A file that was just created, or preallocated, will get its content."""
    assert end_of(b"").reason == "the file is empty"
    assert end_of(bytes(5000)).state == "unfinished"


def test_what_is_no_picture_is_left_to_the_decoder() -> None:
    """An unknown kind has no known end."""
    assert end_of(b"<html>not found</html>").state == "finished"


def test_quiet_means_both_times_are_past() -> None:
    """Mtime and ctime both count: a copy that sets an old mtime still moves ctime."""
    old = dataclasses.replace(SEEN, mtime_ns=NOW - 3 * SECOND, ctime_ns=NOW - 3 * SECOND)
    assert is_quiet(old, now_ns=NOW, settle_s=2)
    assert is_quiet(old, now_ns=NOW, settle_s=3)
    assert not is_quiet(old, now_ns=NOW, settle_s=3.5)
    assert not is_quiet(dataclasses.replace(old, ctime_ns=NOW - SECOND), now_ns=NOW, settle_s=2)
    assert not is_quiet(dataclasses.replace(old, mtime_ns=NOW - SECOND), now_ns=NOW, settle_s=2)


def test_a_time_in_the_future_does_not_block() -> None:
    """A camera with a wrong clock: ctime decides alone, and with both ahead the second look does."""
    ahead = dataclasses.replace(SEEN, mtime_ns=NOW + 10**6 * SECOND)
    assert is_quiet(ahead, now_ns=NOW, settle_s=2)
    assert not is_quiet(dataclasses.replace(ahead, ctime_ns=NOW - SECOND), now_ns=NOW, settle_s=2)
    assert is_quiet(dataclasses.replace(ahead, ctime_ns=NOW + SECOND), now_ns=NOW, settle_s=2)


def test_two_looks_agree_by_inode_size_and_mtime() -> None:
    """Any of the three tells a change; ctime alone does not."""
    assert is_same(SEEN, dataclasses.replace(SEEN, ctime_ns=NOW, path="b.jpg"))
    for change in ({"inode": 8}, {"size_bytes": 11}, {"mtime_ns": NOW}):
        assert not is_same(SEEN, dataclasses.replace(SEEN, **change))


def test_sample_photos_reach_their_end(shared_photos: Path) -> None:
    """No false alarm on the samples; the broken ones and the cut one are found."""
    with open(shared_photos / "MANIFEST.tsv") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    states = {row["path"]: end_of((shared_photos / "files" / row["path"]).read_bytes()).state for row in rows}
    assert {path: state for path, state in states.items() if state != "finished"} == {
        "pillow_heif/heif_corrupted/corrupted.heic": "unfinished",
        "pillow_heif/heif_corrupted/corrupted.hif": "unfinished",
        "pillow_heif/heif_corrupted/empty.heic": "unfinished",
        "pillow_heif/heif_truncated/truncated.heic": "suspect",
    }
