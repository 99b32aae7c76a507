"""Photos through decoding processes: in order, ahead, and one photo's disaster is its own."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.photos.pictures import encode, scene
from vecclust.errors import PhotoError, TooLarge, Unfinished, Unreachable, Unreadable, Vanished
from vecclust.photos import DecodeLimits, DecodePool, KnownPhoto, look_at, read_photo, walk
from vecclust.photos.formats import DAMAGED_QUIET_S, ZERO_TAIL_QUIET_S
from vecclust.photos.pool import Outcome, outcome_of
from vecclust.types.files import SeenFile
from vecclust.types.photos import DecodedPhoto, Framing

Put = Callable[[str, bytes], SeenFile]
FRAMING = Framing(64, 64)
NOTHING: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def pool() -> Iterator[DecodePool]:
    """One pool for the tests that do it no harm."""
    with DecodePool(FRAMING, processes=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def big_png() -> bytes:
    """A picture of 288 megapixels: a quick one to make, a second and 288 MB to decode."""
    return encode(Image.new("L", (24_000, 12_000), 90), "PNG", compress_level=1)


def decode(pool: DecodePool, seen: SeenFile, known: frozenset[str] = NOTHING) -> Outcome:
    """Bring one file to its outcome."""
    return pool.outcome_from(pool.submit(seen, known))


def test_outcomes_come_in_the_order_of_the_jobs(pool: DecodePool, put: Put) -> None:
    """Large before small, broken between whole: the order is that of the jobs."""
    files = [
        put("0.png", encode(scene(2000, 1500), "PNG")),
        put("1.jpg", b"no picture"),
        *(put(f"{number}.jpg", encode(scene(100, 80, seed=number), "JPEG")) for number in range(2, 12)),
    ]
    came = list(pool.decode_ahead(((seen, NOTHING) for seen in files), 6))
    assert [seen for seen, _ in came] == files
    assert isinstance(came[1][1], Unreadable)
    assert all(isinstance(outcome, DecodedPhoto) for seen, outcome in came if seen.path != "1.jpg")


def test_jobs_are_taken_only_so_far_ahead(pool: DecodePool, put: Put) -> None:
    """A million files are not queued at once."""
    seen = put("a.jpg", encode(scene(50, 40), "JPEG"))
    taken: list[int] = []

    def jobs() -> Iterator[tuple[SeenFile, frozenset[str]]]:
        for number in range(100):
            taken.append(number)
            yield seen, NOTHING

    coming = pool.decode_ahead(jobs(), 5)
    next(coming)
    assert len(taken) == 5
    next(coming)
    assert len(taken) == 6
    coming.close()
    assert list(pool.decode_ahead([], 5)) == []


def test_the_child_decodes_what_this_process_would(pool: DecodePool, put: Put) -> None:
    """Frames, hashes, thumbnails, time and place travel whole."""
    seen = put("IMG_20240131_235958.jpg", encode(scene(300, 200), "JPEG"))
    there, here = decode(pool, seen), outcome_of(seen, NOTHING, framing=FRAMING, limits=DecodeLimits())
    assert isinstance(there, DecodedPhoto)
    assert isinstance(here, DecodedPhoto)
    assert np.array_equal(there.frame, here.frame)
    for field in ("photo", "width_px", "height_px", "thumbnail", "taken", "place"):
        assert getattr(there, field) == getattr(here, field)
    assert there.taken is not None
    assert there.taken.source == "name"


def test_a_known_content_is_hashed_and_not_decoded(pool: DecodePool, put: Put) -> None:
    """A moved or copied file costs a hash: even what cannot be decoded is known by it."""
    seen = put("a.jpg", b"no picture")
    import hashlib

    photo = hashlib.sha256(b"no picture").hexdigest()
    assert decode(pool, seen, frozenset({photo, "0" * 64})) == KnownPhoto(photo, len(b"no picture"))
    assert isinstance(decode(pool, seen, frozenset({"0" * 64})), Unreadable)


def test_failures_are_values_of_the_right_kind(pool: DecodePool, put: Put, tmp_path: Path) -> None:
    """Gone, changed, empty, cut: each is told apart, with a reason that travelled from the child."""
    whole = encode(scene(200, 150), "JPEG")
    gone = put("gone.jpg", whole)
    os.unlink(gone.absolute)
    changed = put("changed.jpg", whole)
    (tmp_path / "changed.jpg").write_bytes(whole + b"more")
    assert isinstance(decode(pool, gone), Vanished)
    assert isinstance(decode(pool, changed), Unfinished)
    cut = decode(pool, put("cut.jpg", whole[:-500]))
    assert isinstance(cut, Unfinished)
    assert cut.message == "the end of the JPEG is missing"
    assert isinstance(decode(pool, put("empty.heic", b"")), Unfinished)


def test_a_suspect_end_is_waited_for_and_then_accepted(pool: DecodePool, put: Put) -> None:
    """A file that ends in zeros is unfinished while it is young, and taken once it has been quiet for long."""
    data = encode(scene(200, 150), "JPEG") + bytes(2048)
    young = put("young.jpg", data)
    assert isinstance(decode(pool, young), Unfinished)
    quiet_ns = int(time.time_ns() - 2 * ZERO_TAIL_QUIET_S * 1e9)
    os.utime(young.absolute, ns=(quiet_ns, quiet_ns))
    # ctime cannot be set: judge as if it were later instead.
    from vecclust.photos import pool as job

    real = job.is_quiet
    try:
        job.is_quiet = lambda seen, *, now_ns, settle_s: real(  # type: ignore[assignment]
            seen, now_ns=now_ns + int(2 * ZERO_TAIL_QUIET_S * 1e9), settle_s=settle_s
        )
        old = outcome_of(look_at(young.absolute), NOTHING, framing=FRAMING, limits=DecodeLimits())
    finally:
        job.is_quiet = real
    assert isinstance(old, DecodedPhoto)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux holds the limit")
def test_a_damaged_jpeg_is_taken_when_it_has_been_quiet_for_long(put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may still be copied for an hour, longer where its times tell nothing; then what can be shown is taken."""
    seen = put("cut.jpg", encode(scene(400, 300), "JPEG", quality=90)[:-500])

    def judged(seen: SeenFile, *, later_s: float, known: frozenset[str] = NOTHING) -> Outcome:
        now_ns = time.time_ns() + int(later_s * 1e9)
        monkeypatch.setattr("vecclust.photos.pool.time.time_ns", lambda: now_ns)
        outcome = outcome_of(seen, known, framing=FRAMING, limits=DecodeLimits())
        monkeypatch.undo()
        return outcome

    for later_s in (0, DAMAGED_QUIET_S - 60):
        young = judged(seen, later_s=later_s)
        assert isinstance(young, Unfinished)
        assert (young.message, young.quiet_s) == ("the end of the JPEG is missing", DAMAGED_QUIET_S)
    old = judged(seen, later_s=DAMAGED_QUIET_S + 60)
    assert isinstance(old, DecodedPhoto)
    assert old.damaged == "the end of the JPEG is missing"
    copy = judged(seen, later_s=0, known=frozenset({old.photo}))
    assert copy == KnownPhoto(old.photo, seen.size_bytes, "the end of the JPEG is missing")
    # A server whose clock is ahead.
    assert isinstance(judged(seen, later_s=-2 * DAMAGED_QUIET_S), Unfinished)


