"""Whether the pixels a file declares end in zeros, as a copy does that reserved its room and was broken off.

Knows where the formats keep their pixels and what an encoder can end in, no clock and no decoder. Coded pixels do not
end in a run of zeros, WebP excepted. Plain ones do where a picture is black to its end, which is told from a cut by the
row above: what was photographed or drawn goes on from row to row, a cut falls anywhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import suppress

# What coded pixels may end in. A WebP that is black to the bottom ends in more (17,762 in a picture of 2,724 pixels a
# side): only its decoder can tell.
_LEAST_CODED = 16
# Fewer zeros at the end of plain pixels tell nothing: a corner of a picture is black.
_LEAST_PLAIN = 64
# The row above the zeros is no neighbour of theirs where so large a share of it is at least so bright: finds 294 of 300
# cut pictures, and is wrong of none of 450 that are dark or have bars, but of every fourth with a slanted black edge.
_BRIGHT, _BRIGHT_SHARE = 4, 0.5
# Where nothing says which part of a HEIF's room is pixels.
_LEAST_ROOM = 1024

_BLOCK_BYTES = 1 << 16

# Types of HEIF's items whose bytes are pixels by a coder; the others (EXIF, text) may end as they like.
_CODED_ITEMS = frozenset({b"hvc1", b"hev1", b"lhv1", b"av01", b"avc1", b"vvc1", b"jpeg", b"j2k1"})


def ends_in_zeros(data: bytes, end: int, *, start: int = 0, least: int = _LEAST_CODED) -> bool:
    """Tell whether a part of a file has nothing but zeros at its end.

    Args:
        data: the file.
        end: offset behind the part; one behind the file says no.
        start: offset of the part; a shorter one says no.
        least: so many zeros.
    """
    return end - least >= start and end <= len(data) and not any(data[end - least : end])


def is_plain_cut(data: bytes, *, start: int, end: int, row_bytes: int) -> bool:
    """Tell whether zeros at the end of uncompressed pixels are room that was never filled.

    They begin within a row, where the row above is bright: a black part of a picture hardly ever begins so.

    Args:
        data: the file.
        start: offset of its first row.
        end: offset behind its last.
        row_bytes: from one row to the next.
    """
    if row_bytes <= 0 or not ends_in_zeros(data, end, start=start, least=_LEAST_PLAIN):
        return False
    zeros = end
    while zeros > start and not any(data[max(start, zeros - _BLOCK_BYTES) : zeros]):
        zeros = max(start, zeros - _BLOCK_BYTES)
    block = data[max(start, zeros - _BLOCK_BYTES) : zeros]
    zeros -= len(block) - len(block.rstrip(b"\0"))
    into = (zeros - start) % row_bytes
    above = data[zeros - row_bytes : zeros - into] if into and zeros - start >= row_bytes else b""
    return bool(above) and sum(value >= _BRIGHT for value in above) >= _BRIGHT_SHARE * len(above)


def has_unfilled_webp(data: bytes) -> bool:
    """Tell whether a chunk of a WebP, or its pixels' end, is zeros; those of black pixels may be.

    Args:
        data: the whole file, as long as it says.
    """
    at, end = 12, struct.unpack_from("<I", data, 4)[0] + 8
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", data, at)
        if name == bytes(4):
            return True
        at += 8 + length
        if name in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF") and ends_in_zeros(data, at, start=at - length):
            return True
        at += length & 1
    return False


def has_unfilled_heif(data: bytes) -> bool:
    """Tell whether the pixels of a HEIC or AVIF are zeros at their end, those of any tile included.

    Args:
        data: the whole file.
    """
    rooms: list[tuple[int, int]] = []
    items: list[tuple[int, int]] = []
    for name, at, behind in _boxes(data, 0, len(data)):
        if name == b"mdat":
            rooms.append((at, behind))
        elif name == b"meta":
            # What cannot be read of it, the decoder will say.
            with suppress(struct.error, IndexError):
                items.extend(_coded_items(data, at, behind))
    if items:
        return any(ends_in_zeros(data, end, start=start) for start, end in items)
    return any(ends_in_zeros(data, end, start=start, least=_LEAST_ROOM) for start, end in rooms)


def _coded_items(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Give offset and end of each part of a coded picture that a `meta` box places in the file."""
    boxes = {name: (at, behind) for name, at, behind in _boxes(data, start + 4, end)}
    if b"iinf" not in boxes or b"iloc" not in boxes:
        return
    at, behind = boxes[b"iinf"]
    types: dict[int, bytes] = {}
    for _, entry, _ in _boxes(data, at + (8 if data[at] else 6), behind):
        wide = data[entry] > 2
        item, kind = struct.unpack_from(">I2x4s" if wide else ">H2x4s", data, entry + 4)
        types[item] = kind
    for item, offset, length in _extents(data, *boxes[b"iloc"]):
        if types.get(item) in _CODED_ITEMS:
            yield offset, offset + length


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Give the boxes of a part of a file: name, offset of the content, offset behind it."""
    while at + 8 <= end:
        length, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1:
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        elif length == 0:
            length = end - at
        if length < head:
            return
        yield name, at + head, min(at + length, end)
        at += length


def _extents(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Give item, offset and length of what an `iloc` box places in the file itself."""
    version = data[at]
    sizes = struct.unpack_from(">H", data, at + 4)[0]
    offset_bytes, length_bytes, base_bytes = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_bytes = sizes & 15 if version else 0
    if not length_bytes:
        return
    at += 8 if version < 2 else 10
    item_bytes = 2 if version < 2 else 4
    while at < end:
        item = _number(data, at, item_bytes)
        at += item_bytes
        method = _number(data, at, 2) & 15 if version else 0
        at += 4 if version else 2
        base = _number(data, at, base_bytes)
        n_extents = _number(data, at + base_bytes, 2)
        at += base_bytes + 2
        for _ in range(n_extents):
            at += index_bytes
            offset = base + _number(data, at, offset_bytes)
            length = _number(data, at + offset_bytes, length_bytes)
            at += offset_bytes + length_bytes
            if at > end:
                raise struct.error("the list of items is cut")
            if method == 0:
                yield item, offset, length


def _number(data: bytes, at: int, n_bytes: int) -> int:
    return int.from_bytes(data[at : at + n_bytes], "big")
