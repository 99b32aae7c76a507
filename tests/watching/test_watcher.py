"""The watcher: real directories, a real observer; what was heard, and whether it still hears."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vecclust.photos import IgnoreRules
from vecclust.watching import Hint, Watcher, way_to_watch
from vecclust.watching import watcher as watcher_module
from vecclust.watching.kernel import count_directories, count_watches
from vecclust.watching.observer import Observer, changes_of

DEADLINE_S = 20.0


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """An empty folder with a sub-directory."""
    (tmp_path / "album" / "old").mkdir(parents=True)
    return tmp_path / "album"


@pytest.fixture
def watcher(album: Path, tmp_path: Path) -> Iterator[Watcher]:
    """A watcher that is armed."""
    made = Watcher([str(album)], rules=IgnoreRules(), canary=tmp_path / "library" / "canary")
    made.arm()
    yield made
    made.close()


def heard(watcher: Watcher, enough: Callable[[set[str], set[str]], bool]) -> tuple[set[str], set[str]]:
    """Collect paths and reasons until they are enough."""
    paths: set[str] = set()
    reasons: set[str] = set()
    deadline = time.monotonic() + DEADLINE_S
    while not enough(paths, reasons):
        assert time.monotonic() < deadline, f"heard only {paths} and {reasons}"
        hint = watcher.wait(1.0)
        paths |= hint.paths
        reasons |= {hint.rescan} - {""}
    return paths, reasons


def write_slowly(album: Path) -> None:
    """Write in chunks, straight to the name."""
    with (album / "new.jpg").open("wb") as file:
        for _ in range(5):
            file.write(b"x" * 1000)
            file.flush()


def write_aside(album: Path) -> None:
    """Write to a temporary name, then rename."""
    (album / ".syncthing.new.jpg.tmp").write_bytes(b"x")
    os.rename(album / ".syncthing.new.jpg.tmp", album / "new.jpg")


def move_in(album: Path) -> None:
    """Move a file in from outside."""
    (album.parent / "outside.jpg").write_bytes(b"x")
    os.rename(album.parent / "outside.jpg", album / "new.jpg")


def link_in(album: Path) -> None:
    """Give a file outside a second name inside."""
    (album.parent / "outside.jpg").write_bytes(b"x")
    os.link(album.parent / "outside.jpg", album / "new.jpg")


@pytest.mark.parametrize("way", [write_slowly, write_aside, move_in, link_in])
def test_a_new_file_is_heard_however_it_comes(watcher: Watcher, album: Path, way: Callable[[Path], None]) -> None:
    """Its final name, and never the temporary one."""
    way(album)
    paths, _ = heard(watcher, lambda paths, _: str(album / "new.jpg") in paths)
    assert paths == {str(album / "new.jpg")}


def test_a_tree_copied_or_moved_in_asks_for_a_look_at_everything(watcher: Watcher, album: Path) -> None:
    """A directory's files may have been there before it was watched."""
    source = album.parent / "source"
    for number in range(5):
        (source / f"{number}.d" / "deep").mkdir(parents=True)
        (source / f"{number}.d" / "deep" / "a.jpg").write_bytes(b"x")
    subprocess.run(["cp", "-r", str(source), str(album / "copy")], check=True)
    heard(watcher, lambda _, reasons: any("folder" in reason for reason in reasons))
    while watcher.wait(0.3):
        pass
    os.rename(source, album / "moved")
    heard(watcher, lambda _, reasons: any("folder" in reason for reason in reasons))


@pytest.mark.parametrize("away", ["deleted", "moved out", "folder moved out"])
def test_what_goes_away_asks_for_a_look_at_everything(watcher: Watcher, album: Path, away: str) -> None:
    """Absence is judged by whole scans, so one is asked for."""
    file = album / "old" / "a.jpg"
    file.write_bytes(b"x")
    heard(watcher, lambda paths, _: str(file) in paths)
    while watcher.wait(0.3):
        pass
    if away == "deleted":
        file.unlink()
    elif away == "moved out":
        os.rename(file, album.parent / "b.jpg")
    else:
        os.rename(album / "old", album.parent / "taken")
    _, reasons = heard(watcher, lambda _, reasons: bool(reasons))
    assert reasons <= {"a photo went away", "a folder came, moved or went"}


