"""What a file is by its first bytes, and whether its content reaches its end; nothing is decoded.

Knows magic numbers and the frames of the formats, no clock, no disk and no decoder; a file's name is never asked. A
file is finished when it has been quiet for a while, two looks at it agree (`walk`), and its content reaches its end.
Decoders are no judges of this: Pillow's `load()` accepts about 23 % of the JPEGs and 70 % of the HEICs whose second
half is still zeros. A verdict has three values, because a few old, whole files look odd at their end: `suspect` means
"wait longer, then accept". Old disks also hold JPEGs that lost their tail or a byte among their pixels, and that every
viewer shows: these are unfinished and `viewable`, "wait for long, then take what can be shown, and say so". So are BMPs
and TIFFs whose plain pixels end in zeros in the middle of a row.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from vecclust.photos.tails import ends_in_zeros, has_unfilled_heif, has_unfilled_webp, is_plain_cut

# Recognised so that the reason can name them; they cannot be decoded here.
ForeignKind = Literal[
    "JPEG XL", "JPEG 2000", "a video", "a PDF", "a web page", "a ZIP archive", "a camera's raw file"
]  # fmt: skip
Kind = Literal["JPEG", "PNG", "GIF", "WebP", "TIFF", "BMP", "HEIF", "AVIF"] | ForeignKind
FOREIGN_KINDS: frozenset[str] = frozenset(get_args(ForeignKind))

# The first that fits: some raw files begin as a TIFF does.
_STARTS: dict[Kind, tuple[bytes, ...]] = {
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (b"\x89PNG\r\n\x1a\n",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "a camera's raw file": (b"II*\0\x10\0\0\0CR", b"IIU\0", b"IIRO", b"FUJIFILMCCD-RAW"),
    "TIFF": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "JPEG XL": (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"),
    "JPEG 2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    "a PDF": (b"%PDF",),
    "a ZIP archive": (b"PK\x03\x04",),
    "a video": (b"\x1a\x45\xdf\xa3",),
}
# Brands of `ftyp` that say how pictures are coded, and those that only say that there are pictures.
_AVIF_BRANDS = frozenset({b"avif", b"avis", b"avio", b"MA1A", b"MA1B"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_PICTURE_BRANDS = frozenset(
    {
        b"mif1",
        b"mif2",
        b"msf1",
        b"miaf",
        b"MiHB",
        b"MiHA",
        b"MiHE",
        b"MiPr",
        b"1pic",
        b"avci",
        b"avcs",
        b"jpeg",
        b"jpgs",
    }
)
# The major brands that the decoders let in; what they decode depends on the others.
_OPENED_BRANDS: dict[Kind, frozenset[bytes]] = {
    "AVIF": frozenset({b"avif", b"avis", b"mif1", b"msf1"}),
    "HEIF": _HEIF_BRANDS | {b"mif1", b"msf1"},
}
# Lengths of a BMP's second header, by version.
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})

# A file whose end is only odd is taken as it is after this long without a change: no copy stops for long within its
# last bytes, and a scan has the patience to wait for it.
ODD_END_QUIET_S = 10.0
# Zeros at the end may be the room for what is still to come, from a copier that stalls: longer than its pauses, short
# enough that the ladder of retries (5 s, 30 s, 2 min, 10 min) passes it.
ZERO_TAIL_QUIET_S = 300.0

# A damaged JPEG may be one that is still copied, by a phone that lost its network or a sync tool that resumes. Pauses
# of minutes are usual there; an hour without a byte is taken for the end, and the ladder of retries passes it (72 min).
# Were it taken too early, the whole file would be read anew when it comes.
DAMAGED_QUIET_S = 3600.0

# 4 of 951 good files end in so many zeros; every preallocated copy in progress does.
_ZERO_TAIL_BYTES = 1024

# What is said of a picture whose pixels were never written to their end.
UNFILLED = "the {} is zeros from some place to its end, as a copy is that was broken off"

# A last box that overhangs the file by this little has its pictures: encoders and cutters miscount by a byte
# (pillow_heif's truncated.heic). More is missing picture.
_BOX_SLACK_BYTES = 16

# In the compressed part of a JPEG an FF is followed by 00 (a plain FF), D0 to D7 (a restart) or another FF;
# any other byte makes it a marker. One compiled search runs at 2.5 GB/s where a loop over `bytes.find`
# makes 0.6.
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

# What may stand behind the pixels of a JPEG: tables, a further scan, the number of lines, comments, what programs add.
_BEHIND_SCAN = frozenset({0xC4, 0xCC, 0xDA, 0xDB, 0xDC, 0xDD, 0xFE, *range(0xE0, 0xF0)})

# The numbers of a TIFF's tags, and the types of their values; the classic and the big layout, in both byte orders.
_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_OFFSETS, _TILE_COUNTS = 273, 279, 324, 325
_TIFF_PARTS = ((_STRIP_OFFSETS, _STRIP_COUNTS), (_TILE_OFFSETS, _TILE_COUNTS))
_TIFF_WIDTH, _TIFF_BITS, _TIFF_COMPRESSION, _TIFF_SAMPLES, _TIFF_PLANES = 256, 258, 259, 277, 284
_TIFF_NUMBERS = frozenset({_TIFF_WIDTH, _TIFF_BITS, _TIFF_COMPRESSION, _TIFF_SAMPLES, _TIFF_PLANES}.union(*_TIFF_PARTS))
# LZW, JPEG, deflate, PackBits, LZMA and Zstandard; what fax machines write may be filled up with zeros.
_TIFF_CODED = frozenset({5, 7, 8, 32773, 32946, 34925, 50000})
_INTEGER_TYPES: dict[int, str] = {3: "H", 4: "I", 16: "Q"}
_TYPE_BYTES: dict[int, int] = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8,
}  # fmt: skip


def kind_of(data: bytes) -> Kind | None:
    """Tell what the bytes are.

    Args:
        data: the file, or at least its first 64 bytes.

    Returns:
        The kind, or None for what is not known.
    """
    for kind, starts in _STARTS.items():
        if data.startswith(starts):
            return kind
    if data[:4] == b"RIFF":
        return "WebP" if data[8:12] == b"WEBP" else "a video" if data[8:12] == b"AVI " else None
    if data[4:8] == b"ftyp":
        return _kind_of_brands(data)
    # Not by the four bytes that should be zero: some programs leave their name there.
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    head = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "a web page" if head.startswith((b"<!doctype html", b"<html")) else None


def _kind_of_brands(data: bytes) -> Kind:
    """Read the `ftyp` box: the major brand where it says how pictures are coded, else all of them."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    major = data[8:12]
    if major == b"crx ":
        return "a camera's raw file"
    brands = {major, *(data[i : i + 4] for i in range(16, end, 4))}
    if major not in _HEIF_BRANDS and brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & (_HEIF_BRANDS | _PICTURE_BRANDS) else "a video"


