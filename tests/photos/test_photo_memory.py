"""All decoding processes together fit into the memory of the machine and of the container."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from vecclust.photos import pool
from vecclust.photos.content import DecodeLimits
from vecclust.photos.memory import fitted_children, usable_memory
from vecclust.photos.pool import DecodePool
from vecclust.types.photos import Framing

GIB = 1 << 30
MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("wanted", "each", "usable", "fitted"),
    [
        (4, 4 * GIB, 64 * GIB, (4, 4 * GIB)),
        (8, 4 * GIB, 16 * GIB, (3, 4 * GIB)),
        (8, 4 * GIB, 6 * GIB, (1, 4 * GIB)),
        (8, 4 * GIB, 4 * GIB, (1, 3 * GIB)),
        (8, 4 * GIB, GIB // 2, (1, GIB // 2)),
        (8, 0, 4 * GIB, (8, 0)),
        (8, 4 * GIB, 0, (8, 4 * GIB)),
    ],
)
def test_fewer_children_rather_than_less_for_each(wanted: int, each: int, usable: int, fitted: tuple[int, int]) -> None:
    """Three quarters of what there is; at least one, whose share shrinks last."""
    assert fitted_children(wanted, each, usable_bytes=usable) == fitted


def _system(folder: Path, groups: str, **limits: str) -> Path:
    (folder / "proc" / "self").mkdir(parents=True)
    (folder / "proc" / "self" / "cgroup").write_text(groups)
    for place, limit in limits.items():
        file = (
            folder
            / "sys"
            / "fs"
            / "cgroup"
            / place.replace("__", "/").replace("_max", ".max").replace("_limit", ".limit_in_bytes")
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(limit + "\n")
    return folder


def test_the_lowest_limit_above_a_process_counts(tmp_path: Path) -> None:
    """Version 2: a group without a limit of its own lies in one that has one."""
    groups = "0::/user/app\n"
    system = _system(tmp_path, groups, memory_max="max", user__memory_max=str(64 << 20), user__app__memory_max="max")
    assert usable_memory(system) == 64 << 20


def test_both_versions_and_a_container_that_sees_the_hosts_path(tmp_path: Path) -> None:
    """Version 1: the path is the host's, and the container's own group is at the top."""
    groups = "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n0::/\n"
    system = _system(tmp_path, groups, memory__memory_limit=str(80 << 20))
    assert usable_memory(system) == 80 << 20


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", "", "what"])
def test_without_a_limit_the_machine_counts(tmp_path: Path, limit: str) -> None:
    """No limit is a word, a huge number, or nothing that can be read."""
    assert usable_memory(_system(tmp_path, "0::/\n", memory_max=limit)) == MACHINE
    assert usable_memory(tmp_path / "nowhere") == MACHINE


def test_a_pool_is_as_large_as_the_memory_allows(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its children carry the limit, and the log says why there are fewer."""
    monkeypatch.setattr(pool, "usable_memory", lambda: 4 * GIB)
    with (
        caplog.at_level(logging.INFO, logger="vecclust"),
        DecodePool(Framing(width_px=8, height_px=8), limits=DecodeLimits(memory_bytes=4 * GIB), processes=4) as made,
    ):
        assert made._order.memory_bytes == 3 * GIB
        assert made._threads._max_workers == 1
    assert "decoding in 1 of 4 processes of at most 3072 MB each" in caplog.text
