"""What a fit found, apart from the library: made by whoever may read, handed on as plain arrays, adopted by the writer.

A refit may run in another process, which reads the library and never writes it. Identity is not part of a result:
names and clusters may change while it is made, so the writer matches it when it adopts it.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import DamagedRun, NotFound, UsageError
from vecclust.library.queries.status import current_run
from vecclust.library.runs.rows import load_fit, pack_photos, reading_arrays, save_arrays, unpack_photos
from vecclust.library.runs.weighted import weighted
from vecclust.types.progress import Progress, no_progress
from vecclust.types.runs import N_CONTINUED, N_LIGHT, RefitKind, Run

if TYPE_CHECKING:
    from vecclust.clustering import Earlier, FitParams, FitState
    from vecclust.store import Store

log = logging.getLogger(__name__)

# Seeds alone differ by up to 0.05 in the share of photos without a cluster.
MOST_LOST = 0.1

_ARRAYS_FILE, _FACTS_FILE = "result.npz", "result.json"
# The fields of a result, by the file that holds them.
_ARRAYS, _FACTS = ("labels", "strengths", "nearest", "medoids"), ("params", "figures", "seconds")
_MODEL = "model"


@dataclass(frozen=True, slots=True)
class FitResult:
    """A fit and the photos it stands on.

    Attributes:
        photos: content hashes, ascending, in the order of the rows.
        labels: (n,) int64, the cluster of each row, -1 for none.
        strengths: (n,) float32 in [0, 1].
        nearest: (n,) int64, the cluster nearest to each row that has none, where that was asked for, else -1.
        medoids: (k,) int64, row of the most central photo, by label.
        state: what places arrivals and the next fit.
        params: the parameters used.
        figures: quality figures by name.
        seconds: wall seconds by stage.
        model: model id of the vectors; empty where nobody says.
    """

    photos: Sequence[str]
    labels: NDArray[np.int64]
    strengths: NDArray[np.float32]
    nearest: NDArray[np.int64]
    medoids: NDArray[np.int64]
    state: FitState
    params: Mapping[str, Any]
    figures: Mapping[str, float | int | None]
    seconds: Mapping[str, float]
    model: str = ""


def fit_photos(
    store: Store, params: FitParams, *, kind: RefitKind | None = "full", progress: Progress = no_progress
) -> FitResult:
    """Fit all photos; nothing is written.

    Args:
        store: the library, open for reading or writing.
        params: the parameters of the fit.
        kind: where it is not `full`, photos are held in their clusters where nothing speaks against it, and the fit
            begins at the layout of the current run, which costs a fraction, unless too many in a row did; a `light`
            one is a continued one where too many in a row were light. None is light where few photos came, else
            continued. Where the result leaves many more photos without a cluster than the last layout from nothing,
            everything is chosen freely. After a run over another model's vectors the layout is always from nothing.
        progress: told about stages.

    Returns:
        What was found.

    Raises:
        NotFound: the library has no photos.
        UsageError: it has fewer than the smallest cluster is to have.
    """
    from vecclust.clustering import fit, medoids

    check_size(params, n_photos=store.counts().photos)
    with store.snapshot():
        model, (photos, vectors) = store.model(), store.vectors()
        earlier, current = _earlier(store, photos), current_run(store)
        fitted = weighted(store, photos, vectors, params)
    model_id = "" if model is None else model.model_id
    # Labels say of any vectors where photos were; neighbours and places of another model's vectors say nothing.
    is_other = current is not None and current.model != model_id
    if earlier is not None:
        is_other = is_other or _weights(earlier.state.params) != _weights(params)
    if earlier is not None and is_other:
        earlier = dataclasses.replace(earlier, state=dataclasses.replace(earlier.state, n_dimensions=0))
    due = "full" if earlier is None or is_other else due_kind(kind, current, newcomers=_share_new(earlier))
    found = fit(fitted, params, earlier=earlier, kind=due, continuity=kind != "full", progress=progress)
    if found.kind != "full" and _is_worn(store, found.figures):
        log.info("continued fits have left many photos without a cluster: fitting from nothing")
        found = fit(fitted, params, earlier=earlier, progress=progress)
    return FitResult(
        photos=photos,
        labels=found.labels,
        strengths=found.strengths,
        nearest=found.nearest,
        medoids=medoids(vectors, found.labels),
        state=found.state,
        params=found.params.as_dict(),
        figures={**found.figures, **_counts(found.kind, current)},
        seconds=found.seconds,
        model=model_id,
    )


def _weights(params: FitParams) -> tuple[float, float]:
    return params.time_weight, params.place_weight


def check_size(params: FitParams, *, n_photos: int) -> None:
    """Refuse a fit that could find no cluster, whatever the photos are.

    Args:
        params: the parameters of the fit.
        n_photos: photos there are.

    Raises:
        NotFound: there are none.
        UsageError: there are fewer than the smallest cluster is to have.
    """
    if not n_photos:
        raise NotFound("the library has no photos yet", hint="Fill it first: vecclust scan FOLDER.")
    if params.clusterer == "hdbscan" and params.min_cluster_size > n_photos:
        raise UsageError(
            f"the smallest cluster is to have {params.min_cluster_size} photos, and the library has {n_photos}",
            hint="Ask for a smaller one, or have it chosen: without --min-cluster-size (clusters.min_cluster_size).",
        )


def due_kind(asked: RefitKind | None, current: Run | None, *, newcomers: float) -> RefitKind:
    """Say what kind of fit follows the current run.

    Args:
        asked: what somebody wants, None for the cheapest that will do.
        current: the current run.
        newcomers: share of the photos that came since, in [0, 1].

    Returns:
        The kind.
    """
    from vecclust.clustering import refit_kind

    n_continued, n_light = _counted(current, N_CONTINUED), _counted(current, N_LIGHT)
    return refit_kind(asked, n_continued=n_continued, n_light=n_light, share_new=newcomers)


def _counts(kind: RefitKind, current: Run | None) -> dict[str, int]:
    """Count the fits since the last one from nothing, and the light ones in a row."""
    return {
        N_CONTINUED: 0 if kind == "full" else _counted(current, N_CONTINUED) + 1,
        N_LIGHT: _counted(current, N_LIGHT) + 1 if kind == "light" else 0,
    }


def _counted(run: Run | None, figure: str) -> int:
    return 0 if run is None else int(run.figures.get(figure) or 0)


def _is_worn(store: Store, figures: Mapping[str, float | int | None]) -> bool:
    """Say whether a continued fit is much poorer than the last one from nothing."""
    whole = [run for run in store.runs() if run.kind == "full"]
    if not whole:
        return False
    before, now = whole[-1].figures.get("share_unclustered"), figures.get("share_unclustered")
    return before is not None and now is not None and now > before + MOST_LOST


def _earlier(store: Store, photos: Sequence[str]) -> Earlier | None:
    """Give the current run's fit and where the photos stood in it; None where there is none that can be read."""
    from vecclust.clustering import Earlier

    run = store.state().current_run
    if run is None:
        return None
    try:
        state, fitted = load_fit(store.fit_folder(run))
    except DamagedRun as error:
        log.warning("%s", error)
        return None
    row_of = {photo: row for row, photo in enumerate(fitted.photos)}
    return Earlier(state, np.array([row_of.get(photo, -1) for photo in photos], np.int64))


