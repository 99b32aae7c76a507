"""The system's limits on watching: a user namespace has limits of its own, so nobody else's watches are touched."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.daemon.processes import Process, put
from tests.library.test_library import HUES
from vecclust.library.watched import WatchedLibrary

FLAGS = [
    'clusters.reducer="pca"', "photos.settle_s=0.1", "photos.decode_processes=1",
    "watch.canary_s=1", "watch.poll_s=1", "watch.interval_s=3600",
]  # fmt: skip
LIMITS = "/proc/sys/user/max_inotify_"


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with photos in three directories, and twenty empty directories more."""
    for colour in HUES:
        put(tmp_path / "album", colour, range(8))
    for number in range(20):
        (tmp_path / "album" / f"{number:02}").mkdir()
    return tmp_path / "album"


@pytest.fixture
def limit() -> str:
    """Skip where no user namespace can be made that limits watches."""
    if not shutil.which("unshare") or not shutil.which("nsenter") or not Path(LIMITS + "watches").exists():
        pytest.skip("there are no user namespaces with limits here")
    if subprocess.run(["unshare", "-Ur", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespace may be made here")
    return LIMITS


def watching(tmp_path: Path, album: Path, *, kind: str, limit: int) -> Process:
    """Start a daemon in a namespace of its own with a low limit."""
    script = f'echo {limit} > {LIMITS}{kind} && exec "$@"'
    return Process(tmp_path / "library", str(album), *FLAGS, wrapper=["unshare", "-Ur", "sh", "-c", script, "sh"])


def raise_limit(process: Process, kind: str) -> None:
    """Raise the limit of the namespace the daemon lives in."""
    enter = ["nsenter", "-U", "-t", str(process.child.pid)]
    subprocess.run([*enter, "sh", "-c", f"echo 1000 > {LIMITS}{kind}"], check=True)


def problems(library: WatchedLibrary) -> str:
    """Give what the daemon says is wrong."""
    return "; ".join(library.status().daemon.problems)


@pytest.mark.parametrize(
    ("kind", "n", "says"),
    [
        ("watches", 8, "directories are not watched, the system's limit is reached"),
        ("watches", 1, "album cannot be watched: inotify watch limit reached"),
        ("watches", 0, "album cannot be watched: inotify watch limit reached"),
        ("instances", 0, "nothing can be watched: inotify instance limit reached (fs.inotify.max_user_instances)"),
    ],
)
def test_where_the_system_refuses_to_watch_it_scans_and_says_why(
    tmp_path: Path, album: Path, limit: str, kind: str, n: int, says: str
) -> None:
    """None missed, in watched directories or not; once there is room it watches again and says nothing any more."""
    with watching(tmp_path, album, kind=kind, limit=n) as process:
        process.until_labelled(24)
        process.until(lambda library: says in problems(library))
        for number in range(20):
            put(album / f"{number:02}", "red", range(100 + number, 101 + number))
        process.until_labelled(44)
        raise_limit(process, kind)
        process.until(lambda library: problems(library) == "")
        put(album / "19", "red", range(200, 201))
        process.until_labelled(45)
        assert process.end()[0] == 0
