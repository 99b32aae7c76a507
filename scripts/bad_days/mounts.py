"""Real file systems for a library or its photos: small, in a file, mounted where nobody else sees them."""

from __future__ import annotations

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

_CLONE_NEWNS = 0x00020000
# A file of holes: what is not written takes no room.
_SIZE_BYTES = 96 << 20


def may_mount() -> bool:
    """Try whether this process may mount disks and have them fail; what it mounts is its own, and goes with it."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNS):
            return False
        _call("mount", "--make-rprivate", "/")
        with tempfile.TemporaryDirectory() as folder:
            disk = Disk(Path(folder) / "image", Path(folder) / "disk")
            try:
                disk.fail()
                disk.put_back()
            finally:
                disk.pull()
        return True
    except (OSError, AttributeError, subprocess.CalledProcessError):
        return False


class Disk:
    """A disk: ext4 in a file, or memory.

    Args:
        image: the file, which is made; None for memory, which forgets when it is unmounted.
        place: the folder that it is mounted on.

    Attributes:
        keeps: whether it is the same after it was unmounted.
    """

    def __init__(self, image: Path | None, place: Path) -> None:
        self._image, self._place = image, place
        self.keeps = image is not None
        place.mkdir(exist_ok=True)
        if image is not None:
            with open(image, "wb") as file:
                file.truncate(_SIZE_BYTES)
            _call("mkfs.ext4", "-q", "-m", "0", str(image))
        self._mount()

    def pull(self) -> None:
        """Take it away, whoever uses it: they keep what they have opened, and find nothing more."""
        _call("umount", "-l", str(self._place))

    def put_back(self) -> None:
        """Have it there again, mended where it was pulled or failed; nobody holds anything of it any more."""
        if os.path.ismount(self._place):
            _call("umount", "-l", str(self._place))
        # What was written last is on its way still.
        os.sync()
        subprocess.run(["e2fsck", "-fy", str(self._image)], check=False, capture_output=True)
        self._mount()

    def fail(self) -> None:
        """Let it be read only from now on, as the kernel does with a disk on which it finds errors."""
        device = Path(os.path.realpath(_call("findmnt", "-no", "SOURCE", str(self._place)).strip())).name
        if not device.startswith("loop"):
            raise OSError(f"{device} is no disk of ours")
        Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("chaos")

    def fill(self, free_bytes: int) -> None:
        """Leave so little room.

        Args:
            free_bytes: about how much.
        """
        found = os.statvfs(self._place)
        left = found.f_bavail * found.f_frsize - free_bytes
        step = max(left, 0)
        with open(self._place / "filler", "wb") as file:
            taken = 0
            # What the file system needs for itself is not told.
            while step >= 4096:
                try:
                    os.posix_fallocate(file.fileno(), taken, step)
                    taken += step
                except OSError:
                    step //= 2
                step = min(step, left - taken)

    def empty(self) -> None:
        """Give the room back."""
        (self._place / "filler").unlink(missing_ok=True)

    def _mount(self) -> None:
        if self._image is None:
            _call("mount", "-t", "tmpfs", "-o", f"size={_SIZE_BYTES}", "none", str(self._place))
        else:
            _call("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self._place))


def _call(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
