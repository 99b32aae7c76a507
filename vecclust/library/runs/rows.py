"""Which photos a fit stands on, beside its arrays in the run's folder; and how plain arrays are kept: no pickle."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import DamagedRun

if TYPE_CHECKING:
    from vecclust.clustering import FitState

ROWS_FILE = "rows.npz"


@dataclass(frozen=True, slots=True)
class FittedRows:
    """Which photos a fit stands on, the id of each of its labels, and the ids it remembers.

    Attributes:
        photos: content hashes in the order of the fit's rows.
        clusters: cluster id by label.
        retired: last members of ids that no cluster carries any more.
    """

    photos: tuple[str, ...]
    clusters: tuple[str, ...]
    retired: Mapping[str, frozenset[str]]


def save_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Write arrays into one file, which is on the disk afterwards; a torn one is told by the archive's checksums.

    Args:
        path: the file, in a folder that exists; one that is there is written over.
        arrays: by name; none of objects.
    """
    with open(path, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub takes one for allow_pickle
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def reading_arrays(path: Path) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Open what `save_arrays` wrote; each array is read when it is asked for.

    Args:
        path: the file.

    Yields:
        The arrays by name; what its reader finds wrong with them, as `ValueError`, counts as damage.

    Raises:
        DamagedRun: the file is missing or not what was written.
    """
    try:
        # Opened here: numpy leaves a file it cannot read open.
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            yield arrays
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedRun(f"{path} cannot be read: {error}", hint="A refit mends it: vecclust recluster.") from error


def save_rows(rows: FittedRows, folder: Path) -> None:
    """Write the rows of a fit beside its state.

    Args:
        rows: the rows.
        folder: the run's folder, which exists.
    """
    retired = sorted(rows.retired)
    save_arrays(
        folder / ROWS_FILE,
        photos=pack_photos(rows.photos),
        clusters=np.array(rows.clusters, dtype=np.str_),
        retired=np.array(retired, dtype=np.str_),
        retired_sizes=np.array([len(rows.retired[cluster]) for cluster in retired], np.int64),
        retired_photos=pack_photos([photo for cluster in retired for photo in sorted(rows.retired[cluster])]),
    )


def load_rows(folder: Path) -> FittedRows:
    """Read the rows of a fit.

    Args:
        folder: the run's folder.

    Returns:
        The rows.

    Raises:
        DamagedRun: the file is missing or not what was written.
    """
    with reading_arrays(folder / ROWS_FILE) as arrays:
        photos = unpack_photos(arrays["photos"])
        gone = unpack_photos(arrays["retired_photos"])
        ends = np.cumsum(arrays["retired_sizes"])
        retired = {
            str(cluster): frozenset(gone[end - size : end])
            for cluster, size, end in zip(arrays["retired"], arrays["retired_sizes"], ends, strict=True)
        }
        return FittedRows(photos, tuple(str(cluster) for cluster in arrays["clusters"]), retired)


def require_fit(folder: Path) -> None:
    """Raise where a run has not all of its arrays; none of them is read.

    Args:
        folder: the run's folder.

    Raises:
        DamagedRun: one is missing; a refit mends it.
    """
    from vecclust.clustering import STATE_FILES

    for name in (*STATE_FILES, ROWS_FILE):
        if not (folder / name).exists():
            raise DamagedRun(f"{folder / name} is missing", hint="A refit mends it: vecclust recluster.")


def load_fit(folder: Path) -> tuple[FitState, FittedRows]:
    """Read what a run was fitted on: its arrays, and the photos they stand for.

    Args:
        folder: the run's folder.

    Raises:
        DamagedRun: one of them is missing or damaged, or they do not belong together; a refit mends it.
    """
    from vecclust.clustering import load_state

    state, fitted = load_state(folder), load_rows(folder)
    if len(fitted.photos) != state.n_rows:
        raise DamagedRun(f"run {folder.name} was fitted on {state.n_rows} photos but names {len(fitted.photos)}")
    return state, fitted


def pack_photos(photos: Sequence[str]) -> NDArray[np.uint8]:
    """Pack content hashes, half the size of their hex.

    Args:
        photos: n content hashes of 64 hex digits each; may be none.

    Returns:
        (n, 32) uint8, in the same order.
    """
    return np.frombuffer(bytes.fromhex("".join(photos)), np.uint8).reshape(-1, 32)


def unpack_photos(packed: NDArray[np.uint8]) -> tuple[str, ...]:
    """Give the content hashes back.

    Args:
        packed: (n, 32) uint8, as `pack_photos` makes it.

    Returns:
        n content hashes in lower-case hex, in the same order.

    Raises:
        ValueError: these are no packed content hashes.
    """
    if packed.ndim != 2 or packed.shape[1] != 32 or packed.dtype != np.uint8:
        raise ValueError(f"content hashes must be (n, 32) uint8, not {packed.shape} {packed.dtype}")
    return tuple(row.tobytes().hex() for row in packed)
