"""Labelled pictures held decoded in memory, from a Parquet file, a folder of class-named folders, or drawn by code.

Knows where pictures and class names come from. Refuses to know about models, losses or augmentation.
Invariants: pixels are uint8 RGB squares of one side, (n, 3, side, side); label i is an index into `classes`;
the training and validation halves of one source share the same order of classes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})

VAL_SHARE_OF_FOLDERS = 0.1
"""Share of a plain folder's pictures kept for validation; Tiny ImageNet's own split is about 9 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureClass:
    """One class: its name and the phrases that people may use for it (the name first)."""

    name: str
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSet:
    """Decoded pictures with labels.

    Attributes:
        pixels: (n, 3, side, side) uint8, RGB.
        labels: (n,) int64, indices into `classes`.
        classes: the classes in label order.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[PictureClass, ...]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A source divided into pictures to learn from and pictures to be judged by."""

    train: PictureSet
    val: PictureSet


def square(image: Image.Image, *, side_px: int) -> NDArray[np.uint8]:
    """Return the centre square of a picture at the given side.

    Args:
        image: any Pillow picture.
        side_px: side of the square in pixels.

    Returns:
        (3, side_px, side_px) uint8, RGB: the same framing as open_clip's "shortest" resize and centre crop.
    """
    rgb = image.convert("RGB")
    edge = min(rgb.size)
    left, top = (rgb.width - edge) / 2, (rgb.height - edge) / 2
    if rgb.size != (side_px, side_px):
        box = (left, top, left + edge, top + edge)
        rgb = rgb.resize((side_px, side_px), Image.Resampling.BICUBIC, box=box)
    return np.array(rgb, dtype=np.uint8).transpose(2, 0, 1)


def _open_bytes(blob: bytes) -> Image.Image:
    return Image.open(io.BytesIO(blob))


def _decode_all(jobs: Sequence[Callable[[], Image.Image]], *, side_px: int) -> NDArray[np.uint8]:
    pixels = np.empty((len(jobs), 3, side_px, side_px), dtype=np.uint8)

    def decode(index: int) -> None:
        with jobs[index]() as image:
            pixels[index] = square(image, side_px=side_px)

    # Pillow lets go of the interpreter lock while it decodes, so two threads use two cores.
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(decode, range(len(jobs)), chunksize=256):
            pass
    return pixels


def read_parquet(path: Path, *, side_px: int, splits: Iterable[str] = ("train", "val")) -> dict[str, PictureSet]:
    """Read a Parquet file with the columns `image` (encoded bytes), `name` and `split`.

    Args:
        path: the file.
        side_px: side of the decoded squares.
        splits: which values of `split` to decode.

    Returns:
        One picture set per asked split; the classes are all names of the file in sorted order.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["image", "name", "split"])
    names = sorted(set(table["name"].to_pylist()))
    index = {name: label for label, name in enumerate(names)}
    classes = tuple(PictureClass(name=name, phrases=(name,)) for name in names)
    found: dict[str, PictureSet] = {}
    for split in splits:
        rows = table.filter(pc.equal(table["split"], split))
        blobs = rows["image"].to_pylist()
        jobs = [partial(_open_bytes, blob) for blob in blobs]
        labels = np.array([index[name] for name in rows["name"].to_pylist()], dtype=np.int64)
        found[split] = PictureSet(pixels=_decode_all(jobs, side_px=side_px), labels=labels, classes=classes)
    return found


def list_folder(folder: Path) -> tuple[list[Path], NDArray[np.int64], tuple[PictureClass, ...]]:
    """List a folder of class-named folders.

    Args:
        folder: its direct sub-folders are the classes; underscores in their names are read as spaces.

    Returns:
        The files in sorted order, (n,) labels, and the classes.

    Raises:
        ValueError: if there is no picture below any sub-folder.
    """
    class_folders = sorted(child for child in folder.iterdir() if child.is_dir())
    paths: list[Path] = []
    labels: list[int] = []
    for label, class_folder in enumerate(class_folders):
        inside = sorted(path for path in class_folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        paths += inside
        labels += [label] * len(inside)
    if not paths:
        raise ValueError(f"{folder} holds no folder with pictures; expected one sub-folder per class")
    names = [child.name.replace("_", " ") for child in class_folders]
    classes = tuple(PictureClass(name=name, phrases=(name,)) for name in names)
    return paths, np.array(labels, dtype=np.int64), classes


def read_folder(folder: Path, *, side_px: int) -> Split:
    """Decode a folder of class-named folders; a tenth, chosen by the hash of each name, is for validation."""
    paths, labels, classes = list_folder(folder)
    pixels = _decode_all([partial(Image.open, path) for path in paths], side_px=side_px)
    for_val = np.array([_chosen(path.relative_to(folder).as_posix()) for path in paths], dtype=bool)
    return Split(
        train=PictureSet(pixels=pixels[~for_val], labels=labels[~for_val], classes=classes),
        val=PictureSet(pixels=pixels[for_val], labels=labels[for_val], classes=classes),
    )


def _chosen(name: str) -> bool:
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:4], "big") < VAL_SHARE_OF_FOLDERS * 2**32


def join(first: PictureSet, second: PictureSet) -> PictureSet:
    """Append the second set's pictures and classes; its labels are shifted behind the first's."""
    return PictureSet(
        pixels=np.concatenate([first.pixels, second.pixels]),
        labels=np.concatenate([first.labels, second.labels + len(first.classes)]),
        classes=first.classes + second.classes,
    )
