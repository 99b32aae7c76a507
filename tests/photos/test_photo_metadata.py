"""When and where, from what files say: every rule and every oddity seen in the wild."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vecclust.photos.metadata import Metadata, place_of, read_metadata, taken_at
from vecclust.types.photos import Place

NOW_NS = int(datetime(2026, 7, 1, tzinfo=UTC).timestamp()) * 10**9
MTIME_NS = int(datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC).timestamp()) * 10**9
ORIGINAL, DIGITIZED, CHANGED = 0x9003, 0x9004, 0x0132
SUB_ORIGINAL, OFFSET, OFFSET_ORIGINAL, OFFSET_DIGITIZED = 0x9291, 0x9010, 0x9011, 0x9012
XMP = b'<rdf:Description photoshop:DateCreated="2011-02-03T04:05:06+01:00"/>'
GPS: dict[int, Any] = {7: (12.0, 30.0, 15.5), 29: "2012:03:04"}


def taken(tags: dict[int, Any], *, gps: Any = None, xmp: bytes = b"", name: str = "a.jpg") -> tuple[str, str]:
    """Give source and date as text."""
    found = taken_at(Metadata(tags, gps or {}, xmp), path=f"/photos/{name}", mtime_ns=MTIME_NS, now_ns=NOW_NS)
    assert found is not None
    return found.source, found.when.isoformat()


def test_sources_are_asked_in_their_order() -> None:
    """Take one away after the other: the next one speaks."""
    tags = {ORIGINAL: "2001:01:01 01:01:01", DIGITIZED: "2002:02:02 02:02:02", CHANGED: "2003:03:03 03:03:03"}
    everything: dict[str, Any] = {"gps": GPS, "xmp": XMP, "name": "IMG_20130405_060708.jpg"}
    assert taken(tags, **everything) == ("original", "2001-01-01T01:01:01")
    del tags[ORIGINAL]
    assert taken(tags, **everything) == ("digitized", "2002-02-02T02:02:02")
    del tags[DIGITIZED]
    assert taken(tags, **everything) == ("xmp", "2011-02-03T04:05:06+01:00")
    del everything["xmp"]
    assert taken(tags, **everything) == ("gps", "2012-03-04T12:30:15.500000+00:00")
    del everything["gps"]
    assert taken(tags, **everything) == ("name", "2013-04-05T06:07:08")
    del everything["name"]
    assert taken(tags, **everything) == ("datetime", "2003-03-03T03:03:03")
    assert taken({}) == ("mtime", "2020-02-03T04:05:06+00:00")


def test_an_offset_belongs_to_its_own_date_alone() -> None:
    """No date takes the offset of another tag, and without one its zone is unknown, never UTC."""
    date = "2024:01:02 03:04:05"
    assert taken({ORIGINAL: date, OFFSET_ORIGINAL: "+09:00"})[1] == "2024-01-02T03:04:05+09:00"
    assert taken({ORIGINAL: date, OFFSET_ORIGINAL: "-0330"})[1] == "2024-01-02T03:04:05-03:30"
    assert taken({ORIGINAL: date, OFFSET_ORIGINAL: "Z"})[1] == "2024-01-02T03:04:05+00:00"
    assert taken({ORIGINAL: date, OFFSET: "+09:00", OFFSET_DIGITIZED: "+09:00"})[1] == "2024-01-02T03:04:05"
    assert taken({DIGITIZED: date, OFFSET_ORIGINAL: "+09:00"})[1] == "2024-01-02T03:04:05"
    for odd in ("   :  ", "", "+25:00", "+15:00", "+09:75", "\0", "JST", 540):
        assert taken({ORIGINAL: date, OFFSET_ORIGINAL: odd})[1] == "2024-01-02T03:04:05"


@pytest.mark.parametrize(
    ("fraction", "microseconds"),
    [
        ("5", "500000"),
        ("057", "057000"),
        ("1234567", "123456"),
        ("42 \0", "420000"),
        ("x", ""),
        ("", ""),
        (25, "250000"),
    ],
)
def test_sub_seconds_are_decimals(fraction: Any, microseconds: str) -> None:
    """`5` is half a second and `057` is 57 milliseconds."""
    when = taken({ORIGINAL: "2024:01:02 03:04:05", SUB_ORIGINAL: fraction})[1]
    assert when == "2024-01-02T03:04:05" + (f".{microseconds}" if microseconds else "")


@pytest.mark.parametrize(
    "text",
    [
        "2024:01:02 03:04:05\0", "2024:01:02 03:04:05\0\0garbage", " 2024:01:02 03:04:05 ", "2024-01-02 03:04:05",
        "2024/01/02 03:04:05", "2024-01-02T03:04:05", "2024:1:2 3:04:05", b"2024:01:02 03:04:05\0",
    ],
)  # fmt: skip
def test_dates_are_read_in_the_shapes_that_occur(text: Any) -> None:
    """NULs and blanks around, other separators, bytes."""
    assert taken({ORIGINAL: text}) == ("original", "2024-01-02T03:04:05")


@pytest.mark.parametrize(
    "text",
    [
        "0000:00:00 00:00:00", "    :  :     :  :  ", "", "\0" * 20, "2024:13:01 00:00:00", "2024:02:30 00:00:00",
        "1899:12:31 23:59:59", "2028:01:01 00:00:00", "2000:01:01 00:00:00", "1980-01-01", "1970:01:01 01:00:00",
        "1969:12:31 19:00:00", "1904:01:01 00:00:00", "garbage", None, 7, (1, 2), 3.5, b"\xff\xfe",
    ],
)  # fmt: skip
def test_dates_that_are_none_are_passed_over(text: Any) -> None:
    """Zeros, blanks, no such day, times to come, clocks that were never set: the next source speaks."""
    assert taken({ORIGINAL: text, DIGITIZED: "2002:02:02 02:02:02"})[0] == "digitized"


def test_a_day_ahead_is_believed_and_more_is_not() -> None:
    """East of here the day has begun; a camera in next winter is wrong, and so is one that stands at New Year 2000."""
    assert taken({ORIGINAL: "2026:07:01 14:00:00"})[0] == "original"
    assert taken({ORIGINAL: "2026:07:02 13:00:00", OFFSET_ORIGINAL: "+14:00"})[0] == "original"
    assert taken({ORIGINAL: "2026:07:02 00:00:01"})[0] == "mtime"
    assert taken({ORIGINAL: "2000:01:01 00:03:12"})[0] == "original"
    assert taken({}, name="20000101_000000.jpg")[0] == "mtime"
    assert taken({ORIGINAL: "2000:01:01 00:00:00"}, name="20230615_142233.jpg") == ("name", "2023-06-15T14:22:33")


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone of a process can be set on Unix alone")
def test_what_is_known_in_utc_goes_by_the_clock_of_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The likeliest that hung where a photo was taken: else an evening in Auckland would be on the day before."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        assert taken({}) == ("mtime", "2020-02-03T17:05:06+13:00")
        assert taken({}, gps=GPS) == ("gps", "2012-03-05T01:30:15.500000+13:00")
        assert taken({}, name="PXL_20230615_142233123.jpg") == ("name", "2023-06-16T02:22:33+12:00")
        assert taken({}, xmp=b'exif:DateTimeOriginal="2011-02-03T04:05:06Z"')[1] == "2011-02-03T04:05:06+00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("iptc", "when"),
    [
        (("20110203", "040506+0100"), "2011-02-03T04:05:06+01:00"),
        (("20110203", "040506"), "2011-02-03T04:05:06"),
        (("20110203", ""), "2011-02-03T00:00:00"),
        (("20110203", "late"), "2011-02-03T00:00:00"),
    ],
)
def test_an_iptc_date_is_read(iptc: tuple[str, str], when: str) -> None:
    """Below EXIF and XMP, above all that is not in the file's metadata."""
    found = taken_at(Metadata(iptc=iptc), path="/photos/IMG_20240131_235958.jpg", mtime_ns=MTIME_NS, now_ns=NOW_NS)
    assert found is not None
    assert (found.source, found.when.isoformat()) == ("iptc", when)