def with_opened_brand(data: bytes, kind: Kind) -> bytes:
    """Give a HEIC or AVIF a major brand that decoders let in; which pictures it holds, they read further on.

    Args:
        data: the file.
        kind: what it is.

    Returns:
        The file itself where nothing is in their way.
    """
    if data[8:12] in _OPENED_BRANDS.get(kind, frozenset({data[8:12]})):
        return data
    return data[:8] + (b"avif" if kind == "AVIF" else b"mif1") + data[12:]


@dataclass(frozen=True, slots=True)
class End:
    """Whether a file's content reaches its end.

    Attributes:
        state: `finished`, `suspect` (wait longer, then accept) or `unfinished`.
        reason: what is missing, odd or damaged; empty for `finished`.
        quiet_s: seconds without a change after which a `suspect` file is taken as it is.
        viewable: whether an `unfinished` picture is one that a decoder shows in part.
    """

    state: Literal["finished", "suspect", "unfinished"]
    reason: str = ""
    quiet_s: float = ODD_END_QUIET_S
    viewable: bool = False


FINISHED = End("finished")


def end_of(data: bytes) -> End:
    """Say whether the bytes of a picture reach its end.

    Args:
        data: the whole file.

    Returns:
        The verdict. What is no known kind of picture is `finished`: the decoder will say what is wrong with
        it.
    """
    if not data:
        return End("unfinished", "the file is empty")
    kind = kind_of(data)
    check = _CHECKS.get(kind) if kind is not None else None
    if check is None and not any(data[:_ZERO_TAIL_BYTES]):
        return End("unfinished", "the file begins with nothing but zeros")
    try:
        end = FINISHED if check is None else check(data)
    except (struct.error, IndexError, OverflowError):
        return _missing(kind)
    if end.state == "finished" and len(data) > _ZERO_TAIL_BYTES and not any(data[-_ZERO_TAIL_BYTES:]):
        name = "file" if check is None else kind
        return End("suspect", f"the {name} ends in zeros, as a copy does that is still under way", ZERO_TAIL_QUIET_S)
    return end