def test_a_photo_that_needs_too_much_memory_costs_itself(put: Put, big_png: bytes) -> None:
    """Over the limit of the process: too large, and the next photo is decoded."""
    big = put("big.png", big_png)
    small = put("small.png", encode(scene(100, 100), "PNG"))
    with DecodePool(FRAMING, limits=DecodeLimits(memory_bytes=400 << 20), processes=1) as pool:
        outcomes = [outcome for _, outcome in pool.decode_ahead([(big, NOTHING), (small, NOTHING)], 2)]
    assert isinstance(outcomes[0], TooLarge)
    assert "memory" in outcomes[0].message
    assert isinstance(outcomes[1], DecodedPhoto)


def test_a_photo_that_takes_too_long_costs_itself(put: Put, big_png: bytes) -> None:
    """Over the time: too large, named in seconds with the key; the next photo is decoded."""
    big = put("big.png", big_png)
    small = put("small.png", encode(scene(100, 100), "PNG"))
    limits = DecodeLimits(time_s=0.2)
    with DecodePool(FRAMING, limits=limits, processes=1) as pool:
        decode(pool, small)  # imports are not the photo's time
        outcomes = [outcome for _, outcome in pool.decode_ahead([(big, NOTHING), (small, NOTHING)], 1)]
        again = decode(pool, small)
    assert isinstance(outcomes[0], TooLarge)
    assert "0.2 s" in outcomes[0].message
    assert "photos.decode_timeout_s" in outcomes[0].hint
    assert isinstance(again, DecodedPhoto | TooLarge)


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGKILL, TooLarge), (signal.SIGSEGV, Unreadable)])
def test_a_process_that_dies_costs_the_photo_it_held(
    put: Put, big_png: bytes, number: int, kind: type[PhotoError]
) -> None:
    """Killed for memory or crashed in a decoder: the photo it held fails, all others are decoded."""
    big = put("big.png", big_png)
    small = put("small.png", encode(scene(100, 100), "PNG"))
    with DecodePool(FRAMING, processes=1) as pool:
        decode(pool, small)
        (pid,) = pool.pids
        future = pool.submit(big, NOTHING)
        while not future.running():
            os.sched_yield()
        os.kill(pid, number)
        outcome = pool.outcome_from(future)
        # Killed before the photo was handed over, the child was idle and a new one decodes it: that is right too.
        assert isinstance(outcome, kind | DecodedPhoto)
        assert isinstance(decode(pool, small), DecodedPhoto)


