"""How much memory there is for processes that decode, by the machine and by the container they run in.

Linux tells a container's limit in its control groups, of either version; elsewhere the machine's memory counts alone.
"""

from __future__ import annotations

import os
from pathlib import Path

# What is left to the model, the tables and the rest of the computer: a quarter.
_SHARE = 0.75
# Below this a child cannot even start with its libraries.
_LEAST_BYTES = 512 << 20


def fitted_children(wanted: int, memory_bytes: int, *, usable_bytes: int) -> tuple[int, int]:
    """Make sure that all children together fit into the memory there is.

    Rather fewer children than less for each: a picture that one cannot hold would be refused.

    Args:
        wanted: how many children there would be.
        memory_bytes: what each may use; 0 for no limit, which nothing is made of.
        usable_bytes: what there is, 0 where that is not known.

    Returns:
        How many there may be, at least 1, and what each may use.
    """
    if memory_bytes <= 0 or usable_bytes <= 0:
        return wanted, memory_bytes
    room = int(_SHARE * usable_bytes)
    return max(1, min(wanted, room // memory_bytes)), min(memory_bytes, max(room, _LEAST_BYTES))


def usable_memory(system: Path = Path("/")) -> int:
    """Give the memory this process and its children may use, in bytes; 0 where the system does not tell.

    Args:
        system: where `proc` and `sys` are.
    """
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        machine = 0
    return min((limit for limit in (machine, *_group_limits(system)) if limit > 0), default=0)


def _group_limits(system: Path) -> list[int]:
    """Give the limits of the control groups this process is in, and of those above them."""
    try:
        lines = (system / "proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    limits: list[int] = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            top, name = system / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            top, name = system / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        # Seen from inside a container the path may be the host's: its own group is then the top one.
        group = top / path.lstrip("/")
        for place in (group, *group.parents):
            if not place.is_relative_to(top):
                break
            limits.append(_number(place / name))
    return limits


def _number(file: Path) -> int:
    """Read a limit; 0 where there is none, which is a word in one version and a huge number in the other."""
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
