"""Is a file finished? Pure functions over times and bytes: no clock, no disk, no decoder.

A file is finished when it has been quiet for a while, two looks at it agree, and its content reaches its end
(`ends`). Decoders are no judges of this: Pillow's `load()` accepts about 23 % of the JPEGs and 70 % of the
HEICs whose second half is still zeros. A verdict has three values, because a few old, whole files look odd
at their end: `suspect` means "wait longer, then accept".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vecclust.photos.kind import Kind, kind_of
from vecclust.photos.tiff import tiff_end
from vecclust.types.files import SeenFile

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


def is_quiet(seen: SeenFile, *, now_ns: int, settle_s: float) -> bool:
    """Say whether nothing touched a file for a while.

    Args:
        seen: the file.
        now_ns: the time, nanoseconds since the epoch.
        settle_s: how long it must have been left alone, seconds.

    Returns:
        Whether both mtime and ctime are that long ago. A time in the future (a camera with a wrong clock, a
        share whose server is ahead) cannot tell and is left out; with both in the future the file counts as
        quiet, and the second look decides.
    """
    past = [time_ns for time_ns in (seen.mtime_ns, seen.ctime_ns) if time_ns <= now_ns]
    return not past or now_ns - max(past) >= settle_s * 1e9


def tells_time(seen: SeenFile, *, now_ns: int) -> bool:
    """Say whether a file's times can tell how long it has been quiet: not both of them lie in the future."""
    return min(seen.mtime_ns, seen.ctime_ns) <= now_ns


def is_same(before: SeenFile, after: SeenFile) -> bool:
    """Say whether two looks at a path saw the same file, unchanged.

    ctime is left out: a rename, a new link or a changed permission moves it while the content stays.
    """
    return (before.inode, before.size_bytes, before.mtime_ns) == (
        after.inode,
        after.size_bytes,
        after.mtime_ns,
    )


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
    if check is None:
        return _end_of_unknown(data)
    try:
        end = check(data)
    except (struct.error, IndexError, OverflowError):
        return _missing(kind)
    if end.state == "finished" and _has_zero_tail(data):
        return End("suspect", f"the {kind} ends in zeros, as a copy does that is still under way", ZERO_TAIL_QUIET_S)
    return end


def _end_of_unknown(data: bytes) -> End:
    if not any(data[:_ZERO_TAIL_BYTES]):
        return End("unfinished", "the file begins with nothing but zeros")
    if _has_zero_tail(data):
        return End("suspect", "the file ends in zeros, as a copy does that is still under way", ZERO_TAIL_QUIET_S)
    return FINISHED


def _missing(kind: Kind | None) -> End:
    return End("unfinished", f"the end of the {kind} is missing")


def _has_zero_tail(data: bytes) -> bool:
    return len(data) > _ZERO_TAIL_BYTES and not any(data[-_ZERO_TAIL_BYTES:])


def _end_of_jpeg(data: bytes) -> End:
    """Walk the segments to the end marker; what motion photos and MPO carry behind it is not looked at."""
    at = 2
    while True:
        if data[at] != 0xFF:
            # Bytes between segments are not allowed but occur, and libjpeg skips them: go on at the next
            # marker.
            found = _MARKER_IN_SCAN.search(data, at)
            if found is None:
                return _missing("JPEG")
            at = found.start()
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
                found = _MARKER_IN_SCAN.search(data, at)
                if found is None:
                    return _missing("JPEG")
                at = found.start()


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


def _end_of_tiff(data: bytes) -> End:
    return FINISHED if tiff_end(data) <= len(data) else _missing("TIFF")


_CHECKS: dict[Kind, Callable[[bytes], End]] = {
    "JPEG": _end_of_jpeg,
    "PNG": _end_of_png,
    "WebP": _end_of_webp,
    "GIF": _end_of_gif,
    "BMP": _end_of_bmp,
    "TIFF": _end_of_tiff,
    "HEIF": lambda data: _end_of_boxes(data, "HEIF"),
    "AVIF": lambda data: _end_of_boxes(data, "AVIF"),
}
