"""Reports as plain values and back, field by field: what comes out equals what went in."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from vecclust.types.clusters import ClusterName
from vecclust.types.edits import EditReport, EditRequest
from vecclust.types.files import FolderStatus
from vecclust.types.runs import Drift, RefitReport, Run
from vecclust.types.search import Answer, Filters, Hit
from vecclust.types.status import DaemonStatus, Status

Values = dict[str, Any]


def pack_answer(answer: Answer) -> Values:
    """Turn an answer into values that JSON can hold."""
    hits = [[hit.photo, hit.path, hit.score, hit.cluster, hit.cluster_name] for hit in answer.results]
    return {"query": answer.query, "model": answer.model, "hits": hits, "notices": list(answer.notices)}


def unpack_answer(values: Mapping[str, Any]) -> Answer:
    """Make the answer again."""
    hits = tuple(Hit(*hit) for hit in values["hits"])
    return Answer(values["query"], values["model"], hits, tuple(values["notices"]))


def pack_status(status: Status) -> Values:
    """Turn a status into values that JSON can hold."""
    return dataclasses.asdict(status)


def unpack_status(values: Mapping[str, Any]) -> Status:
    """Make the status again."""
    daemon = values["daemon"]
    return Status(
        **{
            **values,
            "run": None if values["run"] is None else Run(**values["run"]),
            "drift": Drift(**values["drift"]),
            "folders": tuple(FolderStatus(**folder) for folder in values["folders"]),
            "daemon": DaemonStatus(
                **{**daemon, "watching": tuple(daemon["watching"]), "problems": tuple(daemon["problems"])}
            ),
        }
    )


def pack_refit(report: RefitReport) -> Values:
    """Turn the report of a refit into values that JSON can hold."""
    return dataclasses.asdict(report)


def unpack_refit(values: Mapping[str, Any]) -> RefitReport:
    """Make the report of a refit again."""
    return RefitReport(**values)


def pack_name(name: ClusterName) -> Values:
    """Turn a cluster's name into values that JSON can hold."""
    return dataclasses.asdict(name)


def unpack_name(values: Mapping[str, Any]) -> ClusterName:
    """Make the name again."""
    return ClusterName(**values)


def pack_run(run: Run) -> Values:
    """Turn a run into values that JSON can hold."""
    return dataclasses.asdict(run)


def unpack_run(values: Mapping[str, Any]) -> Run:
    """Make the run again."""
    return Run(**values)


def pack_saying(saying: EditRequest) -> Values:
    """Turn what the owner says into values that JSON can hold."""
    return dataclasses.asdict(saying)


def unpack_saying(values: Mapping[str, Any]) -> EditRequest:
    """Make what the owner says again."""
    texts = {name: str(values[name]) for name in ("kind", "cluster", "other", "name")}
    lists = {name: tuple(str(one) for one in values[name]) for name in ("photos", "edits")}
    return EditRequest(**texts, **lists)  # type: ignore[arg-type]


def pack_word(report: EditReport) -> Values:
    """Turn what a word changed into values that JSON can hold."""
    return dataclasses.asdict(report)


def unpack_word(values: Mapping[str, Any]) -> EditReport:
    """Make the report of a word again."""
    return EditReport(**{**values, "ended": tuple(values["ended"]), "notices": tuple(values["notices"])})


def pack_filters(filters: Filters) -> Values:
    """Turn filters into values that JSON can hold; a folder's path is made absolute."""
    return {
        "cluster": filters.cluster,
        "since": None if filters.since is None else filters.since.isoformat(),
        "until": None if filters.until is None else filters.until.isoformat(),
        "folder": None if filters.folder is None else str(filters.folder.absolute()),
    }


def unpack_filters(values: Mapping[str, Any]) -> Filters:
    """Make the filters again."""
    since, until, folder = values["since"], values["until"], values["folder"]
    return Filters(
        cluster=values["cluster"],
        since=None if since is None else datetime.fromisoformat(since),
        until=None if until is None else datetime.fromisoformat(until),
        folder=None if folder is None else Path(folder),
    )