def test_names_that_are_no_photos_are_not_heard(watcher: Watcher, album: Path) -> None:
    """Sidecars, temporary names and other programs' folders cost nothing."""
    for name in ("a.xmp", ".a.jpg.Ab12Cd", "b.jpg.part", "notes.txt"):
        (album / name).write_bytes(b"x")
    (album / "@eaDir").mkdir()
    (album / "last.jpg").write_bytes(b"x")
    paths, reasons = heard(watcher, lambda paths, _: bool(paths))
    assert (paths, reasons) == ({str(album / "last.jpg")}, set())


def test_a_linked_root_is_watched_and_keeps_its_name(album: Path, tmp_path: Path) -> None:
    """Paths come back under the name that the owner gave."""
    (tmp_path / "link").symlink_to(album)
    watcher = Watcher([str(tmp_path / "link")], rules=IgnoreRules(), canary=tmp_path / "canary")
    watcher.arm()
    (album / "old" / "a.jpg").write_bytes(b"x")
    heard(watcher, lambda paths, _: paths == {str(tmp_path / "link" / "old" / "a.jpg")})
    watcher.close()


def test_names_that_are_not_utf8_come_back_exactly(watcher: Watcher, album: Path) -> None:
    """Bytes are bytes."""
    name = os.fsencode(album) + b"/\xff\xfe 'x' \xf0\x9f\x8c\x8b.jpg"
    with open(name, "wb") as file:
        file.write(b"x")
    heard(watcher, lambda paths, _: os.fsdecode(name) in paths)


def test_a_living_canary_changes_nothing(watcher: Watcher, album: Path) -> None:
    """It is heard, it is no hint, and it never lies in the owner's folder."""
    watcher.check()
    assert watcher._canary_due_s is not None
    deadline = time.monotonic() + DEADLINE_S
    while watcher._canary_due_s is not None:
        assert time.monotonic() < deadline
        assert watcher.wait(0.05) == Hint()
    assert watcher.problems == ()
    assert [entry.name for entry in album.rglob("*")] == ["old"]


def test_a_canary_that_was_heard_during_a_long_look_is_not_missed(album: Path, tmp_path: Path) -> None:
    """The queue is drained before silence is judged, however long nobody listened."""
    now_s = [1000.0]
    watcher = Watcher([str(album)], rules=IgnoreRules(), canary=tmp_path / "canary", clock_s=lambda: now_s[0])
    watcher.arm()
    observer = watcher._observer
    watcher.check()
    deadline = time.monotonic() + DEADLINE_S
    while watcher._changes.empty():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    now_s[0] += 60.0
    assert watcher.wait(0.0) == Hint()
    assert watcher._observer is observer
    watcher.close()


def kill_dispatch(watcher: Watcher) -> None:
    """Let the thread that calls handlers end, as an exception in one would."""
    assert watcher._observer is not None
    watcher._observer._vendor.event_queue.put(None)  # cannot be unpacked: the thread dies of it
    watcher._observer._vendor.join(DEADLINE_S)


def kill_reader(watcher: Watcher) -> None:
    """Let the thread that reads from the kernel end."""
    assert watcher._observer is not None
    reader = watcher._observer._vendor._inotify_fd
    reader.stop()
    reader.join(DEADLINE_S)


@pytest.mark.parametrize("kill", [kill_dispatch, kill_reader])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_noticed_and_healed(
    watcher: Watcher, album: Path, monkeypatch: pytest.MonkeyPatch, kill: Callable[[Watcher], None]
) -> None:
    """One canary unheard: fresh threads, a wish to look at everything, and new files are heard again."""
    monkeypatch.setattr(watcher_module, "CANARY_PATIENCE_S", 0.2)
    for n_unheard in (1, 2):
        kill(watcher)
        watcher.check()
        _, reasons = heard(watcher, lambda _, reasons: bool(reasons))
        assert reasons == {"watching had gone deaf"}
        assert watcher.n_unheard == n_unheard
    (album / "after.jpg").write_bytes(b"x")
    heard(watcher, lambda paths, _: str(album / "after.jpg") in paths)
    watcher.check()
    while watcher.n_unheard:
        watcher.wait(0.05)


def test_dropped_events_ask_for_a_look_at_everything_at_once(watcher: Watcher) -> None:
    """Overflow is told by nothing but this log."""
    logging.getLogger("watchdog.observers.inotify_c").warning("Inotify queue overflowed; events were lost")
    hint = watcher.wait(DEADLINE_S)
    assert (hint.rescan, hint.at_once) == ("the kernel dropped events", True)


