"""The daemon as a service: any path survives, so does what others wrote, and managers are asked the right things."""

from __future__ import annotations

import json
import os
import plistlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vecclust.daemon.service import CommandResult, Service, install, manager_of, quoted, remove, status
from vecclust.errors import UsageError, VecclustError

PROJECT = Path(__file__).resolve().parents[2]
ODD = 'o\'d "q" 50%n $HOME ${x} back\\slash; é {n}'

# Says what it was asked, one call a line, and answers as the files beside it tell.
FAKE = """#!/bin/sh
here=$(dirname "$0")
echo "$(basename "$0") $*" >> "$here/asked"
[ -e "$here/refuses-$2" ] && { echo "no: $2"; exit 1; }
case "$*" in
  *show-environment*|*"print gui/"[0-9]*) [ -e "$here/unreachable" ] && { echo "no bus"; exit 1; } ;;
esac
[ -e "$here/answer" ] && cat "$here/answer"
exit 0
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of our own, and managers that only note what they are asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("systemctl", "launchctl"):
        (folder / name).write_text(FAKE)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def asked(home: Path) -> list[str]:
    """Give what the managers were asked since the last call."""
    file = home / "bin" / "asked"
    lines = file.read_text().splitlines() if file.exists() else []
    file.write_text("")
    return lines


def service_of(home: Path, name: str = "library") -> Service:
    """Give the service of a library below the home."""
    return Service(home / name, folders=(home / "album",))


def test_a_unit_is_written_started_and_looked_at(home: Path) -> None:
    """And a second time nothing changes; a changed service starts it anew."""
    manager, service = manager_of("linux"), service_of(home)
    unit = f"{service.name}.service"
    done = install(manager, service)
    assert (done.changed, done.active, done.file) == (True, True, home / ".config/systemd/user" / unit)
    assert "enable-linger" in done.notices[0]
    assert asked(home) == [
        f"systemctl --user {what}"
        for what in ("show-environment", "daemon-reload", f"enable {unit}", f"restart {unit}")
    ]
    assert (home / "library").stat().st_mode & 0o777 == 0o700
    assert not install(manager, service).changed
    assert asked(home)[-1] == f"systemctl --user start {unit}"
    assert install(manager, Service(service.library)).changed
    assert asked(home)[-1] == f"systemctl --user restart {unit}"
    said = "ActiveState=active\nSubState=running\nMainPID=77\nUnitFileState=enabled\nStatusText=watching (1 folder)\n"
    (home / "bin" / "answer").write_text(said)
    standing = status(manager, service)
    assert (standing.installed, standing.edited, standing.enabled, standing.running) == (True, False, True, True)
    assert (standing.pid, standing.state, standing.says) == (77, "active/running", "watching (1 folder)")
    asked(home)
    assert remove(manager, service).changed
    assert asked(home)[1:] == [f"systemctl --user disable --now {unit}", "systemctl --user daemon-reload"]
    assert not done.file.exists()
    assert (remove(manager, service).changed, status(manager, service).installed) == (False, False)


def test_an_agent_is_written_started_and_looked_at(home: Path) -> None:
    """The same by launchd."""
    (home / "bin" / "answer").write_text("\tstate = running\n\tpid = 78\n")
    manager, service = manager_of("darwin"), service_of(home)
    done = install(manager, service)
    assert done.file == home / "Library/LaunchAgents" / f"local.{service.name}.plist"
    place = f"gui/{os.getuid()}"
    assert asked(home)[-1] == f"launchctl bootstrap {place} {done.file}"
    agent = plistlib.loads(done.file.read_bytes())
    assert agent["ProgramArguments"][:4] == [sys.executable, "-P", "-m", "vecclust"]
    assert agent["ProgramArguments"][-3:] == ["-q", "watch", str(home / "album")]
    assert (agent["KeepAlive"], agent["ProcessType"], agent["ThrottleInterval"]) == (
        {"SuccessfulExit": False}, "Background", 300,
    )  # fmt: skip
    assert not install(manager, service).changed
    assert "bootstrap" not in asked(home)[-1]
    standing = status(manager, service)
    assert (standing.running, standing.pid, standing.edited) == (True, 78, False)
    remove(manager, service)
    assert asked(home)[-1] == f"launchctl bootout {place}/local.{service.name}"
    assert not done.file.exists()


def test_two_libraries_are_two_services(home: Path) -> None:
    """Of the same name in two places too; a link to a library is that library."""
    (home / "a" / "library").mkdir(parents=True)
    (home / "link").symlink_to(home / "a")
    names = {service_of(home, name).name for name in ("library", "a/library", "link/library")}
    assert len(names) == 2
    assert all(name.startswith("vecclust-library-") for name in names)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("kind", ["edited", "foreign"])
def test_what_somebody_else_wrote_is_left_alone(home: Path, platform: str, kind: str) -> None:
    """Neither overwritten nor removed, without being told to."""
    manager, service = manager_of(platform), service_of(home)
    file = install(manager, service).file
    theirs = file.read_bytes().replace(b"10", b"19") if kind == "edited" else b"[Service]\nExecStart=/bin/true\n"
    file.write_bytes(theirs)
    assert status(manager, service).edited
    for do in (install, remove):
        with pytest.raises(UsageError, match=r"is not (overwritten|removed)"):
            do(manager, service)
    assert file.read_bytes() == theirs
    assert install(manager, service, force=True).changed
    assert not status(manager, service).edited


def test_without_a_manager_the_file_is_written_and_the_next_step_said(home: Path) -> None:
    """In a container, or over a login without a session; and removed again."""
    (home / "bin" / "unreachable").touch()
    manager, service = manager_of("linux"), service_of(home)
    done = install(manager, service)
    assert (done.active, done.file.exists()) == (False, True)
    assert f"systemctl --user enable --now {service.name}.service" in done.notices[0]
    assert not status(manager, service).reachable
    assert remove(manager, service).changed
    nobody = manager_of("linux", run=lambda command: CommandResult(127, "not found"))
    assert not install(nobody, service).active


def test_a_manager_that_refuses_is_an_error_with_its_own_words(home: Path) -> None:
    """Not silence."""
    (home / "bin" / "refuses-enable").touch()
    with pytest.raises(VecclustError, match="no: enable"):
        install(manager_of("linux"), service_of(home))


@pytest.mark.parametrize("name", ["two\nlines", "tab\t", "bytes\udcff"])
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_what_cannot_be_said_is_refused(home: Path, name: str, platform: str) -> None:
    """With the name, and nothing is written."""
    with pytest.raises(UsageError, match="cannot be written into a service's file"):
        install(manager_of(platform), Service(home / name))
    assert not (home / name).exists()


def test_an_agent_of_an_earlier_vecclust_is_known(home: Path) -> None:
    """It was written without comments and in another order, and says the same: ours, and replaced without asking."""
    manager, service = manager_of("darwin"), service_of(home)
    file = install(manager, service).file
    file.write_bytes(plistlib.dumps(plistlib.loads(file.read_bytes())))
    assert not status(manager, service).edited
    assert install(manager, service).changed


def test_words_are_quoted_for_systemd() -> None:
    """Quotes, backslashes and specifiers; a dollar is the colon's affair."""
    assert quoted('a "b" \\ 5% $c') == '"a \\"b\\" \\\\ 5%% $c"'