@pytest.mark.parametrize("iptc", [("20110000", ""), ("2011", ""), ("00000000", "000000"), ("", "040506")])
def test_an_iptc_date_without_a_day_is_none(iptc: tuple[str, str]) -> None:
    """Its month or day may be 00: not known."""
    found = taken_at(Metadata(iptc=iptc), path="/photos/a.jpg", mtime_ns=MTIME_NS, now_ns=NOW_NS)
    assert found is not None
    assert found.source == "mtime"


def test_what_a_file_says_in_iptc_and_png_text_is_read() -> None:
    """Through Pillow, from files as programs write them."""
    record = b"".join(b"\x1c\x02" + bytes([n, 0, len(v)]) + v for n, v in ((55, b"20110203"), (60, b"040506+0100")))
    resource = b"8BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record + b"\0" * (len(record) % 2)
    block = b"Photoshop 3.0\0" + resource
    plain = saved("JPEG")
    marked = plain[:2] + b"\xff\xed" + (len(block) + 2).to_bytes(2, "big") + block + plain[2:]
    texts = PngInfo()
    texts.add_text("Creation Time", "Thu, 03 Feb 2011 04:05:06 +0100")
    texts.add_text("date:create", "2019-01-01T00:00:00+00:00")
    for source, data in (("iptc", marked), ("png", saved("PNG", pnginfo=texts))):
        with Image.open(BytesIO(data)) as image:
            found = taken_at(read_metadata(image), path="/photos/a", mtime_ns=MTIME_NS, now_ns=NOW_NS)
        assert found is not None
        assert (found.source, found.when.isoformat()) == (source, "2011-02-03T04:05:06+01:00")


