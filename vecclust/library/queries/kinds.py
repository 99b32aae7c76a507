"""What kind of picture a photo is: taken with a camera, of a screen, or of paper.

Five signs are looked at: the file's name (and its folder's), the ending of its name, what a camera leaves in it, its
size, and the words that the library's model has for it. None of them decides: a screenshot or a document has two of
them, and three where a camera's own data speak against it. Whatever has fewer is a photo. Words are asked for last, and
only where they decide.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vecclust.types.photos import PhotoKind, PhotoRow

if TYPE_CHECKING:
    from vecclust.store import Store
    from vecclust.types.files import FileRow

# Signs that make a kind: one alone is found on many a photo. What a camera leaves behind takes one more.
NEEDED = 2
NEEDED_AGAINST_CAMERA = 3

# As desktops, phones and programs call what they take, in small letters.
_SCREEN_NAMES = re.compile(
    r"screen[ _-]?(?:shot|cap|grab|recording)|scrnshot|simulator screen|bildschirm(?:foto|aufnahme)"
    r"|captura(?:s)?[ _](?:de[ _])?pantalla|captura[ _]de[ _](?:tela|ecr[aã])|capture[ _-]d.?[ _-]?[ée]cran"
    r"|schermata|istantanea[ _]schermo|schermafbeelding|schermopname|zrzut[ _]ekranu|skärm(?:avbild|klipp|bild)"
    r"|sk(?:j|æ)rm(?:bilde|billede)|näyttökuva|ekran[ _](?:görüntüsü|resmi)|снимок[ _]экрана|скриншот"
    r"|截屏|截图|屏幕|スクリーンショット|화면[ _]?캡처|스크린샷"
)
_PAPER_NAMES = re.compile(
    r"(?<![^\W\d_])(?:scan(?:s|ned|n?e[dr]?)?|scn|camscanner|documents?|dokumente?|documentos?|receipts?|invoices?|rechnung(?:en)?"
    r"|quittung(?:en)?|kassenbons?|belege?|facturas?|recibos?|factures?|reçus?|fattur[ae]|ricevut[ae])(?![^\W\d_])"
    r"|扫描|文档|发票|收据"
)
# Screens are kept without loss; scanners and their programs write these.
_SCREEN_ENDINGS = (".png",)
_PAPER_ENDINGS = (".png", ".tif", ".tiff")
# Written by the camera itself. A PNG comes from none: iPhones date their screenshots as a camera does.
_CAMERA_SOURCES = ("original", "digitized")
_NO_CAMERA_ENDINGS = (".png", ".gif", ".bmp")
# Longer side by shorter: phones since 2017 are between 18:9 and 21:9, no camera's format is.
_PHONE_RATIOS = (1.95, 2.4)
_PHONE_SIDES_PX = (1280, 4000)
# Longer and shorter side of other screens in common use, in pixels, whose formats cameras have too: earlier phones,
# tablets, notebooks, monitors. Those that are also sizes of pictures from cameras (1024 x 768, 2048 x 1536) are not
# among them.
_SCREENS_PX = frozenset(
    {
        (960, 640), (1136, 640), (1334, 750), (2208, 1242), (1280, 720), (1280, 800), (1366, 768), (1440, 900),
        (1536, 864), (1600, 900), (1680, 1050), (1920, 1080), (1920, 1200), (2160, 1620), (2224, 1668), (2256, 1504),
        (2360, 1640), (2388, 1668), (2420, 1668), (2560, 1080), (2560, 1440), (2560, 1600), (2560, 1664), (2732, 2048),
        (2736, 1824), (2752, 2064), (2880, 1800), (2880, 1864), (2880, 1920), (3000, 2000), (3024, 1964), (3200, 1800),
        (3440, 1440), (3456, 2234), (3840, 2160), (4096, 2304), (4480, 2520), (5120, 2880),
    }
)  # fmt: skip
# Longer side by shorter: ISO 216 (A4), US Letter and US Legal. 1 % apart is a scan that was cropped by hand; the
# nearest formats of cameras, 4:3 and 3:2, are 3 % and 6 % away.
_PAPER_RATIOS = (2**0.5, 11 / 8.5, 14 / 8.5)
_PAPER_TOLERANCE = 0.01
# A page of 100 dots per inch; what is smaller was made small, whatever it was.
_PAPER_LEAST_PX = 1000
# Of the vocabulary that ships.
_SCREEN_WORD, _PAPER_WORD = "document:screenshot", "n06470073"


def kinds_of(store: Store, rows: Sequence[PhotoRow], files: Mapping[str, Sequence[FileRow]]) -> dict[str, PhotoKind]:
    """Say what kind of picture each of some photos is.

    Args:
        store: the library's tables.
        rows: the photos.
        files: their files, by photo.
    """
    signs = {row.photo: signs_of(row, [file.absolute for file in files.get(row.photo, ())]) for row in rows}
    needed = {row.photo: _needed(row, [file.absolute for file in files.get(row.photo, ())]) for row in rows}
    open_ones = [photo for photo, counts in signs.items() if max(counts.values()) == needed[photo] - 1]
    if open_ones:
        for photo, kinds in _kinds_by_words(store, open_ones).items():
            for kind in kinds:
                signs[photo][kind] += 1
    return {photo: _decided(counts, needed[photo]) for photo, counts in signs.items()}


def _decided(counts: Mapping[PhotoKind, int], needed: int) -> PhotoKind:
    best = max(counts, key=lambda kind: counts[kind])
    return best if counts[best] >= needed else "photo"


def signs_of(row: PhotoRow, paths: Sequence[str]) -> dict[PhotoKind, int]:
    """Count the signs of each kind that need no model.

    Args:
        row: the photo.
        paths: of its files, absolute.

    Returns:
        By kind, 0 to 3: name, ending, size.
    """
    names = [_name(path) for path in paths]
    long, short = max(row.width_px, row.height_px), min(row.width_px, row.height_px)
    return {
        "screenshot": sum(
            (
                any(map(_SCREEN_NAMES.search, names)),
                any(name.endswith(_SCREEN_ENDINGS) for name in names),
                _is_screen(long, short),
            )
        ),
        "document": sum(
            (
                any(map(_PAPER_NAMES.search, names)),
                any(name.endswith(_PAPER_ENDINGS) for name in names),
                _is_paper(long, short),
            )
        ),
    }


def _name(path: str) -> str:
    """Give a file's name with that of its folder, in small letters, and composed: macOS takes letters apart."""
    folder, name = os.path.split(path)
    return unicodedata.normalize("NFC", f"{os.path.basename(folder)}/{name}").lower()