def test_a_root_that_was_away_is_watched_again(watcher: Watcher, album: Path) -> None:
    """Renamed away and replaced by another folder of the same name: the other one is heard."""
    os.rename(album, album.parent / "away")
    watcher.check()
    assert any("it is not there" in problem for problem in watcher.problems)
    (album / "old").mkdir(parents=True)
    watcher.check()
    assert watcher.problems == ()
    assert watcher.ways == {str(album): "events"}
    (album / "old" / "a.jpg").write_bytes(b"x")
    heard(watcher, lambda paths, _: str(album / "old" / "a.jpg") in paths)


def test_a_shortage_of_watches_is_told(watcher: Watcher, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses in silence; the count says so."""
    assert count_watches() == count_directories([str(album)]) + 1
    monkeypatch.setattr(watcher_module, "count_watches", lambda: 1)
    watcher.check()
    assert "2 directories are not watched" in watcher.problems[0]


def test_a_root_the_system_refuses_is_told_and_tried_again(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC at the root is an error, not silence; nothing ends for it."""
    add = Observer.add

    def refuse(self: Observer, folder: str) -> None:
        if folder == str(album):
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        add(self, folder)

    monkeypatch.setattr(Observer, "add", refuse)
    watcher = Watcher([str(album)], rules=IgnoreRules(), canary=tmp_path / "canary")
    watcher.arm()
    assert "watch limit" in watcher.problems[0]
    assert watcher.ways == {str(album): "scan"}
    monkeypatch.setattr(Observer, "add", add)
    watcher.check()
    assert watcher.problems == ()
    watcher.close()


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:30 / /mnt/nas rw - cifs //nas/photos rw
31 22 0:31 / /mnt/my\\040disk rw - fuse.sshfs host:/ rw
32 22 0:32 / /merged rw - overlay overlay rw
33 30 0:33 / /mnt/nas/local rw - btrfs /dev/vdb rw
34 22 0:34 / /host rw - virtiofs share rw
"""


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("/home/x", "events"), ("/mnt/nas", "scan"), ("/mnt/nas/2024", "scan"), ("/mnt/nas2", "events"),
        ("/mnt/my disk/a", "scan"), ("/merged/a", "hints"), ("/mnt/nas/local/a", "events"), ("/host", "scan"),
    ],
)  # fmt: skip
def test_each_mount_is_watched_as_it_deserves(path: str, way: str) -> None:
    """Events of others' writes never come from the network, FUSE or below an overlay."""
    assert way_to_watch(path, mountinfo=MOUNTS) == way


def test_a_root_that_tells_nothing_is_not_armed(album: Path, tmp_path: Path) -> None:
    """No watches are spent on it, and the reason for scanning is told."""
    watcher = Watcher([str(album)], rules=IgnoreRules(), canary=tmp_path / "canary", way_of=lambda path: "scan")
    watcher.arm()
    assert "tells nothing" in watcher.problems[0]
    assert count_watches() == 1
    watcher.close()


def test_events_are_read_for_what_they_may_mean() -> None:
    """A moved file is gone here and touched there; halves of moves count too."""
    moved = changes_of("moved", b"/a/x.jpg", "/a/y.jpg", False)
    assert [(change.what, change.path) for change in moved] == [("gone", "/a/x.jpg"), ("touched", "/a/y.jpg")]
    assert [change.what for change in changes_of("moved", "", "/a/y.jpg", False)] == ["touched"]
    assert [change.what for change in changes_of("something new", "/a/y.jpg", "", False)] == ["touched"]
    assert [change.path for change in changes_of("moved", "/a/d", "/a/e", True)] == ["/a/d", "/a/e"]


def test_a_wish_ends_the_wait(watcher: Watcher) -> None:
    """A signal handler asks for a look at everything."""
    watcher.wake("SIGHUP")
    assert watcher.wait(DEADLINE_S) == Hint(rescan="SIGHUP", at_once=True)


def test_closing_twice_is_closing_once(album: Path, tmp_path: Path) -> None:
    """And a folder that went away before does not matter."""
    watcher = Watcher([str(album)], rules=IgnoreRules(), canary=tmp_path / "canary")
    watcher.arm()
    shutil.rmtree(album)
    watcher.close()
    watcher.close()


def test_it_can_be_woken_without_a_wish_to_look(watcher: Watcher) -> None:
    """By another thread that has something else to be done; a wish that is there already stays."""
    began_s = time.monotonic()
    watcher.wake()
    assert watcher.wait(DEADLINE_S * 10) == Hint()
    assert time.monotonic() - began_s < DEADLINE_S
    watcher.wake("asked")
    watcher.wake()
    assert watcher.wait(DEADLINE_S) == Hint(rescan="asked", at_once=True)
