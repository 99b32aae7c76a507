"""The sample album: a few hundred drawn photos in dated folders, as a phone and its owner would have left them.

Knows files: names, EXIF, orientation, bursts, copies, other formats, one broken file. Refuses to know what the
scenes look like and what becomes of the album. Invariants: the same seed and size give the same bytes; nothing that
exists is overwritten; the seeds of its pictures are never those of the bundled model's training pictures.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import numpy as np
from PIL import ExifTags, Image

from vecclust.demo.scenes import SCENES

SEED_WORD = 0xA1B0
"""First word of the seeds of all album pictures; the training of the bundled model begins its own with another."""

LANDSCAPE_PX, UPRIGHT_PX = (640, 480), (480, 640)

TURN_BACK = MappingProxyType(
    {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
)
"""How the stored pixels are turned so that a reader who obeys the EXIF orientation sees the picture upright."""


@dataclass(frozen=True, slots=True)
class Outing:
    """One occasion.

    Attributes:
        name: what its folder is called, after the month.
        began: the clock's time of its first photo.
        offset_h: the clock's offset from UTC, hours.
        latitude: where it was, degrees.
        longitude: likewise.
        scenes: names of what was seen.
    """

    name: str
    began: datetime
    offset_h: int
    latitude: float
    longitude: float
    scenes: tuple[str, ...]

    @property
    def folder(self) -> str:
        """The path of its folder, relative to the album."""
        return f"{self.began:%Y}/{self.began:%Y-%m} {self.name}"


def _on(year: int, month: int, day: int, hour: int) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


OUTINGS = (
    Outing("Costa Verde", _on(2021, 7, 18, 9), 2, 43.46, -5.06, ("beach", "sailing boat", "sunset")),
    Outing("Zermatt", _on(2021, 12, 27, 10), 1, 46.02, 7.75, ("snowy mountains", "forest", "portrait")),
    Outing("Sossusvlei", _on(2022, 3, 4, 8), 2, -24.73, 15.34, ("desert", "red car", "sunset")),
    Outing("Garden and friends", _on(2022, 6, 11, 15), 2, 50.11, 8.68, ("birthday cake", "portrait", "flowers")),
    Outing("Iceland ring road", _on(2023, 5, 20, 11), 0, 63.53, -19.51, ("waterfall", "red car", "snowy mountains")),
    Outing("Chicago", _on(2023, 10, 7, 19), -5, 41.88, -87.63, ("city at night", "portrait", "birthday cake")),
    Outing("Keukenhof", _on(2024, 4, 21, 10), 2, 52.27, 4.55, ("flowers", "forest", "sailing boat")),
    Outing("Island summer", _on(2024, 8, 2, 10), 3, 36.39, 25.46, ("beach", "city at night", "waterfall", "desert")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumTruth:
    """What the album really holds; all paths relative to its folder.

    Attributes:
        scene_of: the scene's name for every readable file, copies included.
        broken: files that no reader can decode.
        duplicates: (copy, original) pairs of identical bytes.
        bursts: groups of near-identical frames taken within seconds.
    """

    scene_of: Mapping[PurePosixPath, str]
    broken: tuple[PurePosixPath, ...]
    duplicates: tuple[tuple[PurePosixPath, PurePosixPath], ...]
    bursts: tuple[tuple[PurePosixPath, ...], ...]


@dataclass(frozen=True, slots=True)
class _Shot:
    scene: int
    number: int
    outing: Outing
    frames: int


def write_album(folder: Path, *, seed: int = 0, n_photos: int = 360) -> AlbumTruth:
    """Draw and write the album.

    Args:
        folder: made if missing; must be empty.
        seed: decides every byte.
        n_photos: distinct readable pictures; copies and the broken file come on top.

    Returns:
        What was written.

    Raises:
        FileExistsError: if the folder already holds something.
        ValueError: if `n_photos` is below one per scene.
    """
    if n_photos < len(SCENES):
        raise ValueError(f"n_photos = {n_photos}; an album needs at least {len(SCENES)}, one per scene")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; name a new folder for the sample album")
    scene_of: dict[PurePosixPath, str] = {}
    bursts: list[tuple[PurePosixPath, ...]] = []
    clock = {outing.folder: outing.began for outing in OUTINGS}
    for shot in _plan(seed, n_photos):
        rng = np.random.default_rng([SEED_WORD, seed, shot.scene, shot.number])
        clock[shot.outing.folder] += timedelta(seconds=int(rng.integers(20, 900)))
        names = _write_shot(folder, shot, rng=rng, taken=clock[shot.outing.folder])
        scene_of.update(dict.fromkeys(names, SCENES[shot.scene].name))
        if len(names) > 1:
            bursts.append(tuple(names))
    duplicates = _copy_some(folder, scene_of, count=max(2, n_photos // 60))
    scene_of.update({copy: scene_of[original] for copy, original in duplicates})
    return AlbumTruth(
        scene_of=MappingProxyType(scene_of),
        broken=(_break_one(folder, scene_of),),
        duplicates=tuple(duplicates),
        bursts=tuple(bursts),
    )


def _plan(seed: int, n_photos: int) -> Iterator[_Shot]:
    """Yield the shots, every scene as often as the others, one in eight a burst of three."""
    rng = np.random.default_rng([SEED_WORD, seed])
    shares = np.diff(np.linspace(0, n_photos, len(SCENES) + 1).round().astype(int))
    for kind, share in enumerate(shares):
        places = [outing for outing in OUTINGS if SCENES[kind].name in outing.scenes]
        left, number = int(share), 0
        while left:
            frames = 3 if left >= 3 and rng.random() < 0.125 else 1
            yield _Shot(scene=kind, number=number, outing=places[number % len(places)], frames=frames)
            left, number = left - frames, number + 1


def _write_shot(folder: Path, shot: _Shot, *, rng: np.random.Generator, taken: datetime) -> list[PurePosixPath]:
    size_px = UPRIGHT_PX if rng.random() < 0.2 else LANDSCAPE_PX
    picture = SCENES[shot.scene].draw(rng, size_px=size_px)
    orientation = int(rng.choice([1, 1, 1, 1, 3, 6, 6, 8, 2, 4, 5, 7]))
    suffix = _suffix(shot)
    names = []
    for frame in range(shot.frames):
        moment = taken + timedelta(seconds=frame)
        seen = picture if frame == 0 else _next_frame(picture, rng=rng)
        name = _free_name(folder, PurePosixPath(shot.outing.folder), f"IMG_{moment:%Y%m%d_%H%M%S}", suffix)
        data = _encode(seen, suffix=suffix, orientation=orientation, exif=_exif(shot, moment, rng=rng))
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        names.append(name)
    return names


def _suffix(shot: _Shot) -> str:
    """Return the format of a shot: nearly all JPEG, and of the others one each so that every reader is used."""
    others = {(0, 1): ".heic", (3, 1): ".png", (6, 1): ".webp"}
    return others.get((shot.scene, shot.number), ".jpg") if shot.frames == 1 else ".jpg"


def _free_name(folder: Path, below: PurePosixPath, stem: str, suffix: str) -> PurePosixPath:
    name, number = below / f"{stem}{suffix}", 1
    while (folder / name).exists():
        name, number = below / f"{stem}_{number}{suffix}", number + 1
    return name


def _next_frame(picture: Image.Image, *, rng: np.random.Generator) -> Image.Image:
    """Return the picture as a hand held a second longer would have taken it: moved a little, with new grain."""
    width, height = picture.size
    dx, dy = rng.uniform(0, 0.02, 2) * width
    moved = picture.resize(picture.size, Image.Resampling.BICUBIC, box=(dx, dy, dx + 0.97 * width, dy + 0.97 * height))
    grain = rng.normal(0, 2.5, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(moved, dtype=np.float32) + grain, 0, 255).astype(np.uint8))


def _exif(shot: _Shot, taken: datetime, *, rng: np.random.Generator) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Vecclust", "Sample 1"
    exif[ExifTags.Base.DateTime] = f"{taken:%Y:%m:%d %H:%M:%S}"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = f"{taken:%Y:%m:%d %H:%M:%S}"
    details[ExifTags.Base.OffsetTimeOriginal] = f"{shot.outing.offset_h:+03d}:00"
    if rng.random() < 0.7:
        place = exif.get_ifd(ExifTags.IFD.GPSInfo)
        latitude = shot.outing.latitude + float(rng.normal(0, 0.01))
        longitude = shot.outing.longitude + float(rng.normal(0, 0.01))
        place[ExifTags.GPS.GPSLatitudeRef] = "N" if latitude >= 0 else "S"
        place[ExifTags.GPS.GPSLatitude] = _degrees(latitude)
        place[ExifTags.GPS.GPSLongitudeRef] = "E" if longitude >= 0 else "W"
        place[ExifTags.GPS.GPSLongitude] = _degrees(longitude)
    return exif


def _degrees(value: float) -> tuple[float, float, float]:
    whole, rest = divmod(abs(value) * 60, 60)
    return float(whole), float(int(rest)), round((rest - int(rest)) * 60, 3)


def _encode(picture: Image.Image, *, suffix: str, orientation: int, exif: Image.Exif) -> bytes:
    out = io.BytesIO()
    if suffix == ".heic":
        import pillow_heif

        # HEIC keeps its rotation in the container, and its readers apply it: the pixels stay upright.
        pillow_heif.from_pillow(picture).save(out, quality=80, exif=exif.tobytes())
        return out.getvalue()
    if suffix == ".jpg" and orientation in TURN_BACK:
        exif[ExifTags.Base.Orientation] = orientation
        picture = picture.transpose(TURN_BACK[orientation])
    kind = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}[suffix]
    picture.save(out, kind, exif=exif, **({} if kind == "PNG" else {"quality": 88}))
    return out.getvalue()


def _copy_some(
    folder: Path, scene_of: Mapping[PurePosixPath, str], *, count: int
) -> list[tuple[PurePosixPath, PurePosixPath]]:
    """Copy photos, spread over the album, into a folder of favourites under other names."""
    originals = [name for name in scene_of if name.suffix == ".jpg"]
    pairs = []
    for number in range(count):
        original = originals[(number * len(originals)) // count]
        copy = PurePosixPath("Favourites") / f"best of {number + 1:02d} (copy).jpg"
        (folder / copy).parent.mkdir(exist_ok=True)
        shutil.copyfile(folder / original, folder / copy)
        pairs.append((copy, original))
    return pairs


def _break_one(folder: Path, scene_of: Mapping[PurePosixPath, str]) -> PurePosixPath:
    """Write a JPEG whose second half never arrived."""
    original = next(name for name in scene_of if name.suffix == ".jpg")
    name = original.with_name("IMG_20210718_235959.jpg")
    data = (folder / original).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])
    return name
