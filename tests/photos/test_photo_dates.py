"""Dates in names, tags and files beside: every scheme that is known, and nothing that only looks like one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vecclust.photos.dates import name_date, read_date
from vecclust.photos.metadata import Metadata, taken_at
from vecclust.photos.sidecars import takeout_date, xmp_beside


@pytest.mark.parametrize(
    "name",
    [
        "20230615_142233.jpg",
        "20230615_142233(0).jpg",
        "20230615_142233_001.jpg",
        "20230615_142233_HDR.jpg",
        "20230615_142233_Burst01.jpg",
        "20230615-142233.jpg",
        "2023-06-15 14.22.33.jpg",
        "2023-06-15 14.22.33-1.jpg",
        "2023-06-15 14.22.33 HDR.jpg",
        "2023-06-15 14:22:33.jpg",
        "2023-06-15T14-22-33.jpg",
        "2023-06-15_14-22-33.jpg",
        "2023-06-15_14-22-33_01.jpg",
        "2023_06_15_14_22_33.jpg",
        "signal-2023-06-15-142233.jpg",
        "signal-2023-06-15-142233_002.jpeg",
        "signal-2023-06-15-14-22-33-123.jpg",
        "signal-attachment-2023-06-15-142233.jpg",
        "WhatsApp Image 2023-06-15 at 14.22.33.jpeg",
        "WhatsApp Image 2023-06-15 at 14.22.33 (1).jpeg",
        "WhatsApp Image 2023-06-15 at 2.22.33 PM.jpeg",
        "Screenshot 2023-06-15 at 14.22.33.png",
        "Screenshot 2023-06-15 at 2.22.33 PM.png",
        "Screenshot 2023-06-15 at 2.22.33\u202fPM.png",
        "Screen Shot 2023-06-15 at 14.22.33.png",
        "Screen Shot 2023-06-15 at 2.22.33 PM (2).png",
        "Bildschirmfoto 2023-06-15 um 14.22.33.png",
        "Bildschirmfoto vom 2023-06-15 14-22-33.png",
        "Capture d\u2019écran 2023-06-15 à 14.22.33.png",
        "Screenshot from 2023-06-15 14-22-33.png",
        "Screenshot from 2023-06-15 14-22-33-1.png",
        "Screenshot 2023-06-15 142233.png",
        "Screenshot_2023-06-15-14-22-33.png",
        "Screenshot_2023-06-15-14-22-33-123_com.android.chrome.jpg",
        "Screenshot_20230615-142233_Chrome.jpg",
        "Screenshot_20230615_142233.png",
        "Screenshot_20230615-142233~2.png",
        "2023-06-15-142233_1920x1080_scrot.png",
        "IMG20230615142233.jpg",
        "IMG20230615142233_01.jpg",
        "IMG_20230615_142233.jpg",
        "IMG_20230615_142233_1.jpg",
        "IMG_20230615_142233_123.jpg",
        "IMG_20230615_142233123_HDR.jpg",
        "IMG_20230615_142233_00_001.insp.jpg",
        "MVIMG_20230615_142233.jpg",
        "PANO_20230615_142233.vr.jpg",
        "BURST20230615142233.jpg",
        "00000IMG_00000_BURST20230615142233123_COVER.jpg",
        "00100lPORTRAIT_00100_BURST20230615142233123_COVER.jpg",
        "WP_20230615_14_22_33_Pro.jpg",
        "photo_2023-06-15_14-22-33.jpg",
        "photo_5@15-06-2023_14-22-33.jpg",
        "photo_2023-06-15_14-22-33 (2).jpg",
        "KakaoTalk_20230615_142233123.jpg",
        "KakaoTalk_Photo_2023-06-15-14-22-33 001.jpeg",
        "DJI_20230615142233_0001_D.JPG",
        "IMG-20230615-142233-V.jpg",
        "Photo 15-06-2023, 14 22 33.jpg",
        "23-06-15 14-22-33 1234.jpg",
        "C360_2023-06-15-14-22-33-123.jpg",
        "InShot_20230615_142233123.jpg",
        "CYMERA_20230615_142233.jpg",
        "B612_20230615_142233_123.jpg",
        "Snapseed 2023-06-15 14-22-33.jpg",
        "IMG_20230615_142233_Bokeh.jpg",
        "IMG_20230615_142233~2.jpg",
        "20230615_142233 (Kopie).jpg",
        "2023-06-15 14h22m33.jpg",
        "LRM_20230615_142233.jpg",
        "VID_20230615_142233.jpg",
        "Screenshot_2023.06.15_14.22.33.png",
        "Screenshot 15.06.2023 14.22.33.png",
    ],
)
def test_a_name_tells_day_and_time(name: str) -> None:
    """Of cameras, messengers, desktops and programs that sync; with counters, suffixes and bursts."""
    found = name_date(name)
    assert found is not None
    assert found.replace(microsecond=0).isoformat() == "2023-06-15T14:22:33"


@pytest.mark.parametrize(
    "name",
    [
        "IMG-20230615-WA0001.jpg",
        "VID-20230615-WA0001.jpg",
        "IMG_20230615_A.jpg",
        "IMG_20230615_0001.jpg",
        "20230615.jpg",
        "2023-06-15.jpg",
        "2023-06-15 Grandma.jpg",
        "20230615_0012.jpg",
        "2023-06-15 (3).jpg",
        "WP_20230615_001.jpg",
        "Scan 15.06.2023.jpg",
        "scan_06-15-2023.jpg",
        "Birthday 2023_06_15 01.jpg",
        "20230615-Paris.jpg",
        "Paris 2023.06.15-2.jpg",
    ],
)
def test_a_name_tells_the_day(name: str) -> None:
    """A counter is no time of the day, and neither is half of one."""
    found = name_date(name)
    assert found is not None
    assert found.isoformat() == "2023-06-15T00:00:00"


@pytest.mark.parametrize(
    "name",
    [
        "PXL_20230615_142233123.jpg",
        "PXL_20230615_142233123.PORTRAIT-01.COVER.jpg",
        "PXL_20230615_142233123.MP.jpg",
        "FB_IMG_1686838953123.jpg",
        "mmexport1686838953123.jpg",
        "1686838953123.jpg",
    ],
)
def test_some_names_are_in_utc(name: str) -> None:
    """Those of Google's camera, and milliseconds since 1970."""
    found = name_date(name)
    assert found is not None
    assert found.replace(microsecond=0).isoformat() == "2023-06-15T14:22:33+00:00"