def saved(kind: str, **options: Any) -> bytes:
    """Give a small picture as a file's bytes."""
    file = BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("xmp", "when"),
    [
        (b"<exif:DateTimeOriginal>2011-02-03T04:05:06</exif:DateTimeOriginal>", "2011-02-03T04:05:06"),
        (b"<xmp:CreateDate> 2011-02-03T04:05:06.25Z </xmp:CreateDate>", "2011-02-03T04:05:06.250000+00:00"),
        (b"xmp:CreateDate='2011-02-03T04:05'", "2011-02-03T04:05:00"),
        (b"xmp:CreateDate='2011-02-03'", "2011-02-03T00:00:00"),
        (b"<xmp:CreateDate>2011-02-03T04:05:06GMT+02:00</xmp:CreateDate>", "2011-02-03T04:05:06+02:00"),
        (b'xmp:CreateDate="2001-01-01T00:00:00" exif:DateTimeOriginal="2011-02-03T04:05:06"', "2011-02-03T04:05:06"),
    ],
)
def test_xmp_dates_are_found_as_attribute_and_as_element(xmp: bytes, when: str) -> None:
    """The taking counts before the making; partial times are read."""
    assert taken({}, xmp=xmp) == ("xmp", when)


@pytest.mark.parametrize("xmp", [b"xmp:CreateDate='2011'", b"xmp:ModifyDate='2011-02-03'", b"\xff" * 100, b"<" * 5000])
def test_xmp_without_a_full_date_says_nothing(xmp: bytes) -> None:
    """A year alone is no date, and a date of editing is not one of taking."""
    assert taken({}, xmp=xmp)[0] == "mtime"


def test_xmp_entities_are_not_expanded() -> None:
    """XMP comes from strangers: it is searched, not parsed."""
    bomb = b'<!DOCTYPE x [<!ENTITY a "2011-02-03T04:05:06">]><xmp:CreateDate>&a;</xmp:CreateDate>'
    assert taken({}, xmp=bomb)[0] == "mtime"


@pytest.mark.parametrize(
    "gps",
    [
        {7: (12.0, 30.0, 15.5)}, {29: "2012:03:04"}, {7: (float("nan"),) * 3, 29: "2012:03:04"},
        {7: (25.0, 0.0, 0.0), 29: "2012:03:04"}, {7: (12.0,), 29: "2012:03:04"}, {7: "noon", 29: "2012:03:04"},
        {7: (12.0, 0.0, 0.0), 29: "0000:00:00"},
    ],
)  # fmt: skip
def test_half_a_gps_time_is_none(gps: dict[int, Any]) -> None:
    """Both day and clock are needed, and both must be real."""
    assert taken({}, gps=gps)[0] == "mtime"


def test_a_gps_time_in_xmp_counts_as_one() -> None:
    """Some writers put the satellite's time there alone; it is UTC."""
    xmp = b"<exif:GPSTimeStamp>2023-11-15T12:30:00</exif:GPSTimeStamp>"
    assert taken({}, xmp=xmp) == ("gps", "2023-11-15T12:30:00+00:00")


