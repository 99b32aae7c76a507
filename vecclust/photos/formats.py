"""What a file is by its first bytes, and whether its content reaches its end; nothing is decoded.

Knows magic numbers and the frames of the formats, no clock, no disk and no decoder; a file's name is never asked. A
file is finished when it has been quiet for a while, two looks at it agree (`walk`), and its content reaches its end.
Decoders are no judges of this: Pillow's `load()` accepts about 23 % of the JPEGs and 70 % of the HEICs whose second
half is still zeros. A verdict has three values, because a few old, whole files look odd at their end: `suspect` means
"wait longer, then accept".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

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
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})

# A file whose end is only odd is taken as it is after this long without a change: no copy stops for long within its
# last bytes, and a scan has the patience to wait for it.
ODD_END_QUIET_S = 10.0
# Zeros at the end may be the room for what is still to come, from a copier that stalls: longer than its pauses, short
# enough that the ladder of retries (5 s, 30 s, 2 min, 10 min) passes it.
ZERO_TAIL_QUIET_S = 300.0

# 4 of 951 good files end in so many zeros; every preallocated copy in progress does.
_ZERO_TAIL_BYTES = 1024

# A last box that overhangs the file by this little has its pictures: encoders and cutters miscount by a byte
# (pillow_heif's truncated.heic). More is missing picture.
_BOX_SLACK_BYTES = 16

# In the compressed part of a JPEG an FF is followed by 00 (a plain FF), D0 to D7 (a restart) or another FF;
# any other byte makes it a marker. One compiled search runs at 2.5 GB/s where a loop over `bytes.find`
# makes 0.6.
_MARKER_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

# The numbers of a TIFF's tags, and the types of their values; the classic and the big layout, in both byte orders.
_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_OFFSETS, _TILE_COUNTS = 273, 279, 324, 325
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
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        return "BMP"
    head = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "a web page" if head.startswith((b"<!doctype html", b"<html")) else None


def _kind_of_brands(data: bytes) -> Kind:
    """Read the `ftyp` box: the major brand, or for the general `mif1` and `msf1` the compatible ones."""
    end = min(int.from_bytes(data[:4], "big"), 256)
    major, others = data[8:12], {data[i : i + 4] for i in range(16, end, 4)}
    if major in _AVIF_BRANDS or (major in {b"mif1", b"msf1"} and others & _AVIF_BRANDS):
        return "AVIF"
    if major in _HEIF_BRANDS:
        return "HEIF"
    return "a camera's raw file" if major == b"crx " else "a video"


@dataclass(frozen=True, slots=True)
class End:
    """Whether a file's content reaches its end.

    Attributes:
        state: `finished`, `suspect` (wait longer, then accept) or `unfinished`.
        reason: what is missing or odd; empty for `finished`.
        quiet_s: seconds without a change after which a `suspect` file is taken as it is.
    """

    state: Literal["finished", "suspect", "unfinished"]
    reason: str = ""
    quiet_s: float = ODD_END_QUIET_S


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


def _end_of_jpeg(data: bytes) -> End:
    """Walk the segments to the end marker; what motion photos and MPO carry behind it is not looked at."""
    at = 2
    while True:
        if data[at] != 0xFF:
            # Bytes between segments are not allowed but occur, and libjpeg skips them: go on at the next
            # marker.
            at = _next_marker(data, at)
        marker = data[at + 1]
        if marker == 0xD9:
            return FINISHED
        if marker == 0xFF:
            at += 1
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
            if marker == 0xDA:
                at = _next_marker(data, at)


def _next_marker(data: bytes, at: int) -> int:
    """Find the next marker of a JPEG; behind the data where there is none, so that reading it is an IndexError."""
    found = _MARKER_IN_SCAN.search(data, at)
    return len(data) if found is None else found.start()


def _end_of_png(data: bytes) -> End:
    at = 8
    while True:
        length, name = struct.unpack_from(">I4s", data, at)
        if not name.isalpha():
            return _missing("PNG")
        at += 12 + length
        if name == b"IEND":
            return FINISHED if at <= len(data) else _missing("PNG")


def _end_of_webp(data: bytes) -> End:
    length: int = struct.unpack_from("<I", data, 4)[0]
    # A streaming writer that could not seek back leaves 0 here; libwebp refuses that too.
    return FINISHED if 12 <= length + 8 <= len(data) else _missing("WebP")


def _end_of_gif(data: bytes) -> End:
    """Walk the blocks to the trailer; some writers forget it, so a whole picture without it is only odd."""
    packed = struct.unpack_from("<6xHHB", data)[2]
    at = 13 + _colour_table_bytes(packed)
    has_picture = False
    while True:
        # Stray zeros between blocks occur and are skipped by decoders.
        while at < len(data) and data[at] == 0:
            at += 1
        if at >= len(data):
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
    return FINISHED if file_bytes <= len(data) else _missing("BMP")


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
    if at - len(data) > _BOX_SLACK_BYTES or b"meta" not in names:
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


def _tiff_end(data: bytes) -> int:
    """Give the offset behind the last byte that the first picture needs; behind the data where some of it is missing.

    Only the first directory counts: that is the one decoded. struct.error where the directory is not all there.
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
        if tag in (_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_OFFSETS, _TILE_COUNTS) and type_ in _INTEGER_TYPES:
            if where + n_bytes > len(data):
                return where + n_bytes
            numbers[tag] = struct.unpack_from(f"{order}{count}{_INTEGER_TYPES[type_]}", data, where)
    for offsets, counts in ((_STRIP_OFFSETS, _STRIP_COUNTS), (_TILE_OFFSETS, _TILE_COUNTS)):
        pairs = zip(numbers.get(offsets, ()), numbers.get(counts, ()), strict=False)
        end = max([end, *(offset + count for offset, count in pairs)])
    return end


_CHECKS: dict[Kind, Callable[[bytes], End]] = {
    "JPEG": _end_of_jpeg,
    "PNG": _end_of_png,
    "WebP": _end_of_webp,
    "GIF": _end_of_gif,
    "BMP": _end_of_bmp,
    "TIFF": lambda data: FINISHED if _tiff_end(data) <= len(data) else _missing("TIFF"),
    "HEIF": lambda data: _end_of_boxes(data, "HEIF"),
    "AVIF": lambda data: _end_of_boxes(data, "AVIF"),
}