@pytest.mark.parametrize(
    "name",
    [
        "IMG_1234.jpg",
        "DSC20012345.jpg",
        "P1010203.jpg",
        "12345678.jpg",
        "20191234.jpg",
        "received_123456789012345.jpeg",
        "Snapchat-1234567890.jpg",
        "0f8fad5b-d9cb-469f-a165-20230615b4d2.jpg",
        "a3f5c920230615142233deadbeefcafe00.jpg",
        "2023.jpg",
        "2023-06.jpg",
        "06-05-2023.jpg",
        "1920x1080-wallpaper.jpg",
        "20230230.jpg",
        "4032x3024_20239999.jpg",
        "IMG_20230615142.jpg",
        "202306151.jpg",
        "IMG_20241331_000000.jpg",
        "IMG_20240131_235958123456.jpg",
        "e\udce9.jpg",
        "",
    ],
)
def test_a_number_is_no_date(name: str) -> None:
    """No such day, digits of a hash, day and month that could be either, a year alone."""
    found = name_date(name)
    assert found is None or (name.startswith("IMG_20240131") and found.isoformat() == "2024-01-31T00:00:00")


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2013: 9:21  3: 5:10", "2013-09-21T03:05:10"),
        ("2013:09:21 24:05:10", "2013-09-21T00:05:10"),
        ("2013:09:21 13:05:60", "2013-09-21T13:05:59"),
        ("2019:07:21 11:06:38 PM", "2019-07-21T23:06:38"),
        ("2019:07:21 12:06:38 am", "2019-07-21T00:06:38"),
        ("2019:07:21 7:06:38 p.m.", "2019-07-21T19:06:38"),
        ("2019:07:21 23:06:38:123", "2019-07-21T23:06:38.123000"),
        ("2019:07:21 23:06:38,5", "2019-07-21T23:06:38.500000"),
        ("2019:07:21 23:06:38 CEST", "2019-07-21T23:06:38"),
        ("2019:07:21 23:06:38 (CET)", "2019-07-21T23:06:38"),
        ("2019:07:21 23:06:38 UTC", "2019-07-21T23:06:38+00:00"),
        ("2019:07:21 23:06:38 GMT+02:00", "2019-07-21T23:06:38+02:00"),
        ("2019-07-21T23:06+14:00", "2019-07-21T23:06:00+14:00"),
        ("2019-07-21T23:06+13:45", "2019-07-21T23:06:00+13:45"),
        ("2019:07:21 23:06:38+15:00", "2019-07-21T23:06:38"),
        ("2019:07:21", "2019-07-21T00:00:00"),
        ("2019:07:21 99:99:99", "2019-07-21T00:00:00"),
        ("2019:07:21 25:00:00", "2019-07-21T00:00:00"),
        ("2019:07:21 quarter past nine", "2019-07-21T00:00:00"),
        ("2019/07/21 23.06.38", "2019-07-21T23:06:38"),
        ("Thu, 15 Jun 2023 14:22:33 +0200", "2023-06-15T14:22:33+02:00"),
        ("Thu Jun 15 14:22:33 2023", "2023-06-15T14:22:33"),
    ],
)
def test_a_plausible_day_survives_an_odd_time(text: str, when: str) -> None:
    """Blanks for noughts, hour 24, second 60, halves of the day, milliseconds, names of zones; zones up to +14:00."""
    found = read_date(text)
    assert found is not None
    assert found.isoformat() == when