def _share_new(earlier: Earlier) -> float:
    return float((earlier.rows < 0).mean())


def save_fit_result(result: FitResult, folder: Path) -> None:
    """Write a result into a folder; the facts come last, so that a torn one is told by their absence.

    Args:
        result: the result.
        folder: a folder that exists.
    """
    from vecclust.clustering import save_state

    save_state(result.state, folder)
    arrays = {name: getattr(result, name) for name in _ARRAYS}
    save_arrays(folder / _ARRAYS_FILE, photos=pack_photos(result.photos), **arrays)
    facts = {name: dict(getattr(result, name)) for name in _FACTS} | {_MODEL: result.model}
    (folder / _FACTS_FILE).write_text(json.dumps(facts), encoding="utf-8")


def load_fit_result(folder: Path) -> FitResult:
    """Read a result.

    Args:
        folder: where `save_fit_result` put it.

    Returns:
        The result, as it was saved.

    Raises:
        DamagedRun: it is not whole.
    """
    from vecclust.clustering import load_state

    with reading_arrays(folder / _ARRAYS_FILE) as arrays:
        facts = json.loads((folder / _FACTS_FILE).read_text(encoding="utf-8"))
        found: dict[str, Any] = {name: arrays[name] for name in _ARRAYS} | {
            name: facts[name] for name in (*_FACTS, _MODEL)
        }
        result = FitResult(photos=unpack_photos(arrays["photos"]), state=load_state(folder), **found)
    if {len(result.labels), len(result.strengths), len(result.nearest), result.state.n_rows} != {len(result.photos)}:
        raise DamagedRun(f"the parts of the fit in {folder} do not belong together")
    return result