@pytest.mark.parametrize("mtime_ns", [-(10**19), 10**21, int(4e18)])
def test_no_source_at_all_is_none(mtime_ns: int) -> None:
    """A file whose own time is nonsense has none."""
    assert taken_at(Metadata(), path="/photos/a.jpg", mtime_ns=mtime_ns, now_ns=NOW_NS) is None


@pytest.mark.parametrize(
    ("gps", "place"),
    [
        ({1: "N", 2: (10.0, 30.0, 36.0), 3: "E", 4: (20.0, 0.0, 0.0)}, Place(10.51, 20.0)),
        ({1: "S", 2: (10.0, 30.0, 36.0), 3: "W", 4: (20.0, 0.0, 0.0)}, Place(-10.51, -20.0)),
        ({1: "N", 2: (-10.0, 30.0, 36.0), 3: "E", 4: (-20.0, 0.0, 0.0)}, Place(10.51, 20.0)),
        ({1: "s\0", 2: (10.5,), 3: b"w\0", 4: [20.0, 30.0]}, Place(-10.5, -20.5)),
        ({1: "North", 2: 10.5, 3: "East", 4: 20.5}, Place(10.5, 20.5)),
        ({2: (-10.5,), 4: (-20.5,)}, Place(-10.5, -20.5)),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (20.0, 0.0, 0.0)}, Place(0.0, 20.0)),
        ({1: "N", 2: (90.0, 0.0, 0.0), 3: "W", 4: (180.0, 0.0, 0.0)}, Place(90.0, -180.0)),
    ],
)
def test_places_are_read(gps: dict[int, Any], place: Place) -> None:
    """The letter wins over the sign; one, two and three parts occur."""
    found = place_of(Metadata(gps=gps))
    assert found is not None
    assert (found.latitude, found.longitude) == pytest.approx((place.latitude, place.longitude))


NAN = float("nan")


@pytest.mark.parametrize(
    "gps",
    [
        {}, {1: "N", 2: (10.0, 0.0, 0.0)}, {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "\0", 2: (NAN,) * 3, 3: "\0", 4: (NAN,) * 3}, {1: "N", 2: (NAN, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)},
        {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}, {1: "N", 2: (1.0,), 3: "E", 4: (181.0,)},
        {1: "\0", 2: (1.0,), 3: "\0", 4: (1.0,)}, {1: "N", 2: "here", 3: "E", 4: (1.0,)},
        {1: "N", 2: (), 3: "E", 4: (1.0,)}, {1: "N", 2: (1.0,) * 4, 3: "E", 4: (1.0,)},
        {1: "N", 2: (float("inf"),), 3: "E", 4: (1.0,)}, {1: 5, 2: None, 3: 5, 4: None},
    ],
)  # fmt: skip
def test_places_that_are_none_are_not_made_up(gps: dict[int, Any]) -> None:
    """0/0, exactly (0, 0), no hemisphere, off the globe: no place."""
    assert place_of(Metadata(gps=gps)) is None


_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.text(max_size=25), st.binary(max_size=25), st.integers(), st.floats(),
    st.lists(st.one_of(st.floats(), st.text(max_size=3), st.none()), max_size=4).map(tuple),
)  # fmt: skip


@given(
    st.dictionaries(st.sampled_from([ORIGINAL, SUB_ORIGINAL, OFFSET_ORIGINAL, CHANGED]), _VALUES),
    st.dictionaries(st.sampled_from([1, 2, 3, 4, 7, 29]), _VALUES),
    st.binary(max_size=80),
    st.text(max_size=40),
)
def test_no_metadata_whatever_raises(tags: dict[int, Any], gps: dict[int, Any], xmp: bytes, name: str) -> None:
    """Whatever a tag holds, the answer is a believable value or none."""
    metadata = Metadata(tags, gps, b"xmp:CreateDate='" + xmp)
    found = taken_at(metadata, path=f"/photos/{name}", mtime_ns=MTIME_NS, now_ns=NOW_NS)
    assert found is not None
    assert 1900 <= found.when.year <= 2026
    place = place_of(metadata)
    assert place is None or (abs(place.latitude) <= 90 and abs(place.longitude) <= 180)