def _missing(kind: Kind | None) -> End:
    return End("unfinished", f"the end of the {kind} is missing")


def _unfilled(kind: Kind, *, viewable: bool = False) -> End:
    return End("unfinished", UNFILLED.format(kind), viewable=viewable)


def _end_of_jpeg(data: bytes) -> End:
    walk = _walk_jpeg(data)
    if walk.ended and not walk.strays:
        return FINISHED
    if not walk.has_pixels:
        return _missing("JPEG")
    reason = "a part of the JPEG's pixels is damaged" if walk.ended else "the end of the JPEG is missing"
    return End("unfinished", reason, viewable=True)


@dataclass(frozen=True, slots=True)
class _JpegWalk:
    """What a walk through the segments of a JPEG came by: markers out of place, the end marker, and pixels."""

    strays: tuple[int, ...]
    ended: bool
    has_pixels: bool


def _walk_jpeg(data: bytes) -> _JpegWalk:
    """Walk the segments to the end marker; what motion photos and MPO carry behind it is not looked at.

    Behind the first pixels a marker is astray where none of its kind may stand or where its segment leads to no other:
    a damaged byte among the pixels. The walk goes on behind it as if it were pixels.
    """
    strays: list[int] = []
    at, has_pixels = 2, False
    while at + 2 <= len(data):
        marker = data[at + 1]
        if data[at] != 0xFF:
            # Bytes between segments are not allowed but occur, and libjpeg skips them: go on at the next
            # marker.
            at = _next_marker(data, at)
        elif marker == 0xD9:
            return _JpegWalk(tuple(strays), ended=True, has_pixels=has_pixels)
        elif marker == 0xFF:
            at += 1
        elif marker == 0x00 or 0xD0 <= marker <= 0xD7:
            at += 2
        elif has_pixels and not _leads_on(data, at):
            strays.append(at)
            at = _next_marker(data, at + 2)
        elif marker in (0x01, 0xD8):
            at += 2
        else:
            at = _behind_segment(data, at)
            if marker == 0xDA:
                has_pixels = at < len(data)
                at = _next_marker(data, at)
    return _JpegWalk(tuple(strays), ended=False, has_pixels=has_pixels)


def _behind_segment(data: bytes, at: int) -> int:
    """Give the offset behind a JPEG's segment; behind the data where its length is missing."""
    return at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") if at + 4 <= len(data) else len(data)


def _leads_on(data: bytes, at: int) -> bool:
    """Tell whether a segment behind a JPEG's pixels is one, by what it is and by what follows it."""
    if data[at + 1] not in _BEHIND_SCAN:
        return False
    behind = _behind_segment(data, at)
    if data[at + 1] == 0xDA:
        # Length, components, two bytes for each of them, three more.
        return at + 4 < len(data) and behind - at == 8 + 2 * data[at + 4] and behind < len(data)
    return behind < len(data) and data[behind] == 0xFF and behind > at + 3


def mended_jpeg(data: bytes) -> bytes:
    """Make a damaged JPEG one that a decoder can read to its end.

    Args:
        data: a JPEG that is unfinished and `viewable`.

    Returns:
        Its bytes, markers that stand where none may made plain pixels, and the end marker added where it is missing: a
        decoder leaves what it cannot know grey. (Told to go on by itself, Pillow gives a progressive JPEG out black.)
    """
    walk, mended = _walk_jpeg(data), bytearray(data)
    for at in walk.strays:
        mended[at + 1] = 0
    # Zeros at the end are room for what never came, and no pixels.
    return bytes(mended) if walk.ended else bytes(mended).rstrip(b"\0") + b"\xff\xd9"


def _next_marker(data: bytes, at: int) -> int:
    """Find the next marker of a JPEG; behind the data where there is none, so that reading it is an IndexError."""
    found = _MARKER_IN_SCAN.search(data, at)
    return len(data) if found is None else found.start()


def _end_of_png(data: bytes) -> End:
    at = 8
    while True:
        length, name = struct.unpack_from(">I4s", data, at)
        if not name.isalpha() or at + 12 + length > len(data):
            # Damaged on its way, which the decoder will say, where the end itself is there.
            return FINISHED if data.rstrip(b"\0").endswith(b"IEND\xaeB`\x82") else _missing("PNG")
        at += 12 + length
        if name == b"IEND":
            return FINISHED if at <= len(data) else _missing("PNG")