@pytest.mark.parametrize("text", ["", "0000:00:00 00:00:00", "    :  :     :  :  ", "2019:13:21 01:01:01", "2019", "7"])
def test_what_is_no_day_is_none(text: str) -> None:
    """Zeros, blanks, month 13, a year alone."""
    assert read_date(text) is None


@pytest.mark.parametrize(
    ("photo", "sidecar"),
    [
        ("IMG_1.jpg", "IMG_1.jpg.json"),
        ("IMG_1.jpg", "IMG_1.json"),
        ("IMG_1.jpg", "IMG_1.jpg.supplemental-metadata.json"),
        ("IMG_1(2).jpg", "IMG_1.jpg(2).json"),
        ("IMG_1(2).jpg", "IMG_1.jpg.supplemental-metadata(2).json"),
        ("IMG_1-edited.jpg", "IMG_1.jpg.json"),
        ("a_photo_with_quite_a_long_name_given_by_it.jpg", "a_photo_with_quite_a_long_name_given_by_it.jpg.json"),
        ("a_photo_with_a_long_name_of_thirty.jpg", "a_photo_with_a_long_name_of_thirty.jpg.supplem.json"),
    ],
)
def test_takeouts_files_are_found(tmp_path: Path, photo: str, sidecar: str) -> None:
    """Also where their names are cut or counted; the time is UTC."""
    (tmp_path / sidecar).write_text(json.dumps({"title": photo, "photoTakenTime": {"timestamp": "1686838953"}}))
    found = takeout_date(str(tmp_path / photo))
    assert found is not None
    assert found.isoformat() == "2023-06-15T14:22:33+00:00"


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"photoTakenTime": {"timestamp": "soon"}}', '{"photoTakenTime": 3}', "[" * 100_000),
        *('{"photoTakenTime": {"timestamp": "9999999999999999"}}', '{"a": "' + "x" * 2**20 + '"}', "\x00"),
    ],
)
def test_other_json_says_nothing(tmp_path: Path, text: str) -> None:
    """Not every file of that name is Takeout's, and none stops a photo."""
    (tmp_path / "a.jpg.json").write_text(text)
    assert takeout_date(str(tmp_path / "a.jpg")) is None


@pytest.mark.parametrize("sidecar", ["a.jpg.xmp", "a.xmp", "a.XMP"])
def test_a_sidecar_speaks_below_the_photo_and_above_its_name(tmp_path: Path, sidecar: str) -> None:
    """XMP beside counts after all that the photo itself says."""
    (tmp_path / sidecar).write_bytes(b'<rdf:Description exif:DateTimeOriginal="2011-02-03T04:05:06"/>')
    assert xmp_beside(str(tmp_path / "a.jpg"))
    path, now_ns = str(tmp_path / "a.jpg"), 1_780_000_000 * 10**9
    found = taken_at(Metadata(), path=path, mtime_ns=0, now_ns=now_ns)
    assert found is not None
    assert (found.source, found.when.isoformat()) == ("sidecar", "2011-02-03T04:05:06")
    found = taken_at(Metadata({0x9003: "2012:01:02 03:04:05"}), path=path, mtime_ns=0, now_ns=now_ns)
    assert found is not None
    assert found.source == "original"