def _needed(row: PhotoRow, paths: Sequence[str]) -> int:
    by_camera = row.taken is not None and row.taken.source in _CAMERA_SOURCES
    can_be = any(not path.lower().endswith(_NO_CAMERA_ENDINGS) for path in paths)
    return NEEDED_AGAINST_CAMERA if can_be and (by_camera or row.place is not None) else NEEDED


def _is_screen(long: int, short: int) -> bool:
    least, most = _PHONE_RATIOS
    is_phone = _PHONE_SIDES_PX[0] <= long <= _PHONE_SIDES_PX[1] and least <= long / max(1, short) <= most
    return is_phone or (long, short) in _SCREENS_PX


def _is_paper(long: int, short: int) -> bool:
    ratio = long / max(1, short)
    return long >= _PAPER_LEAST_PX and any(abs(ratio / one - 1) <= _PAPER_TOLERANCE for one in _PAPER_RATIOS)


def _kinds_by_words(store: Store, photos: Sequence[str]) -> dict[str, tuple[PhotoKind, ...]]:
    """Give the kinds that the model's words for photos say, where it has words at all."""
    from vecclust.library.naming.naming import words_of_photos
    from vecclust.library.naming.vocabulary import read_vocabulary

    found = words_of_photos(store, photos)
    if not any(found.values()):
        return {}
    wider = {word.id: word.wider for word in read_vocabulary(store.folder).words}

    def is_paper(word: str) -> bool:
        return word == _PAPER_WORD or any(map(is_paper, wider.get(word, ())))

    kinds: dict[str, tuple[PhotoKind, ...]] = {}
    for photo, words in found.items():
        is_screen = any(word.id == _SCREEN_WORD for word in words)
        is_document = any(word.id != _SCREEN_WORD and is_paper(word.id) for word in words)
        kinds[photo] = (*(("screenshot",) if is_screen else ()), *(("document",) if is_document else ()))
    return kinds
