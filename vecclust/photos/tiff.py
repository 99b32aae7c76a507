"""How far into a TIFF its first picture reaches, by its own directory; nothing is decoded.

Knows the classic and the big layout in both byte orders. Only the first directory counts: that is the one
decoded.
"""

from __future__ import annotations

import struct

_STRIP_OFFSETS, _STRIP_COUNTS, _TILE_OFFSETS, _TILE_COUNTS = 273, 279, 324, 325
_INTEGER_TYPES: dict[int, str] = {3: "H", 4: "I", 16: "Q"}
_TYPE_BYTES: dict[int, int] = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8,
}  # fmt: skip


def tiff_end(data: bytes) -> int:
    """Give the offset behind the last byte that the first picture needs.

    Args:
        data: the file, from its start.

    Returns:
        The offset; larger than the data where some of it is missing.

    Raises:
        struct.error: the directory itself is not all there.
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
