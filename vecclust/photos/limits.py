"""What may be spent on one photo, as plain values that travel to the decoding processes."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What may be spent on one photo.

    Attributes:
        pixels: most pixels of a picture that is decoded whole. 200-megapixel phones are real; a 300-megapixel
            picture takes 1.2 GB at Pillow's four bytes a pixel.
        jpeg_pixels: most pixels of a JPEG, which is decoded at a fraction of its size.
        file_bytes: longest file; it is held in memory whole, because what is hashed is what is decoded.
        time_s: longest time from sending a photo to a process to its answer, reading included.
        memory_bytes: address space of a decoding process, where the system can limit it (Linux); 200
            megapixels of HEIC take 1.4 GB.
        thumbnail_px: long side of the thumbnail; 0 for none.
    """

    pixels: int = 300_000_000
    jpeg_pixels: int = 600_000_000
    file_bytes: int = 1024 * _MIB
    time_s: float = 60.0
    memory_bytes: int = 4096 * _MIB
    thumbnail_px: int = 256