def without_profile(data: bytes) -> bytes:
    """Leave the colour profile out of a PNG: one that cannot be unpacked keeps its decoder from the picture.

    Args:
        data: the file.

    Returns:
        The PNG without it; the file itself where it has none.
    """
    at = 8
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"iCCP":
            return data[:at] + data[at + 12 + length :]
        if name == b"IDAT":
            break
        at += 12 + length
    return data


def _end_of_webp(data: bytes) -> End:
    length: int = struct.unpack_from("<I", data, 4)[0]
    # A streaming writer that could not seek back leaves 0 here; libwebp refuses that too.
    if not 12 <= length + 8 <= len(data):
        return _missing("WebP")
    # A few are whole and black to the bottom; the decoder sees which (`decode`).
    return End("suspect", UNFILLED.format("WebP"), ZERO_TAIL_QUIET_S) if has_unfilled_webp(data) else FINISHED


def webp_pixels(data: bytes) -> int:
    """Read how many pixels a WebP has.

    Args:
        data: the file.

    Returns:
        The number, or 0 where its header does not say.
    """
    name = data[12:16]
    if name == b"VP8X" and len(data) >= 30:
        return (int.from_bytes(data[24:27], "little") + 1) * (int.from_bytes(data[27:30], "little") + 1)
    if name == b"VP8L" and len(data) >= 25:
        sizes = int.from_bytes(data[21:25], "little")
        return ((sizes & 0x3FFF) + 1) * ((sizes >> 14 & 0x3FFF) + 1)
    if name == b"VP8 " and len(data) >= 30:
        width, height = struct.unpack_from("<HH", data, 26)
        return int(width & 0x3FFF) * int(height & 0x3FFF)
    return 0


def _end_of_gif(data: bytes) -> End:
    """Walk the blocks to the trailer; some writers forget it, so a whole picture without it is only odd."""
    packed = struct.unpack_from("<6xHHB", data)[2]
    at = 13 + _colour_table_bytes(packed)
    has_picture = False
    while True:
        # Stray zeros between blocks occur and are skipped by decoders.
        behind = at
        while at < len(data) and data[at] == 0:
            at += 1
        if at >= len(data):
            if at > behind + 1:
                return _unfilled("GIF")
            return End("suspect", "the GIF lacks its last byte") if has_picture else _missing("GIF")
        if data[at] == 0x3B:
            return FINISHED
        if data[at] == 0x21:
            at = _after_sub_blocks(data, at + 2)
        elif data[at] == 0x2C:
            at = _after_sub_blocks(data, at + 11 + _colour_table_bytes(data[at + 9]))
            has_picture = True
        else:
            return _missing("GIF")


def _colour_table_bytes(packed: int) -> int:
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def _after_sub_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def _end_of_bmp(data: bytes) -> End:
    """Compute where the pixels end; the header's file size is often wrong and counts for packed ones only."""
    file_bytes, offset, header = struct.unpack_from("<I4xII", data, 2)
    if header == 12:
        width, height, bits = struct.unpack_from("<HH2xH", data, 18)
        compression = 0
    else:
        width, height, bits, compression = struct.unpack_from("<ii2xHI", data, 18)
    if compression in (0, 3, 6):
        row_bytes = (abs(width) * bits + 31) // 32 * 4
        file_bytes = offset + row_bytes * abs(height)
        unfilled = is_plain_cut(data, start=offset, end=file_bytes, row_bytes=row_bytes)
    else:
        unfilled = ends_in_zeros(data, file_bytes, start=offset)
    if file_bytes > len(data):
        return _missing("BMP")
    return _unfilled("BMP", viewable=compression in (0, 3, 6)) if unfilled else FINISHED


def _end_of_heif(data: bytes, kind: Kind) -> End:
    end = _end_of_boxes(data, kind)
    return _unfilled(kind) if end.state != "unfinished" and has_unfilled_heif(data) else end


def _end_of_boxes(data: bytes, kind: Kind) -> End:
    """Walk the top-level boxes of a HEIC or AVIF; the last must end where the file ends."""
    at = 0
    names: set[bytes] = set()
    while at < len(data):
        if len(data) - at < 8:
            return _odd_tail(kind, names)
        length, name = struct.unpack_from(">I4s", data, at)
        if length == 1:
            length = struct.unpack_from(">Q", data, at + 8)[0]
        elif length == 0:
            length = len(data) - at
        if length < 8 or not name.isascii() or b"\0" in name:
            return _odd_tail(kind, names)
        names.add(name)
        at += length
    # A sequence may have its pictures in a `moov` alone.
    if at - len(data) > _BOX_SLACK_BYTES or not names & {b"meta", b"moov"}:
        return _missing(kind)
    if b"mdat" not in names:
        # Nearly always cut just before its pixels; a tiny picture may keep them inside its `meta` box.
        return End("suspect", f"the {kind} has no box for its pixels")
    if at > len(data):
        return End("suspect", f"the last {at - len(data)} bytes of the {kind} are missing")
    return FINISHED


