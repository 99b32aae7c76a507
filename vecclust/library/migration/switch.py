"""The switch of a library from one model to another, by its one writer: everything is prepared, one commit makes it.

What is prepared lies in the library: the other model's photos in a table of their own, and a fit of them in the folder
`migration`. Going back needs no fit: the run of then is the current one again, and what came since is labelled.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecclust.errors import DamagedRun, NotFound, UsageError
from vecclust.library.runs.fit_result import load_fit_result, save_fit_result
from vecclust.library.runs.refit import adopt
from vecclust.types.migrations import MigrationReport, ModelTable
from vecclust.types.progress import no_progress

if TYPE_CHECKING:
    from vecclust.library.naming.naming import Naming
    from vecclust.library.runs.fit_result import FitResult
    from vecclust.library.runs.runs import Runs
    from vecclust.store import Store

_WANTED_FILE = "wanted.json"


def target_of(store: Store, *, back: bool) -> ModelTable:
    """Give the other model that a library can be switched to.

    Args:
        store: the library.
        back: whether it is the one that it had before, not one that is being prepared.

    Raises:
        NotFound: there is none.
    """
    target = store.former_model() if back else store.next_model()
    if target is None or not target.kept:
        what = "no earlier model's vectors are kept" if back else "no other model is being prepared"
        raise NotFound(f"{what} in {store.folder}", hint="vecclust migrate NAME prepares one.")
    return target


def missing_of(store: Store, view: Store) -> list[str]:
    """Name the photos that have no vector of the other model, in order.

    Args:
        store: the library.
        view: the same with the other model.
    """
    return sorted(store.photo_keys() - view.photo_keys())


def run_to_return_to(store: Store, target: ModelTable) -> str | None:
    """Give the run that was the current one with a model, None where it cannot be that again.

    Args:
        store: the library.
        target: the model.
    """
    return target.run if target.run in store.restorable_runs() else None


def keep_fit(result: FitResult, folder: Path, *, wanted: Mapping[str, Any]) -> None:
    """Put a fit where the switch finds it, in place of one that is there.

    Args:
        result: the fit.
        folder: the library's.
        wanted: what the fit was asked to do.
    """
    place = _fit_place(folder)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700, parents=True)
    (place / _WANTED_FILE).write_text(json.dumps(dict(wanted), sort_keys=True), encoding="utf-8")
    save_fit_result(result, place)


def kept_fit(folder: Path, *, model_id: str, wanted: Mapping[str, Any] | None = None) -> FitResult | None:
    """Read the fit that was kept for a switch.

    Args:
        folder: the library's.
        model_id: of the model it has to be of.
        wanted: what it has to have been asked to do, None for anything.

    Returns:
        The fit; None where there is none that is whole and as it has to be.
    """
    place = _fit_place(folder)
    try:
        asked = json.loads((place / _WANTED_FILE).read_text(encoding="utf-8"))
        result = load_fit_result(place)
    except (OSError, ValueError, DamagedRun):
        return None
    same = wanted is None or asked == json.loads(json.dumps(dict(wanted)))
    return result if same and result.model == model_id else None


def drop_fit(folder: Path) -> None:
    """Throw away the fit that was kept for a switch, if there is one.

    Args:
        folder: the library's.
    """
    shutil.rmtree(_fit_place(folder), ignore_errors=True)


def _fit_place(folder: Path) -> Path:
    return folder / "migration" / "fit"


def owner_names(store: Store) -> dict[str, str]:
    """Give the names that the owner gave to clusters of the current run, by cluster.

    Args:
        store: the library.
    """
    shown = {row.cluster for row in store.clusters()}
    names = store.names().values()
    return {name.cluster: name.name for name in names if name.named_by == "owner" and name.cluster in shown}


def names_lost(names: Mapping[str, str], clusters: Collection[str]) -> tuple[str, ...]:
    """Give the names of clusters that are not among some.

    Args:
        names: by cluster.
        clusters: those that are there.
    """
    return tuple(sorted(name for cluster, name in names.items() if cluster not in clusters))


def switch(store: Store, runs: Runs, *, back: bool, naming: Naming | None = None) -> MigrationReport:
    """Make another model the library's own, and a run of its vectors the current one, in one commit.

    Args:
        store: the library, open for writing.
        runs: labels what the run does not know.
        back: to the model before, not to one that was prepared.
        naming: names the clusters of its run.

    Returns:
        What it changed; where photos are missing their vectors, how many, and nothing was changed.

    Raises:
        NotFound: there is no such model.
        UsageError: there is no fit yet.
    """
    began_s = time.monotonic()
    target = target_of(store, back=back)
    view = store.seen_with(target)
    names, n_photos = owner_names(store), store.counts().photos
    if missing := missing_of(store, view):
        return MigrationReport(target.model.name, back, n_photos, missing=len(missing))
    view.keep_photos(store.photo_keys())
    refit = None
    if store.state().current_run is None:
        view.commit_model()
    elif (run := run_to_return_to(store, target)) is not None:
        view.set_current_run(run)
    else:
        result = kept_fit(store.folder, model_id=target.model.model_id)
        if result is None:
            raise UsageError(
                f"the vectors of {target.model.name} are not fitted yet", hint="vecclust migrate goes on with it."
            )
        refit = adopt(view, result, reason=f"model {target.model.name}", naming=naming)
    drop_fit(store.folder)
    runs.label(no_progress)
    store.maintain()
    return MigrationReport(
        target.model.name,
        back,
        n_photos,
        names=len(names),
        names_lost=names_lost(names, {row.cluster for row in store.clusters()}),
        refit=refit,
        run=store.state().current_run,
        switched=True,
        seconds=time.monotonic() - began_s,
    )
