"""What a run keeps, and what of it is believed."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.clustering.conftest import Fitted
from tests.clustering.worlds import unit, world
from vecclust.clustering import FitParams, FitState, Placer, fit, load_state, save_state
from vecclust.clustering.state import ARRAYS_FILE, FACTS_FILE, _hash_of
from vecclust.errors import DamagedRun, StoreError, StoreFull


def rewrite(folder: Path, arrays: dict[str, Any], **facts: Any) -> None:
    """Write a state whose hashes are right, whatever it holds: what a hostile hand would do."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    (folder / ARRAYS_FILE).write_bytes(buffer.getvalue())
    told = json.loads((folder / FACTS_FILE).read_text()) | facts
    told.pop("facts_sha256")
    told["sha256"] = hashlib.sha256((folder / ARRAYS_FILE).read_bytes()).hexdigest()
    (folder / FACTS_FILE).write_text(json.dumps(told | {"facts_sha256": _hash_of(told)}))


def arrays_in(folder: Path) -> dict[str, np.ndarray]:
    """The arrays as they lie there, writable."""
    with np.load(folder / ARRAYS_FILE, allow_pickle=False) as archive:
        return {name: archive[name].copy() for name in archive.files}


@pytest.fixture
def folder(tmp_path: Path, groups: Fitted) -> Path:
    """A saved run."""
    save_state(groups.fit.state, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("clusterer", ["hdbscan", "kmeans", "agglomerative"])
@pytest.mark.parametrize("reducer", ["umap", "pca", "none"])
@pytest.mark.parametrize("n", [0, 1, 6, 60])
def test_a_state_comes_back_as_it_was(n: int, reducer: str, clusterer: str, tmp_path: Path) -> None:
    """Every array and figure, for every way to fit; and it places arrivals alike."""
    vectors = world([30, 30])[0][:n]
    params = FitParams(reducer=reducer, clusterer=clusterer)  # type: ignore[arg-type]
    state = fit(vectors, params).state
    save_state(state, tmp_path / "deep" / "run")
    loaded = load_state(tmp_path / "deep" / "run")
    for field in fields(FitState):
        np.testing.assert_array_equal(getattr(loaded, field.name), getattr(state, field.name))
        if isinstance(getattr(state, field.name), np.ndarray):
            assert getattr(loaded, field.name).dtype == getattr(state, field.name).dtype
    arrivals = unit(np.random.default_rng(0).normal(size=(3, vectors.shape[1])))
    one, two = Placer(state, vectors).place(arrivals), Placer(loaded, vectors).place(arrivals)
    np.testing.assert_array_equal(one.labels, two.labels)
    np.testing.assert_array_equal(one.positions, two.positions)


def test_nothing_is_pickled(folder: Path) -> None:
    """Two files, plain arrays and JSON."""
    assert sorted(path.name for path in folder.iterdir()) == [FACTS_FILE, ARRAYS_FILE]
    assert all(array.dtype.kind in "ifb" for array in arrays_in(folder).values())


@pytest.mark.parametrize("name", [ARRAYS_FILE, FACTS_FILE])
def test_a_missing_file_is_refused(name: str, folder: Path) -> None:
    """Half a run is none; the error says what to do."""
    (folder / name).unlink()
    with pytest.raises(DamagedRun, match="cannot be used") as caught:
        load_state(folder)
    assert "recluster" in caught.value.hint
    assert isinstance(caught.value.__cause__, FileNotFoundError)


@pytest.mark.parametrize("name", [ARRAYS_FILE, FACTS_FILE])
@pytest.mark.parametrize("where", [0.0, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_a_damaged_file_is_refused(name: str, where: float, damage: str, folder: Path) -> None:
    """One bit flipped or the end missing, anywhere."""
    data = bytearray((folder / name).read_bytes())
    at = int(where * len(data))
    if damage == "flip":
        data[at] ^= 1
    else:
        del data[at:]
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(DamagedRun):
        load_state(folder)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "[" * 100_000, '{"format": 2}', "NaN", "\xff"])
def test_facts_that_are_none_are_refused(text: str, folder: Path) -> None:
    """Not JSON, not an object, too deep, another format."""
    (folder / FACTS_FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(DamagedRun):
        load_state(folder)


def test_a_run_of_before_knows_all_its_pictures(folder: Path) -> None:
    """Runs made before 0.2 did not say which were there when clusters were chosen."""
    arrays = arrays_in(folder)
    del arrays["settled"]
    rewrite(folder, arrays)
    assert load_state(folder).settled.all()
    del arrays["labels"]
    rewrite(folder, arrays)
    with pytest.raises(DamagedRun):
        load_state(folder)


def test_a_format_of_the_future_is_refused(folder: Path) -> None:
    """Even where its hashes are right."""
    rewrite(folder, arrays_in(folder), format=2)
    with pytest.raises(DamagedRun, match="format"):
        load_state(folder)


class Trap:
    """Runs code when unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("trapped",)


def test_a_pickle_is_never_opened(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An array of objects with right hashes is refused without running what it holds."""
    monkeypatch.chdir(tmp_path)
    rewrite(folder, arrays_in(folder) | {"layout": np.array([Trap()], dtype=object)})
    with pytest.raises(DamagedRun):
        load_state(folder)
    assert not (tmp_path / "trapped").exists()


def test_a_packed_bomb_is_refused(folder: Path) -> None:
    """A small file that would unpack to a large one was not written here."""
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays_in(folder).items():
            body = io.BytesIO()
            np.save(body, np.zeros(10_000_000, np.float32) if name == "layout" else array)
            archive.writestr(f"{name}.npy", body.getvalue())
    rewrite(folder, arrays_in(folder))
    told = json.loads((folder / FACTS_FILE).read_text())
    told.pop("facts_sha256")
    told["sha256"] = hashlib.sha256(bomb.getvalue()).hexdigest()
    (folder / ARRAYS_FILE).write_bytes(bomb.getvalue())
    (folder / FACTS_FILE).write_text(json.dumps(told | {"facts_sha256": _hash_of(told)}))
    with pytest.raises(DamagedRun, match="packed"):
        load_state(folder)


def poke(name: str, value: float, at: int = 3) -> Any:
    """A change of one element of one array."""

    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays[name].reshape(-1)[at] = value

    return pytest.param(change, id=f"{name}[{at}]={value}")


@pytest.mark.parametrize(
    "change",
    [
        poke("picture_of_row", 10**6),
        poke("picture_of_row", -1),
        poke("neighbours", 10**6),
        poke("labels", 10**6),
        poke("labels", -2),
        poke("point_parent", 10**6),
        poke("node_parent", 3, at=3),
        poke("node_parent", 0, at=0),
        poke("node_parent", -1, at=2),
        poke("node_label", 10**6),
        poke("layout", np.nan),
        poke("strengths", np.inf),
        poke("core_distances", np.nan),
        poke("point_lambda", np.nan),
        poke("node_max_lambda", -1.0),
        pytest.param(lambda arrays: arrays.pop("labels"), id="without labels"),
        pytest.param(lambda arrays: arrays.update(more=np.zeros(1)), id="one array more"),
        pytest.param(lambda arrays: arrays.update(layout=arrays["layout"][:-1]), id="a row short"),
        pytest.param(lambda arrays: arrays.update(layout=arrays["layout"].astype("f8")), id="another type"),
        pytest.param(lambda arrays: arrays.update(labels=arrays["labels"].astype(">i4")), id="another order"),
        pytest.param(lambda arrays: arrays.update(layout=np.asfortranarray(arrays["layout"])), id="turned"),
        pytest.param(lambda arrays: arrays.update(node_parent=arrays["node_parent"][:0]), id="no tree"),
    ],
)
def test_arrays_that_no_fit_wrote_are_refused(change: Any, folder: Path) -> None:
    """Right hashes do not make an index valid: nothing points outside the run or climbs for ever."""
    arrays = arrays_in(folder)
    change(arrays)
    rewrite(folder, arrays)
    with pytest.raises(DamagedRun):
        load_state(folder)


@pytest.mark.parametrize(
    "facts",
    [
        {"n_clusters": -1},
        {"n_clusters": True},
        {"n_dimensions": "64"},
        {"params": {"reducer": "umap"}},
        {"params": None},
        {"params": FitParams().as_dict() | {"clusterer": "kmeans"}},
        {"params": FitParams().as_dict() | {"n_components": 4}},
    ],
)
def test_facts_that_do_not_fit_the_arrays_are_refused(facts: dict[str, Any], folder: Path) -> None:
    """Numbers out of range, unknown parameters, or those of another run."""
    rewrite(folder, arrays_in(folder), **facts)
    with pytest.raises(DamagedRun):
        load_state(folder)


def test_arrays_of_another_run_are_refused(folder: Path, groups: Fitted, tmp_path: Path) -> None:
    """Whole and valid in themselves, but not those the facts speak of."""
    save_state(replace(groups.fit.state, strengths=groups.fit.state.strengths / 2), tmp_path / "other")
    os.replace(tmp_path / "other" / ARRAYS_FILE, folder / ARRAYS_FILE)
    with pytest.raises(DamagedRun, match="hash"):
        load_state(folder)


def test_rewriting_alone_is_believed(folder: Path, groups: Fitted) -> None:
    """The control of the tests above: the same arrays with right hashes load."""
    rewrite(folder, arrays_in(folder))
    np.testing.assert_array_equal(load_state(folder).labels, groups.fit.state.labels)


def test_a_second_save_replaces_the_first(folder: Path, groups: Fitted) -> None:
    """Nothing is left beside."""
    half = groups.fit.state.strengths / 2
    save_state(replace(groups.fit.state, strengths=half), folder)
    np.testing.assert_array_equal(load_state(folder).strengths, half)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(("code", "kind"), [(errno.ENOSPC, StoreFull), (errno.EACCES, StoreError)])
def test_a_place_that_cannot_be_written_is_our_error(
    code: int, kind: type[StoreError], tmp_path: Path, groups: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk and a refusal, chained to what the system said."""

    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StoreError, match=os.strerror(code)) as caught:
        save_state(groups.fit.state, tmp_path)
    assert type(caught.value) is kind
    assert isinstance(caught.value.__cause__, OSError)
