"""What the store relies on of lancedb beyond its documented calls: an update that takes it away is seen here."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.store.samples import commit_sample_run, new_library
from vecclust.store.layout import manifests
from vecclust.store.vendor import load_lancedb

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "vecclust" / "store"


def test_the_version_is_bounded() -> None:
    """An update is taken after this file was run against it."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    (bound,) = [one for one in wanted if one.startswith("lancedb")]
    assert bound == "lancedb>=0.40,<0.41"


def test_one_module_calls_the_vendor() -> None:
    """`vendor` imports lancedb, for `tables` alone; only the kind of index is named where it is asked for."""
    importing = {file.name for file in ROOM.glob("*.py") if "import lancedb" in file.read_text(encoding="utf-8")}
    assert importing == {"vendor.py"}


def test_the_package_that_is_deferred_is_there() -> None:
    """Lancedb imports generated REST clients that a library on disk never calls."""
    assert importlib.util.find_spec("lance_namespace_urllib3_client") is not None


_SHORTENED = """
import gc, sys
from vecclust.store.vendor import load_lancedb
lancedb = load_lancedb()
assert gc.isenabled()
if sys.version_info < (3, 12) and "FIRST" not in globals():
    assert "overrides" not in sys.modules, "it reads the bytecode of every class"
left_out = ("lance_namespace_urllib3_client", "lance_namespace_urllib3_client.models", "requests")
assert not sys.modules.keys() & set(left_out), "no library on disk asks a server"
connection = lancedb.connect(sys.argv[1])
assert connection.list_tables().tables == []
assert not isinstance(connection, lancedb.RemoteDBConnection)
class Ours(lancedb.LanceNamespaceDBConnection):
    pass
import lance_namespace, lancedb.namespace
assert issubclass(Ours, lancedb.namespace.LanceNamespaceDBConnection)
assert issubclass(Ours, lancedb.LanceNamespaceDBConnection)
from lance_namespace import CreateTableRequest, ListTablesResponse
assert isinstance(connection.list_tables(), ListTablesResponse)
assert lance_namespace.errors.TableNotFoundError is lancedb.db.TableNotFoundError
assert CreateTableRequest.from_json('{"id": ["a"]}').id == ["a"]
assert issubclass(lancedb.db.LanceDBConnection, lancedb.db.DBConnection)
assert issubclass(lancedb.remote.db.RemoteDBConnection, lancedb.db.DBConnection)
assert not hasattr(lancedb.remote.db, "nothing")
import lancedb.remote.db
if sys.version_info < (3, 12):
    # Later ones have their own; lancedb does without it there.
    import overrides
    overrides.EnforceOverrides
"""


def test_the_shortened_import_leaves_all_of_lancedb_usable(tmp_path: Path) -> None:
    """Whoever shares the process has its clients of servers, their models, and overrides as they were."""
    done = subprocess.run(
        [sys.executable, "-c", _SHORTENED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["session", "read_consistency_interval"])
def test_a_connection_takes_what_it_is_given(name: str) -> None:
    """The bounds of the caches; without an interval a handle stays at the version it was opened at."""
    parameters = inspect.signature(load_lancedb().connect).parameters
    assert name in parameters
    assert parameters["read_consistency_interval"].default is None


def test_versions_lie_on_the_disk_as_they_are_read(tmp_path: Path) -> None:
    """`_versions` holds one manifest per version, named by 2^64 - 1 less its number, ending in LANC."""
    with new_library(tmp_path, n_photos=3) as store:
        commit_sample_run(store)
        for table in store._tables.place.table_names():
            files = manifests(store._tables.place.table(table))
            newest = store._tables._connection.open_table(table).version
            assert [file.name for file in files] == [f"{2**64 - 1 - n}.manifest" for n in range(newest, 0, -1)]
            assert all(len(file.stem) == 20 for file in files)
            assert all(file.read_bytes().endswith(b"LANC") for file in files)


def test_a_handle_stays_at_its_version_and_one_that_writes_goes_along(tmp_path: Path) -> None:
    """So that readers hold handles of their own, and a writer's last one is at what it wrote."""
    with new_library(tmp_path, n_photos=3) as store:
        reads = store._tables._connection.open_table("photos")
        n_before, before = reads.count_rows(), reads.version
        writes = store._tables._connection.open_table("photos")
        writes.delete("photo != ''")
        assert (reads.count_rows(), reads.version) == (n_before, before)
        assert (writes.count_rows(), writes.version) == (0, before + 1)
        assert store._tables.place.newest("photos").number == before + 1


_STRUCK = """
import asyncio, gc, sys
from pathlib import Path
from tests.store.samples import new_library

def strike(*anything):
    raise KeyboardInterrupt

with new_library(Path(sys.argv[1]) / "library", n_photos=1) as store:
    store._tables.close()
    asyncio.run_coroutine_threadsafe = strike
    try:
        store._tables._connection.open_table("photos")
    except KeyboardInterrupt:
        gc.collect()
        print("struck")
"""


def test_a_call_that_ctrl_c_strikes_before_its_loop_has_it_says_nothing(tmp_path: Path) -> None:
    """Python warns of a coroutine that nobody awaits, on the terminal of somebody who only wanted to end."""
    command = [sys.executable, "-c", _STRUCK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("struck\n", "")