def _odd_tail(kind: Kind, names: set[bytes]) -> End:
    """Judge what follows the last whole box: something a phone appended, or room for what is to come."""
    if {b"meta", b"mdat"} <= names:
        return End("suspect", f"the {kind} is followed by something unknown")
    return _missing(kind)


def _end_of_tiff(data: bytes) -> End:
    end, tags = _read_tiff(data)
    if end > len(data):
        return _missing("TIFF")
    plain = tags.get(_TIFF_COMPRESSION, (1,))[0] == 1
    return _unfilled("TIFF", viewable=plain) if _is_unfilled_tiff(data, tags) else FINISHED


def _is_unfilled_tiff(data: bytes, tags: dict[int, tuple[int, ...]]) -> bool:
    """Tell whether the part of the pixels that lies last in a whole TIFF was never filled."""
    parts = sorted(part for pair in _TIFF_PARTS for part in _tiff_parts(tags, pair))
    if not parts:
        return False
    start, length = parts[-1]
    compression = tags.get(_TIFF_COMPRESSION, (1,))[0]
    if compression in _TIFF_CODED:
        return ends_in_zeros(data, start + length, start=start)
    if compression != 1 or _TILE_OFFSETS in tags or _TIFF_WIDTH not in tags:
        return False
    planes = tags.get(_TIFF_SAMPLES, (1,))[0] if tags.get(_TIFF_PLANES, (1,))[0] == 1 else 1
    row_bytes = (tags[_TIFF_WIDTH][0] * tags.get(_TIFF_BITS, (1,))[0] * planes + 7) // 8
    # Strips that follow each other are one picture.
    for earlier, n_bytes in reversed(parts[:-1]):
        if earlier + n_bytes != start:
            break
        start, length = earlier, length + n_bytes
    return is_plain_cut(data, start=start, end=start + length, row_bytes=row_bytes)


def _tiff_parts(tags: dict[int, tuple[int, ...]], pair: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Give offset and length of each strip or tile."""
    return zip(tags.get(pair[0], ()), tags.get(pair[1], ()), strict=False)


def _read_tiff(data: bytes) -> tuple[int, dict[int, tuple[int, ...]]]:
    """Give the offset behind the last byte that the first picture needs, and the numbers of its directory.

    The offset is behind the data where some of it is missing. Only the first directory counts: that is the one decoded.
    struct.error where the directory is not all there.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    at: int = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    n_entries: int = struct.unpack_from(order + ("Q" if big else "H"), data, at)[0]
    at += 8 if big else 2
    entry_bytes, count_code = (20, "Q") if big else (12, "I")
    if not 0 < n_entries <= 65_535:
        raise struct.error("a directory of this many entries is no directory")
    end = at + n_entries * entry_bytes
    numbers: dict[int, tuple[int, ...]] = {}
    for entry in range(at, end, entry_bytes):
        tag, type_, count = struct.unpack_from(order + "HH" + count_code, data, entry)
        n_bytes: int = _TYPE_BYTES.get(type_, 1) * count
        slot = entry + (12 if big else 8)
        if n_bytes <= (8 if big else 4):
            where = slot
        else:
            where = int(struct.unpack_from(order + count_code, data, slot)[0])
            end = max(end, where + n_bytes)
        if tag in _TIFF_NUMBERS and type_ in _INTEGER_TYPES and count:
            if where + n_bytes > len(data):
                return where + n_bytes, numbers
            numbers[tag] = struct.unpack_from(f"{order}{count}{_INTEGER_TYPES[type_]}", data, where)
    for pair in _TIFF_PARTS:
        end = max([end, *(offset + count for offset, count in _tiff_parts(numbers, pair))])
    return end, numbers


_CHECKS: dict[Kind, Callable[[bytes], End]] = {
    "JPEG": _end_of_jpeg,
    "PNG": _end_of_png,
    "WebP": _end_of_webp,
    "GIF": _end_of_gif,
    "BMP": _end_of_bmp,
    "TIFF": _end_of_tiff,
    "HEIF": lambda data: _end_of_heif(data, "HEIF"),
    "AVIF": lambda data: _end_of_heif(data, "AVIF"),
}
