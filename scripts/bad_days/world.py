"""A library, its photos and the computer around them, as they go through one bad day after another."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from bad_days.deeds import DEEDS, HUES, OUTSIDE, act, hue_of
from bad_days.holding import settle
from bad_days.mounts import Disk
from bad_days.processes import DEFECT, Forked, give_up_rights, limit_files

LONGEST_S = 120.0
ACTS = (*(deed for deed in (*DEEDS, *OUTSIDE) if deed != "ask"), "daemon", "migrate", "scan")
# What happens to a process.
FAULTS = (
    *("none", "none", "kill", "kill", "kill", "kill a child", "SIGTERM", "stopped and woken"),
    *("full at a size", "disk of small files", "read-only folder", "read-only later", "unreadable table"),
    *("photos closed", "full disk", "full disk", "disk fails", "disk pulled", "photos pulled"),
)
ENDING = frozenset({"kill", "kill a child", "SIGTERM", "stopped and woken"})
# These need a disk of the library's own, and of what kind.
NEEDS_DISK = {"full disk": "any", "disk fails": "keeps", "disk pulled": "keeps"}
DRIVES = ("there", "there", "there", "there", "away", "emptied", "foreign")
HARMS = ("cut", "emptied", "zeroed", "flipped", "deleted")
_EXIT_CODES = frozenset({0, 1, 2, 3, 4, 5, 6})


class World:
    """Photos, a library, and what its owner knows of both.

    Args:
        place: an empty folder.
        seed: of all that is drawn.
        mounts: whether file systems may be mounted.
        counts: how often each thing was done and happened, which is added to.

    Attributes:
        story: what the last round was.
    """

    def __init__(self, place: Path, seed: str, *, mounts: bool, counts: Counter[str]) -> None:
        self.place, self.seed, self.counts, self.story = place, seed, counts, ""
        self.chance = random.Random(seed)
        kinds = ("plain", "ext4", "tmpfs") if mounts else ("plain",)
        self.disk = self._disk("disk", self.chance.choice(kinds))
        self.drive = self._disk("photos", self.chance.choice(kinds[:2]))
        self.album, self.library = place / "photos" / "album", place / "disk" / "library"
        self.album.mkdir(exist_ok=True)
        (self.album / "kept.txt").write_text("not a photo\n")
        self.broken: set[str] = set()
        self.named: dict[str, str] = {}
        self.backed: dict[str, dict[str, str]] = {}
        self.n_made = 0
        for hue in HUES:
            for _ in range(9):
                self.put(hue)
        if self.chance.random() < 0.8:
            # The others see what becomes of a first scan on a bad day.
            for name in ("scan", "name"):
                self._ended(self._start(name), name, "none")

    def close(self) -> None:
        """Let go of the disks."""
        for disk in (self.disk, self.drive):
            if disk is not None:
                disk.pull()

    def round(self, number: int) -> list[str]:
        """Play one round.

        Args:
            number: which.

        Returns:
            What did not hold, a sentence each.
        """
        chance = self.chance = random.Random(f"{self.seed} {number}")
        for _ in range(chance.randrange(3)):
            self.change()
        self.note()
        name, fault, state = chance.choice(ACTS), chance.choice(FAULTS), chance.choice(DRIVES)
        ahead_s = chance.choice([0.0, 0.0, 0.0, 90_000.0, 4e7, -4e7])
        fault = self._possible(fault, name)
        if fault in ("photos pulled", "photos closed"):
            state = "there"
        if state != "there" and name in ("prune", "daemon"):
            name = "scan"
        story = [f"{name}, {fault}, drive {state}, clock {ahead_s:+.0f} s"]
        with self._drive(state):
            before = self.digest()
            wrong = self.play(name, fault, ahead_s=ahead_s)
            if name != "daemon" and self.digest() != before:
                wrong.append("originals were changed")
        happened = {fault, f"drive {state}" * (state != "there"), "clock wrong" * bool(ahead_s)}
        if chance.random() < 0.4 and (harm := self.harm(random.Random(f"{self.seed} {number} harm"))):
            story.append(harm)
            happened.add(f"file {harm.split()[0]}")
        self.counts.update(f"with {what}" for what in happened - {"none", ""})
        self.note()
        before = self.digest()
        wrong += self._settled()
        if self.digest() != before:
            wrong.append("originals were changed by a scan")
        self.story = "; ".join(story)
        return wrong

    # The owner.

    def put(self, hue: str) -> None:
        """Write a photo of a colour.

        Args:
            hue: its name.
        """
        self.n_made += 1
        drawn = np.random.default_rng(self.chance.randrange(2**32))
        # No two photos of a colour are as near to each other as a photo is to its thumbnail.
        shade, noise = drawn.uniform(-25, 25, 3), drawn.normal(0, 8, (24, 24, 3))
        pixels = np.clip(np.array(HUES[hue]) + shade + noise, 0, 255).astype(np.uint8)
        folder = self.album / self.chance.choice(["a", "b/c", "."])
        # A drive that is away takes none.
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{hue}-{self.n_made}.png")

    def change(self) -> None:
        """Let the owner do something to the photos."""
        photos = sorted(self.album.rglob("*.png"))
        whole = [path for path in photos if str(path.relative_to(self.album)) not in self.broken]
        photo = self.chance.choice(whole)
        match self.chance.choice(["add", "add", "burst", "delete", "move", "copy", "edit", "broken", "nothing"]):
            case "add":
                self.put(self.chance.choice(list(HUES)))
            case "burst":
                for _ in range(5):
                    self.put(self.chance.choice(list(HUES)))
            case "delete" if len(whole) > 30:
                photo.unlink()
            case "move":
                self.n_made += 1
                photo.rename(photo.with_name(f"{hue_of(photo.name)}-{self.n_made}.png"))
            case "copy":
                self.n_made += 1
                shutil.copy2(photo, photo.with_name(f"{hue_of(photo.name)}-{self.n_made}.png"))
            case "edit":
                with Image.open(photo) as picture:
                    picture.rotate(90).save(photo)
            case "broken" if len(self.broken) < 3:
                self.n_made += 1
                file = self.album / f"red-{self.n_made}.png"
                file.write_bytes(b"\x89PNG\r\n\x1a\n" + self.chance.randbytes(300))
                self.broken.add(file.name)

    def note(self) -> None:
        """Write down what must hold."""
        facts = {"broken": sorted(self.broken), "named": self.named}
        (self.place / "expected.json").write_text(json.dumps(facts))

    def digest(self) -> str:
        """Sum up all originals, with their times."""
        made = hashlib.sha256()
        for path in sorted(self.album.rglob("*")):
            if path.is_file():
                made.update(f"{path} {path.stat().st_mtime_ns} ".encode() + path.read_bytes())
        return made.hexdigest()

    # The computer.

    def play(self, name: str, fault: str, *, ahead_s: float) -> list[str]:
        """Have a process do something and something happen to it, while another one asks.

        Args:
            name: of the deed.
            fault: what happens.
            ahead_s: how far the process's clock is ahead.

        Returns:
            What did not hold.
        """
        chance = self.chance
        beside = [self._start("ask")] if chance.random() < 0.3 else []
        if name == "migrate" and chance.random() < 0.4:
            beside.append(self._start(chance.choice(["scan", "name", "edit", "light"])))
        with self._fault(fault) as prepare:
            deed = self._start(name, prepare=prepare, ahead_s=ahead_s)
            self._disturb(deed, fault, name)
            wrong = self._ended(deed, name, fault)
            for other in beside:
                wrong += self._ended(other, "beside", fault)
        return wrong

    def harm(self, chance: random.Random) -> str:
        """Break one file of the library; nothing that stands twice is broken twice.

        Args:
            chance: what to draw from: how many files there are depends on the machine.

        Returns:
            What was done; empty where there is nothing.
        """
        files = [
            path
            for part in ("tables", "fits", "ledger", "migration", "journal.jsonl")
            for path in sorted([self.library / part, *(self.library / part).rglob("*")])
            if path.is_file() and "_transactions" not in path.parts
        ]
        if not files:
            return ""
        file, harm = chance.choice(files), chance.choice(HARMS)
        kept = file.read_bytes()
        match harm:
            case "cut":
                os.truncate(file, len(kept) // 2)
            case "emptied":
                os.truncate(file, 0)
            case "zeroed":
                file.write_bytes(bytes(len(kept)))
            case "flipped":
                at = chance.randrange(max(1, len(kept)))
                file.write_bytes(kept[:at] + bytes(byte ^ 0x55 for byte in kept[at : at + 40]) + kept[at + 40 :])
            case "deleted":
                file.unlink()
        return f"{harm} {file.relative_to(self.library)}"

    def _disk(self, name: str, kind: str) -> Disk | None:
        self.counts[f"world: {name} on {kind}"] += 1
        if kind == "plain":
            (self.place / name).mkdir()
            return None
        if name == "photos" and self.chance.random() < 0.5:
            # What is seen in the drive's place while it is away: an empty folder.
            (self.place / name / "album").mkdir(parents=True)
        return Disk(self.place / f"{name}.img" if kind == "ext4" else None, self.place / name)

    def _possible(self, fault: str, name: str) -> str:
        """Give a fault of a kind that can be had here, in place of one that cannot."""
        wanted = NEEDS_DISK.get(fault)
        if wanted and (self.disk is None or (wanted == "keeps" and not self.disk.keeps)):
            return "full at a size"
        if fault == "photos pulled" and (self.drive is None or name in ("prune", "daemon")):
            return "kill"
        return fault

    @contextlib.contextmanager
    def _drive(self, state: str) -> Iterator[None]:
        """Have the photos' drive away, empty, or another one, and back afterwards."""
        if state == "there":
            yield
            return
        aside = self.album.with_name("unplugged")
        self.album.rename(aside)
        if state != "away":
            self.album.mkdir()
        if state == "foreign":
            for number in range(50):
                shutil.copy(next(aside.rglob("*.png")), self.album / f"IMG_{number:04}.png")
                with open(self.album / f"IMG_{number:04}.png", "ab") as file:
                    file.write(b"%d" % number)
        try:
            yield
        finally:
            shutil.rmtree(self.album, ignore_errors=True)
            aside.rename(self.album)

    @contextlib.contextmanager
    def _fault(self, fault: str) -> Iterator[object]:
        """Prepare what happens, and set right afterwards what only the owner can set right."""
        chance, disk = self.chance, self.disk
        modes: dict[Path, int] = {}
        prepare: object = lambda: None  # noqa: E731
        match fault:
            case "full at a size":
                size = chance.choice([1, 2000, 20_000, 60_000])
                prepare = lambda: limit_files(size)  # noqa: E731
            case "disk of small files":
                size = chance.choice([3000, 8000])
                prepare = lambda: limit_files(size)  # noqa: E731
            case "full disk" if disk is not None:
                disk.fill(chance.choice([0, 10_000, 100_000, 300_000]))
            case "read-only folder" | "unreadable table" | "photos closed":
                modes |= _closed(fault, self.library, self.album, chance)
                prepare = give_up_rights
            case "read-only later":
                prepare = give_up_rights
        self._modes = modes
        try:
            yield prepare
        finally:
            for path, mode in modes.items():
                with contextlib.suppress(FileNotFoundError):
                    path.chmod(mode)
            if disk is not None and fault == "full disk":
                disk.empty()
            if disk is not None and fault in ("disk fails", "disk pulled"):
                disk.put_back()
            if self.drive is not None and fault == "photos pulled":
                self.drive.put_back()

    def _start(self, name: str, *, prepare: object = None, ahead_s: float = 0.0) -> Forked:
        """Start a process that does something."""
        seed = self.chance.randrange(2**31)
        return Forked(
            lambda: act(name, self.library, self.album, seed=seed, ahead_s=ahead_s),
            prepare=prepare or (lambda: None),  # type: ignore[arg-type]
        )

    def _disturb(self, deed: Forked, fault: str, name: str) -> None:
        """Wait for the moment, and let it happen."""
        chance = self.chance
        delay_s = chance.random() ** 2 * 0.8
        if name == "daemon":
            delay_s = 1.0 + 1.5 * chance.random()
            deed.wait(delay_s / 2)
            self.put(chance.choice(list(HUES)))
            delay_s /= 2
        deed.wait(delay_s) if name == "daemon" or _strikes(fault) else None
        match fault:
            case "kill":
                deed.signal(signal.SIGKILL)
            case "kill a child":
                for child in deed.children()[:1]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
            case "SIGTERM":
                deed.signal(signal.SIGTERM, group=False)
            case "stopped and woken":
                deed.signal(signal.SIGSTOP)
                time.sleep(0.3)
                deed.signal(signal.SIGCONT)
            case "read-only later":
                self._modes |= _closed("read-only folder", self.library, self.album, chance)
            case "disk fails" if self.disk is not None:
                self.disk.fail()
            case "disk pulled" if self.disk is not None:
                self.disk.pull()
            case "photos pulled" if self.drive is not None:
                self.drive.pull()
        if name == "daemon" and fault != "kill":
            deed.wait(0.5 + chance.random())
            deed.signal(signal.SIGTERM, group=False)

    def _ended(self, deed: Forked, name: str, fault: str) -> list[str]:
        """Wait for the end of a process, learn what it acknowledged, and say what is wrong with how it went."""
        what = f"{name} ({fault})"
        if not deed.wait(LONGEST_S):
            deed.signal(signal.SIGKILL)
            deed.wait(LONGEST_S)
            return [f"{what} did not end: {deed.said()[1][-1500:]}"]
        deed.signal(signal.SIGKILL)
        out, said = deed.said()
        deed.close()
        self._learn(out)
        code = deed.returncode or 0
        self.counts[f"{name}: {'done' if code == 0 else 'ended by it' if code < 0 else 'refused'}"] += 1
        if "Traceback" in said or code == DEFECT:
            return [f"{what}: {said[-3000:]}"]
        killed = fault in ENDING and code in (-signal.SIGKILL, -signal.SIGTERM, 130, 143)
        if code not in _EXIT_CODES and not killed:
            return [f"{what} ended with {code}: {said[-1500:]}"]
        if code in _EXIT_CODES - {0} and not said.strip():
            return [f"{what} ended with {code} and said nothing"]
        return []

    def _learn(self, out: str) -> None:
        for line in out.splitlines():
            word, _, rest = line.partition(" ")
            match word:
                case "named":
                    hue, cluster = rest.split()
                    self.named[hue] = cluster
                case "backing":
                    self.backed[rest] = dict(self.named)
                case "restoring":
                    # Until it has said that it is done, it is either.
                    then = self.backed.get(rest, {})
                    self.named = {name: then[name] for name in then if self.named.get(name) == then[name]}
                case "restored":
                    self.named = dict(self.backed.get(rest, {}))
        for aside in self.library.parent.glob("library?*") if self.library.parent.is_dir() else ():
            shutil.rmtree(aside, ignore_errors=True)

    def _settled(self) -> list[str]:
        def work() -> int:
            print(json.dumps(settle(self.library, self.album)), flush=True)
            return 0

        deed = Forked(work)
        if not deed.wait(LONGEST_S):
            deed.signal(signal.SIGKILL)
            return [f"the last scan did not end: {deed.said()[1][-2000:]}"]
        deed.signal(signal.SIGKILL)
        out, said = deed.said()
        deed.close()
        if deed.returncode:
            return [f"the last scan ended with {deed.returncode}: {said[-3000:]}"]
        wrong: list[str] = json.loads(out.splitlines()[-1])
        return wrong


def _strikes(fault: str) -> bool:
    """Tell whether a fault strikes in the middle."""
    return fault in ENDING or fault in ("read-only later", "disk fails", "disk pulled", "photos pulled")


def _closed(fault: str, library: Path, album: Path, chance: random.Random) -> dict[Path, int]:
    """Revoke permissions; give those that there were."""
    if fault == "photos closed":
        folders, mode = [chance.choice([album, album / "a", album / "b" / "c"])], 0
    elif fault == "unreadable table":
        tables = library / "tables"
        folders, mode = sorted(tables.glob("*.lance")) if tables.is_dir() else [], 0
        folders = [chance.choice(folders)] if folders else []
    else:
        folders, mode = [library, *(path for path in sorted(library.rglob("*")) if path.is_dir())], 0o500
    modes = {}
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):
            modes[folder] = folder.stat().st_mode & 0o777
            folder.chmod(mode)
    return modes
