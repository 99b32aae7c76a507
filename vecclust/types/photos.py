"""A photo: where and when it was taken, how a model wants it cut, what is decoded of it, and its row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from vecclust.types.clusters import AssignedBy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


# By trust: EXIF's two, XMP and IPTC inside the file, a PNG's own text, the satellites' clock, a file beside it (XMP,
# Google Takeout), its name, EXIF's date of the last change, the file's own.
TakenSource = Literal["original", "digitized", "xmp", "iptc", "png", "gps", "sidecar", "name", "datetime", "mtime"]


# `photo` is what is neither of a screen nor of paper.
PhotoKind = Literal["photo", "screenshot", "document"]


ResizeMode = Literal["shortest", "longest", "squash"]


Interpolation = Literal["bicubic", "bilinear", "nearest"]


@dataclass(frozen=True, slots=True)
class Taken:
    """When a photo was taken and where that was read.

    Attributes:
        when: aware where the file names an offset or UTC, naive (local time of an unknown zone) where it does not.
        source: which of the known places gave it; `mtime` is a last resort.
    """

    when: datetime
    source: TakenSource

    @property
    def clock(self) -> datetime:
        """The time on the wall where the photo was taken, which orders photos and says on which day each was."""
        return self.when.replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a photo was taken.

    Attributes:
        latitude: degrees north, in [-90, 90].
        longitude: degrees east, in [-180, 180].
    """

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Framing:
    """How a model wants its pictures cut: open_clip's own preprocessing, as plain values for the decoding processes.

    Attributes:
        width_px: width of the model's input.
        height_px: height of the model's input.
        resize_mode: `shortest` side to size and centre crop, `longest` side to size and pad, or `squash`.
        interpolation: the filter.
        fill: grey level of the padding of `longest`, 0 to 255.
    """

    width_px: int
    height_px: int
    resize_mode: ResizeMode = "shortest"
    interpolation: Interpolation = "bicubic"
    fill: int = 0


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A photo read, hashed and decoded from the same bytes.

    Attributes:
        photo: SHA-256 of the file's bytes, hex.
        frame: (height_px, width_px, 3) uint8 upright RGB, cut as the `Framing` asks.
        width_px: width of the upright picture.
        height_px: height of the upright picture.
        thumbnail: a small JPEG without metadata.
        taken: time taken, or None where nothing tells it.
        place: place taken, or None.
        damaged: what is damaged or missing of it, or empty.
        camera: what took it, or empty where the file does not say.
    """

    photo: str
    frame: NDArray[np.uint8]
    width_px: int
    height_px: int
    thumbnail: bytes
    taken: Taken | None
    place: Place | None
    damaged: str = ""
    camera: str = ""


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """One row of the table `photos`: a distinct picture content and its vector.

    Attributes:
        photo: content hash, the key.
        vector: (d,) float32 of norm 1.
        width_px: width of the upright picture.
        height_px: height of the upright picture.
        size_bytes: length of the file.
        taken: time taken, or None.
        place: place taken, or None.
        added_ns: when the row was made.
        thumbnail: a small JPEG, or empty where it was not asked for.
        camera: what took it, or empty where that is not known.
    """

    photo: str
    vector: NDArray[np.float32]
    width_px: int
    height_px: int
    size_bytes: int
    taken: Taken | None
    place: Place | None
    added_ns: int
    thumbnail: bytes = b""
    camera: str = ""


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What is known of one photo; the fields are those of the JSON document.

    Attributes:
        path: absolute path of the file that was asked about.
        photo: content hash.
        cluster: its cluster in the current run, or None.
        cluster_name: that cluster's name, its owner's or a proposed one, or None.
        strength: membership strength in [0, 1], 0 where it is unclustered; None where it has no label yet.
        assigned_by: who gave the label, or None likewise.
        novelty: of an arrival, as `Label.novelty`; None for photos that were fitted and where it was not kept.
        newcomer: whether it is an arrival that was held back as unlike all that the run knows.
        run: the current run, or None where the photo has no label yet.
        taken: time taken, naive where its zone is unknown; None where nothing tells it.
        taken_source: what told it, or None.
        latitude: degrees north, or None.
        longitude: degrees east, or None.
        width: pixels of the upright picture.
        height: likewise.
        model: model id of its vector.
        other_paths: absolute paths of other files with the same content, in order.
        damaged: what is damaged or missing of the file, whose rest was taken; empty for most.
        cluster_named_by: who gave the cluster's name: `owner` or `auto`; None without one.
        words: a few words for what it shows, the best first; often none.
        kind: what kind of picture it is, as far as several signs agree.
        camera: what took it, or None.
        event: the event it is of, by id, or None; a photo that came just now may have none yet.
        event_name: that event's name, its owner's or a proposed one, or None.
        trip: the trip it is of, likewise.
        trip_name: that trip's name, likewise.
        place: the street it was taken in, likewise.
        place_name: that street's name, likewise.
        town: the name of the town it was taken in or near, or None.
        country: the name of the country it was taken in, or None.
    """

    path: str
    photo: str
    cluster: str | None
    cluster_name: str | None
    strength: float | None
    assigned_by: AssignedBy | None
    novelty: float | None
    newcomer: bool
    run: str | None
    taken: datetime | None
    taken_source: str | None
    latitude: float | None
    longitude: float | None
    width: int
    height: int
    model: str
    other_paths: tuple[str, ...] = ()
    damaged: str = ""
    cluster_named_by: Literal["owner", "auto"] | None = None
    words: tuple[str, ...] = ()
    kind: PhotoKind = "photo"
    camera: str | None = None
    event: str | None = None
    event_name: str | None = None
    trip: str | None = None
    trip_name: str | None = None
    place: str | None = None
    place_name: str | None = None
    town: str | None = None
    country: str | None = None
