"""What a run keeps so that arrivals can be placed and the next fit can start warm: plain arrays and JSON.

Knows the two files of a run and every rule their contents obey. Refuses to guess: what is missing, damaged or
hostile raises `DamagedRun`, and the caller fits again. Invariants: no pickle; the arrays are read only after
their hash, their types and their sizes agree with the JSON, and used only after every index in them is within
bounds. The vectors are not kept here, they live in the store.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vecclust.clustering.arrays import Bools, Float32s, Float64s, Int32s, Int64s
from vecclust.clustering.neighbours import N_NEAREST, Neighbours
from vecclust.clustering.params import FitParams
from vecclust.errors import DamagedRun, StoreError, StoreFull

FORMAT = 1
ARRAYS_FILE = "state.npz"
FACTS_FILE = "state.json"
STATE_FILES = (ARRAYS_FILE, FACTS_FILE)
# The facts are a few hundred bytes; a larger file was not written here.
MAX_FACTS_BYTES = 65_536
# The border to JSON, zip and numpy: damaged or hostile bytes end in any of these, and all mean the same.
_HOSTILE = (
    *(OSError, ValueError, TypeError, LookupError, EOFError, MemoryError, RuntimeError, ArithmeticError, SyntaxError),
    zipfile.BadZipFile,
)


@dataclass(frozen=True, slots=True)
class FitState:
    """The arrays of a fit over n rows.

    It has p distinct pictures, k neighbours, c dimensions of layout and m tree nodes. Arrays that a reducer or
    clusterer has no use for are empty.

    Attributes:
        params: the parameters, automatic ones resolved.
        n_dimensions: width of the vectors.
        n_clusters: clusters found.
        picture_of_row: (n,) int32, the distinct picture of each row of the fit.
        neighbours: (p, k) int32, nearest other pictures, nearest first.
        distances: (p, k) float32, their cosine distances.
        layout: (p, c) float32 positions.
        labels: (p,) int32, -1 for noise.
        strengths: (p,) float32 in [0, 1].
        settled: (p,) bool, which pictures were there when clusters were last chosen freely; all, in runs made before
            0.2.
        projection_mean: (d,) float32 of the principal components; empty for UMAP.
        projection_components: (c, d) float32 likewise.
        centroids: (n_clusters, c or d) float64 of k-means and agglomerative.
        core_distances: (p,) float64 of HDBSCAN, as are all that follow.
        point_parent: (p,) int32, the tree node each picture falls out of.
        point_lambda: (p,) float64, the density at which it does.
        node_parent: (m,) int32, -1 for the root, which is node 0.
        node_birth: (m,) float64, the density at which a node begins.
        node_size: (m,) int64 pictures in the node and below.
        node_label: (m,) int32, the label a node gives, -1 for none.
        node_max_lambda: (m,) float64, the largest density in the chosen node at or above it.
    """

    params: FitParams
    n_dimensions: int
    n_clusters: int
    picture_of_row: Int32s
    neighbours: Int32s
    distances: Float32s
    layout: Float32s
    labels: Int32s
    strengths: Float32s
    settled: Bools
    projection_mean: Float32s
    projection_components: Float32s
    centroids: Float64s
    core_distances: Float64s
    point_parent: Int32s
    point_lambda: Float64s
    node_parent: Int32s
    node_birth: Float64s
    node_size: Int64s
    node_label: Int32s
    node_max_lambda: Float64s

    @property
    def n_rows(self) -> int:
        """Rows of the fit, copies of one picture counted each."""
        return len(self.picture_of_row)

    @property
    def near(self) -> Neighbours:
        """The nearest few pictures of each, however many a layout looked at."""
        return Neighbours(self.neighbours, self.distances).nearest(N_NEAREST)

    @property
    def n_pictures(self) -> int:
        """Distinct pictures of the fit."""
        return len(self.labels)


_DTYPES: Mapping[str, str] = {
    **dict.fromkeys(("picture_of_row", "neighbours", "labels", "point_parent", "node_parent", "node_label"), "<i4"),
    **dict.fromkeys(("distances", "layout", "strengths", "projection_mean", "projection_components"), "<f4"),
    **dict.fromkeys(("centroids", "core_distances", "point_lambda", "node_birth", "node_max_lambda"), "<f8"),
    "node_size": "<i8",
    "settled": "|b1",
}
# Of runs made before 0.2.
_ADDED = frozenset({"settled"})


def save_state(state: FitState, folder: Path) -> None:
    """Write a state into a folder, which is made where it is missing.

    Each file is written beside and moved into place, the JSON last: a folder with the JSON is complete.

    Args:
        state: the state.
        folder: the run's own folder.

    Raises:
        StoreFull: no space left.
        StoreError: the folder cannot be written.
    """
    arrays = {name: np.ascontiguousarray(getattr(state, name), dtype) for name, dtype in _DTYPES.items()}
    buffer = io.BytesIO()
    # numpy's own type stub has no room for `**arrays` beside its flags.
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    facts: dict[str, Any] = {
        "format": FORMAT,
        "params": state.params.as_dict(),
        "n_dimensions": state.n_dimensions,
        "n_clusters": state.n_clusters,
        "sha256": hashlib.sha256(buffer.getbuffer()).hexdigest(),
    }
    facts["facts_sha256"] = _hash_of(facts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / ARRAYS_FILE, bytes(buffer.getbuffer()))
        _write(folder / FACTS_FILE, json.dumps(facts, indent=1).encode())
    except OSError as reason:
        kind = StoreFull if reason.errno in (errno.ENOSPC, errno.EDQUOT) else StoreError
        raise kind(f"the fitted run cannot be written to {folder}: {reason.strerror}") from reason


def load_state(folder: Path) -> FitState:
    """Read a state back.

    Args:
        folder: a folder written by `save_state`.

    Raises:
        DamagedRun: a file is missing, does not match its hash, was written by another format, or holds what
            no fit can have written.
    """
    try:
        facts = _read_facts(folder / FACTS_FILE)
        data = (folder / ARRAYS_FILE).read_bytes()
        if hashlib.sha256(data).hexdigest() != facts["sha256"]:
            raise ValueError("the arrays do not match their hash")
        arrays = _read_arrays(data)
        state = FitState(
            params=FitParams.from_dict(facts["params"]),
            n_dimensions=facts["n_dimensions"],
            n_clusters=facts["n_clusters"],
            **arrays,
        )
        _check(state)
    except _HOSTILE as reason:
        hint = "Run `vecclust recluster`"
        raise DamagedRun(f"the fitted run in {folder} cannot be used: {reason}", hint=hint) from reason
    return state


def _hash_of(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def _read_facts(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        text = file.read(MAX_FACTS_BYTES + 1)
    if len(text) > MAX_FACTS_BYTES:
        raise ValueError(f"{path.name} is too large")
    facts = json.loads(text)
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise ValueError(f"{path.name} is not of format {FORMAT}")
    if facts.pop("facts_sha256", None) != _hash_of(facts):
        raise ValueError(f"{path.name} does not match its hash")
    return facts


def _read_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """Read the archive entry by entry, trusting no size or type it names."""
    arrays: dict[str, NDArray[Any]] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names, there = set(_DTYPES), sorted(archive.namelist())
        if there == sorted(f"{name}.npy" for name in names - _ADDED):
            names -= _ADDED
        if there != sorted(f"{name}.npy" for name in names):
            raise ValueError("the arrays are not those of a run")
        for name in names:
            dtype = _DTYPES[name]
            entry = archive.getinfo(f"{name}.npy")
            if entry.file_size > len(data):
                raise ValueError(f"{name} is packed as no run packs it")
            with archive.open(entry) as file:
                if np.lib.format.read_magic(file) != (1, 0):
                    raise ValueError(f"{name} has an unknown header")
                shape, fortran, found = np.lib.format.read_array_header_1_0(file)
                body = file.read()
            if fortran or found != np.dtype(dtype) or len(body) != math.prod(shape) * found.itemsize:
                raise ValueError(f"{name} has the wrong type or size")
            arrays[name] = np.frombuffer(body, found).reshape(shape)
    return {"settled": np.ones(arrays["labels"].shape, np.bool_)} | arrays


def _check(state: FitState) -> None:
    """Hold the arrays against each other.

    Raises:
        ValueError: something no fit can have written.
    """
    for name in ("n_dimensions", "n_clusters"):
        value = getattr(state, name)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
            raise ValueError(f"{name} is {value!r}")
    p = state.n_pictures
    _check_shapes(state, p)
    _check_tree(state)
    bounds = {"picture_of_row": (0, p), "neighbours": (0, p), "point_parent": (0, len(state.node_parent))}
    for name, (least, below) in {**bounds, **dict.fromkeys(("labels", "node_label"), (-1, state.n_clusters))}.items():
        values = getattr(state, name)
        if values.size and (values.min() < least or values.max() >= below):
            raise ValueError(f"{name} points outside the run")
    if (state.settled.view(np.uint8) > 1).any():
        raise ValueError("settled is neither true nor false")
    for field in fields(state):
        value = getattr(state, field.name)
        lambdas = field.name in ("point_lambda", "node_max_lambda", "node_birth")
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            fine = ~np.isnan(value) & (value >= 0) if lambdas else np.isfinite(value)
            if not fine.all():
                raise ValueError(f"{field.name} holds what is no number")


def _check_shapes(state: FitState, p: int) -> None:
    c, d = state.params.n_components, state.n_dimensions
    k = min(state.params.n_neighbors, max(0, p - 1))
    projected = state.params.reducer != "umap"
    by_tree = state.params.clusterer == "hdbscan"
    m = len(state.node_parent)
    space = d if state.params.reducer == "none" else c
    wanted = {
        "picture_of_row": (state.n_rows,),
        "neighbours": (p, k),
        "distances": (p, k),
        "layout": (p, c),
        "labels": (p,),
        "strengths": (p,),
        "settled": (p,),
        "projection_mean": (d,) if projected else (0,),
        "projection_components": (c, d) if projected else (0, 0),
        "centroids": (0, 0) if by_tree else (state.n_clusters, space),
        "core_distances": (p,) if by_tree else (0,),
        "point_parent": (p,) if by_tree else (0,),
        "point_lambda": (p,) if by_tree else (0,),
        **dict.fromkeys(("node_parent", "node_birth", "node_size", "node_label", "node_max_lambda"), (m,)),
    }
    for name, shape in wanted.items():
        if getattr(state, name).shape != shape:
            raise ValueError(f"{name} is {getattr(state, name).shape} and not {shape}")
    if (m > 0) != by_tree:
        raise ValueError("the tree is missing, or belongs to no such clusterer")


def _check_tree(state: FitState) -> None:
    parents = state.node_parent
    # A parent before its child: climbing ends at the root, whatever the file says.
    if (parents[:1] != -1).any() or (parents[1:] < 0).any() or (parents[1:] >= np.arange(1, len(parents))).any():
        raise ValueError("the tree's nodes are out of order")
