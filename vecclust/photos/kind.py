"""Tell what a file is by its first bytes; its name is never asked.

Knows magic numbers only, imports nothing. `None` means "not known", which is not an error here.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal[
    "JPEG", "PNG", "GIF", "WebP", "TIFF", "BMP", "HEIF", "AVIF",
    "JPEG XL", "JPEG 2000", "a video", "a PDF", "a web page", "a ZIP archive", "a camera's raw file",
]  # fmt: skip

# Kinds that are recognised so that the reason can name them, and that cannot be decoded here.
FOREIGN_KINDS: frozenset[str] = frozenset(
    {"JPEG XL", "JPEG 2000", "a video", "a PDF", "a web page", "a ZIP archive", "a camera's raw file"}
)

_STARTS: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0\x10\0\0\0CR", "a camera's raw file"),
    (b"IIU\0", "a camera's raw file"),
    (b"IIRO", "a camera's raw file"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1a\x45\xdf\xa3", "a video"),
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"})


def kind_of(data: bytes) -> Kind | None:
    """Tell what the bytes are.

    Args:
        data: the file, or at least its first 64 bytes.

    Returns:
        The kind, or None for what is not known.
    """
    for start, kind in _STARTS:
        if data.startswith(start):
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