def test_one_file_can_be_read_for_a_question(tmp_path: Path, put: Put) -> None:
    """`read_photo` takes any name and either way; its failures are raised."""
    put("picture.data", encode(scene(120, 90), "PNG"))
    for inline in (False, True):
        photo = read_photo(tmp_path / "picture.data", FRAMING, inline=inline)
        assert (photo.width_px, photo.height_px) == (120, 90)
        with pytest.raises(Vanished):
            read_photo(tmp_path / "nothing.jpg", FRAMING, inline=inline)
        put("broken.jpg", b"\xff\x0a not here")
        with pytest.raises(Unreadable, match="JPEG XL"):
            read_photo(tmp_path / "broken.jpg", FRAMING, inline=inline)


def test_a_closed_folder_is_unreachable(pool: DecodePool, put: Put, tmp_path: Path) -> None:
    """What the system refuses travels from the child as the environment's fault."""
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    seen = put("a.jpg", b"x")
    os.chmod(seen.absolute, 0)
    assert isinstance(decode(pool, look_at(seen.absolute)), Unreachable)


def test_importing_the_room_loads_no_decoder() -> None:
    """`import vecclust.photos` costs neither Pillow nor anything heavy."""
    program = "import sys, vecclust.photos; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"PIL", "pillow_heif", "torch", "open_clip", "lancedb", "pyarrow", "umap", "hdbscan", "sklearn"}


BROKEN = {
    "pillow_heif/heif_corrupted/corrupted.heic": (Unfinished, "HEIF"),
    "pillow_heif/heif_corrupted/corrupted.hif": (Unfinished, "HEIF"),
    "pillow_heif/heif_corrupted/empty.heic": (Unfinished, "empty"),
    "test-assets/formats/jxl/16bit-HDR-P3-nclx.jxl": (Unreadable, "JPEG XL"),
    "test-assets/formats/jxl/8bit-sRGB.jxl": (Unreadable, "JPEG XL"),
}
GIANT = "pillow_heif/heif_special/200MP.heic"
ONE_BYTE_SHORT = "pillow_heif/heif_truncated/truncated.heic"


def _rows(shared_photos: Path) -> dict[str, dict[str, str]]:
    with open(shared_photos / "MANIFEST.tsv") as file:
        return {row["path"]: row for row in csv.DictReader(file, delimiter="\t")}


def test_sample_photos_come_out_as_their_list_says(shared_photos: Path) -> None:
    """All but the giant: each decodable one by its hash and upright size, each broken one with its reason."""
    rows = _rows(shared_photos)
    seen = walk(shared_photos / "files")
    assert sorted(file.path for file in seen.files) == sorted(rows)
    assert len(rows) == 111
    asked = [file for file in seen.files if file.path != GIANT]
    with DecodePool(Framing(224, 224), processes=2) as pool:
        for file, outcome in pool.decode_ahead(((file, NOTHING) for file in asked), 8):
            if file.path in BROKEN:
                kind, words = BROKEN[file.path]
                assert isinstance(outcome, kind), file.path
                assert words in outcome.message
            elif file.path != ONE_BYTE_SHORT or not isinstance(outcome, Unfinished):
                # The cut one is unfinished in a fresh copy of the samples, and taken once it has been quiet.
                assert isinstance(outcome, DecodedPhoto), (file.path, outcome)
                _assert_as_listed(outcome, rows[file.path])


def _assert_as_listed(photo: DecodedPhoto, row: dict[str, str]) -> None:
    width, height = (int(side) for side in row["size"].split("x"))
    if row["exif_orientation"] in {"5", "6", "7", "8"}:
        width, height = height, width
    assert (photo.photo, photo.width_px, photo.height_px) == (row["sha256"], width, height)
    assert photo.frame.shape == (224, 224, 3)
    if row["exif_datetimeoriginal"] != "None":
        assert photo.taken is not None
        assert photo.taken.source == "original"
        assert photo.taken.when.strftime("%Y:%m:%d %H:%M:%S") == row["exif_datetimeoriginal"]


@pytest.mark.slow
def test_a_phones_200_megapixels_are_decoded(shared_photos: Path) -> None:
    """The largest picture phones make fits the limits as they come."""
    photo = read_photo(shared_photos / "files" / GIANT, Framing(224, 224))
    assert (photo.width_px, photo.height_px) == (12_240, 16_320)
    assert photo.photo == _rows(shared_photos)[GIANT]["sha256"]


def test_reading_changes_no_original(shared_photos: Path, tmp_path: Path) -> None:
    """After a pass over copies, every file is byte for byte and second for second what it was."""
    source = shared_photos / "files" / "exif-orientation-examples"
    for path in sorted(source.glob("*_1.jpg")):
        shutil.copy(path, tmp_path)
    before = {file: Path(file.absolute).read_bytes() for file in walk(tmp_path).files}
    with DecodePool(FRAMING, processes=1) as pool:
        assert len(list(pool.decode_ahead(((file, NOTHING) for file in before), 4))) == len(before)
    assert {file: Path(file.absolute).read_bytes() for file in walk(tmp_path).files} == before