def test_an_odd_path_comes_through_a_property_list(home: Path) -> None:
    """Whatever XML thinks of it."""
    agent = plistlib.loads(manager_of("darwin").write(Service(home / ODD, folders=(home / "<&>",))))
    assert str(home / ODD) in agent["ProgramArguments"]
    assert agent["StandardErrorPath"] == str(home / ODD / "launchd-errors")
    assert agent["ProgramArguments"][-1] == str(home / "<&>")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze here")
def test_systemd_itself_finds_nothing_wrong_and_reads_an_odd_path_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a word about the unit; of a program that it will not start it says the name, which is the one meant."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    service = Service(tmp_path / ODD, config=tmp_path / ODD / "config.toml", folders=(tmp_path / ODD,))

    text = manager_of("linux").write(service)

    def verdict(text: bytes) -> tuple[int, str]:
        unit = tmp_path / f"{service.name}.service"
        unit.write_bytes(text)
        command = ["systemd-analyze", "--user", "verify", "--man=no", str(unit)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        return done.returncode, done.stdout + done.stderr

    code, said = verdict(text)
    assert (code, [line for line in said.splitlines() if service.name in line]) == (0, [])
    odd = str(tmp_path / ODD / "python")
    code, said = verdict(text.replace(quoted(sys.executable).encode(), quoted(odd).encode()))
    assert code != 0
    assert f"Executable name contains special characters: {odd}\n" in said
    monkeypatch.setattr(sys, "executable", odd)
    with pytest.raises(UsageError, match="starts no program"):
        manager_of("linux").write(service)


def test_the_command_line_installs_and_tells(home: Path) -> None:
    """As a whole: without a folder it refuses, then the unit, the status as JSON, and gone again."""
    album = home / "album"
    album.mkdir()
    command = [sys.executable, "-m", "vecclust", "--library", str(home / "library"), "service"]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        return subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, env=environment, cwd=home
        )

    if sys.platform not in ("linux", "darwin"):
        pytest.skip("no manager is known here")
    assert run("install", str(home / "not-there")).returncode == 2
    done = run("install", str(album), "--json")
    assert done.returncode == 0, done.stderr
    file = Path(json.loads(done.stdout)["file"])
    assert str(album) in file.read_text()
    told = json.loads(run("status", "--json").stdout)
    assert set(told) == {
        "manager", "reachable", "name", "file", "installed", "edited", "enabled", "running", "state", "pid", "says",
    }  # fmt: skip
    assert (told["installed"], told["edited"]) == (True, False)
    assert run("remove").returncode == 0
    assert not file.exists()
