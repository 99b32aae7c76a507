"""Configuration: flags, environment, `config.toml` and defaults to one frozen, validated `Config`; where files lie.

A flag wins over the environment, the environment over the file, the file over the default. An unknown key or a
value out of range is a `ConfigError` that names the key, the value and what is allowed. Rooms receive plain values,
never the whole `Config`. Light until a configuration is read: pydantic is imported then. The repository's
`config.toml` documents every key; a test holds it against this module.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from vecclust.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

log = logging.getLogger(__name__)

DEFAULT_MODEL = "ViT-B-32-256/datacomp_s34b_b86k"
ENVIRONMENT_PREFIX = "VECCLUST_"
# Settled before any configuration is read, so they are no keys of it.
_NOT_KEYS = frozenset({"VECCLUST_LIBRARY", "VECCLUST_CONFIG"})
# Earlier names of keys are understood wherever a key is.
_EARLIER_NAMES: Mapping[str, str] = {"watch.refit_pocket": "watch.refit_newcomers"}
# Keys that are gone, each with the version that took it away: still accepted wherever a key is, to no effect.
_RETIRED: Mapping[str, str] = {"clusters.min_group_size": "0.2", "clusters.max_share": "0.2"}
_SPAN = re.compile(r"\s*([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)\s*")


@dataclass(frozen=True, slots=True)
class Hours:
    """Some hours of every day.

    Attributes:
        spans: beginning, which belongs to a span, and end, which does not; an end before its beginning is on the
            next day.
    """

    spans: tuple[tuple[time, time], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read hours.

        Args:
            text: "HH:MM-HH:MM", several separated by commas, or nothing for no hours.

        Returns:
            The hours.

        Raises:
            ValueError: it says something else.
        """
        return cls(tuple(_span(part) for part in text.split(","))) if text.strip() else cls()

    def hold(self, moment: time) -> bool:
        """Tell whether a time of the day lies in these hours.

        Args:
            moment: local time.
        """
        return any(
            start <= moment < end if start < end else moment >= start or moment < end for start, end in self.spans
        )


def _span(text: str) -> tuple[time, time]:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text.strip()}" should be hours as in "23:00-07:00"')
    first, second, third, fourth = (int(part) for part in found.groups())
    start, end = time(first, second), time(third, fourth)
    if start == end:
        raise ValueError(f'"{text.strip()}" begins when it ends')
    return start, end


class Within:
    """The bounds of a number, for pydantic: metadata as annotated_types groups it, which is imported only to be read.

    Args:
        least: the smallest number allowed.
        most: the largest.
        open: whether `least` itself is too small.
    """

    # By this pydantic knows that the bounds are to be iterated over.
    __is_annotated_types_grouped_metadata__ = True

    def __init__(self, least: float, most: float | None = None, *, open: bool = False) -> None:
        self._bounds = least, most, open

    def __iter__(self) -> Iterator[object]:
        from annotated_types import Ge, Gt, Le

        least, most, is_open = self._bounds
        yield Gt(least) if is_open else Ge(least)
        if most is not None:
            yield Le(most)


@dataclass(frozen=True, slots=True)
class EmbedConfig:
    """How photos become vectors.

    Attributes:
        device: where the model runs; "auto" for CUDA, then MPS, then the CPU.
        precision: of the model; "auto" for half precision where the processor has it natively.
        batch_size: photos in one batch; 0 chooses by device and memory.
        threads: threads of the model on the CPU; 0 leaves the choice to torch.
    """

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: Annotated[int, Within(0, 4096)] = 0
    threads: Annotated[int, Within(0, 1024)] = 0


@dataclass(frozen=True, slots=True)
class PhotosConfig:
    """What counts as a photo and what may be spent on one.

    Attributes:
        extensions: of file names that may be photos, lower case, with their dot.
        ignore: patterns of names to leave out, as in a `.gitignore` at a folder's root.
        follow_links: whether a link to a file outside of the folder is followed; one to a folder never is.
        settle_s: how long a file is left alone before it is read.
        settle_polled_s: the same on mounts that tell nothing of what others write.
        damaged_after_s: how long a damaged JPEG, BMP or TIFF must have been quiet before what it shows is taken.
        max_megapixels: largest picture, in 10^6 pixels.
        max_jpeg_megapixels: largest JPEG, which is decoded at reduced size.
        max_file_mb: largest file, in 2^20 bytes.
        decode_processes: processes that decode; 0 for one per core.
        decode_timeout_s: how long one photo may take to decode.
        decode_memory_mb: memory that one decoding process may use, in 2^20 bytes.
        thumbnail_px: longest side of the thumbnails.
    """

    extensions: tuple[str, ...] = (
        ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp",
        ".heic", ".heif", ".hif", ".avif", ".jxl",
    )  # fmt: skip
    ignore: tuple[str, ...] = ()
    follow_links: bool = False
    settle_s: Annotated[float, Within(0, 3600)] = 2.0
    settle_polled_s: Annotated[float, Within(0, 3600)] = 10.0
    damaged_after_s: Annotated[float, Within(0, 21_600)] = 3600.0
    max_megapixels: Annotated[int, Within(1, 10_000)] = 300
    max_jpeg_megapixels: Annotated[int, Within(1, 10_000)] = 600
    max_file_mb: Annotated[int, Within(1, 100_000)] = 1024
    decode_processes: Annotated[int, Within(0, 256)] = 0
    decode_timeout_s: Annotated[float, Within(1, 3600)] = 60.0
    decode_memory_mb: Annotated[int, Within(512, 1_000_000)] = 4096
    thumbnail_px: Annotated[int, Within(64, 1024)] = 256


@dataclass(frozen=True, slots=True)
class ScanConfig:
    """When a row may go.

    Attributes:
        remove_after_s: least time between two complete scans that both missed a file whose row goes.
        lost_share: share of a folder's files, in (0, 1], beyond which nothing is removed or taken in when they are gone
            at once.
    """

    remove_after_s: Annotated[float, Within(0, 31_536_000)] = 86_400.0
    lost_share: Annotated[float, Within(0, 1, open=True)] = 0.5


@dataclass(frozen=True, slots=True)
class ClustersConfig:
    """How photos become clusters.

    Attributes:
        reducer: how vectors are reduced before they are clustered.
        n_neighbors: neighbours per photo in the graph, by which photos are linked and laid out; 0 for 30.
        n_components: dimensions after reduction.
        clusterer: what finds the clusters.
        min_cluster_size: smallest cluster, in photos; 0 for 5, in libraries of fewer than 40 for 3 to 5.
        min_samples: neighbours that make a photo dense in HDBSCAN's tree, which places arrivals; 0 for 5.
        n_clusters: number of clusters for kmeans and agglomerative; 0 chooses.
        granularity: "coarse" for about half of the clusters that "auto" finds, "fine" for about twice as many, "kept"
            for what the current run has.
        assign_all: whether a fit gives every photo without a cluster the nearest one, marked as such.
        time_weight: how much it counts when photos were taken, beside what they show, which counts 1; 0 for not at all.
        place_weight: likewise where.
        seed: of every random choice.
        first_fit_photos: photos needed for the first fit.
    """

    reducer: Literal["umap", "pca", "none"] = "umap"
    n_neighbors: Annotated[int, Within(0, 200)] = 0
    n_components: Annotated[int, Within(1, 50)] = 5
    clusterer: Literal["hdbscan", "kmeans", "agglomerative"] = "hdbscan"
    min_cluster_size: Annotated[int, Within(0, 100_000)] = 0
    min_samples: Annotated[int, Within(0, 1000)] = 0
    n_clusters: Annotated[int, Within(0, 100_000)] = 0
    granularity: Literal["kept", "coarse", "auto", "fine"] = "kept"
    assign_all: bool = False
    time_weight: Annotated[float, Within(0.0, 1.0)] = 0.0
    place_weight: Annotated[float, Within(0.0, 1.0)] = 0.0
    seed: Annotated[int, Within(0, 2**31 - 1)] = 0
    first_fit_photos: Annotated[int, Within(2, 100_000)] = 10


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """How the tables are written and kept.

    Attributes:
        commit_photos: most photos in one commit.
        commit_s: longest time between two commits.
        compact_fragments: small fragments after which a table is compacted.
        keep_versions_s: how long an old version of a table is kept for readers.
        index_from_photos: photos from which search uses an index.
        keep_runs: runs kept for rollback.
    """

    commit_photos: Annotated[int, Within(1, 5000)] = 256
    commit_s: Annotated[float, Within(0.1, 600)] = 5.0
    compact_fragments: Annotated[int, Within(2, 10_000)] = 64
    keep_versions_s: Annotated[float, Within(60, 31_536_000)] = 3600.0
    index_from_photos: Annotated[int, Within(256, 100_000_000)] = 50_000
    keep_runs: Annotated[int, Within(2, 1000)] = 10


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """How `watch` stays in step, and when it fits anew.

    Attributes:
        interval_s: between two scans of everything.
        poll_s: the same where events alone cannot be relied on.
        canary_s: between two proofs that watching still works.
        nice: the daemon's niceness; above 0 it also leaves the disk to others.
        threads: threads it computes with at most; 0 for half the processors, at least one.
        log_mb: size after which a new file of the log is begun, in 10^6 bytes.
        log_files: files of the log that are kept, the newest among them.
        idle_s: without a photo or a question, after which the model is let go; 0 for never.
        refit_share: new photos as a share of those fitted, at which a refit is due.
        refit_least: new photos at least.
        refit_drift: whether unusual arrivals are a reason, however few they are.
        refit_newcomers: whether new photos that gather are one.
        refit_longest_s: longest time between fits while there is anything new; 0 for no limit.
        refit_quiet_s: nothing may have arrived for so long: an import is not interrupted.
        refit_pause_s: shortest time between fits, failed ones counted.
        quiet_hours: when no refit begins, as `Hours.parse` reads it.
    """

    interval_s: Annotated[float, Within(1, 86_400)] = 300.0
    poll_s: Annotated[float, Within(1, 86_400)] = 60.0
    canary_s: Annotated[float, Within(1, 3600)] = 60.0
    nice: Annotated[int, Within(0, 19)] = 10
    threads: Annotated[int, Within(0, 1024)] = 0
    log_mb: Annotated[float, Within(0.01, 1000)] = 5.0
    log_files: Annotated[int, Within(1, 100)] = 4
    idle_s: Annotated[float, Within(0, 604_800)] = 900.0
    refit_share: Annotated[float, Within(0, 10, open=True)] = 0.1
    refit_least: Annotated[int, Within(1, 1_000_000)] = 50
    refit_drift: bool = True
    refit_newcomers: bool = True
    refit_longest_s: Annotated[float, Within(0, 315_360_000)] = 2_592_000.0
    refit_quiet_s: Annotated[float, Within(0, 86_400)] = 60.0
    refit_pause_s: Annotated[float, Within(0, 31_536_000)] = 3600.0
    quiet_hours: str = ""


@dataclass(frozen=True, slots=True)
class NamesConfig:
    """What clusters are called that their owner gave no name.

    Attributes:
        language: of the vocabulary's words.
        captioner: the open_clip model that writes captions, named as `model` is; empty for the library's own.
    """

    language: Literal["en", "de", "es", "fr", "zh"] = "en"
    captioner: str = ""


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set, validated.

    Attributes:
        model: the open_clip model: `name/pretrained`, `hf-hub:…`, `local-dir:…` or `bundled`.
        embed: how photos become vectors.
        photos: what counts as a photo.
        scan: when a row may go.
        clusters: how photos become clusters.
        store: how the tables are kept.
        watch: how the daemon stays in step.
        names: what clusters are called.
        given: dotted keys that a file, the environment or a flag set.
    """

    model: str = DEFAULT_MODEL
    embed: EmbedConfig = EmbedConfig()
    photos: PhotosConfig = PhotosConfig()
    scan: ScanConfig = ScanConfig()
    clusters: ClustersConfig = ClustersConfig()
    store: StoreConfig = StoreConfig()
    watch: WatchConfig = WatchConfig()
    names: NamesConfig = NamesConfig()
    given: frozenset[str] = field(default=frozenset(), compare=False)


def load_config(
    file: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Read, lay over one another and validate.

    Args:
        file: a `config.toml`, or None for none.
        environment: variables such as `VECCLUST_MODEL` or `VECCLUST_EMBED_DEVICE`; `os.environ` where None.
        flags: dotted keys to values, the strongest; entries of None are left out.

    Returns:
        The validated configuration.

    Raises:
        ConfigError: unreadable file, unknown key, or a value that is not allowed.
    """
    given: list[tuple[str, Any, str]] = []
    if file is not None:
        given += [(key, value, str(file)) for key, value in _flatten(_read_toml(file))]
    given += _from_environment(os.environ if environment is None else environment)
    given += [(key, value, "command line") for key, value in (flags or {}).items() if value is not None]
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name, value, where in given:
        if name in _RETIRED:
            _warn_retired(name, where)
            continue
        key = _EARLIER_NAMES.get(name, name)
        values[key], origin[key] = value, where
    for key, value in values.items():
        _check_known(key, origin[key])
        # pydantic takes true for 1.
        if isinstance(value, bool) and not isinstance(known_keys()[key], bool):
            raise _not_allowed(key, value, "It should be no truth value.", origin)
    return dataclasses.replace(_validated(values, origin), given=frozenset(values)) if values else Config()


@cache
def _warn_retired(key: str, where: str) -> None:
    """Say once in a process that a key is gone: one command may read its settings several times."""
    log.warning("the setting %s in %s does nothing since version %s; it may be deleted", key, where, _RETIRED[key])


def _validated(values: Mapping[str, Any], origin: Mapping[str, str]) -> Config:
    from pydantic import ValidationError

    try:
        config = _schema().validate_python(_nest(values))
    except ValidationError as error:
        raise _explain(error, values, origin) from error
    if not config.model:
        raise _not_allowed("model", config.model, "It should name a model.", origin)
    try:
        Hours.parse(config.watch.quiet_hours)
    except ValueError as error:
        raise _not_allowed("watch.quiet_hours", config.watch.quiet_hours, f"{error}.", origin) from error
    for name in ("n_neighbors", "min_cluster_size"):
        if getattr(config.clusters, name) == 1:
            raise _not_allowed(f"clusters.{name}", 1, "It should be 2 or more, or 0 to have it chosen.", origin)
    return config


@cache
def _schema() -> TypeAdapter[Config]:
    from pydantic import TypeAdapter

    return TypeAdapter(Config)


@cache
def known_keys() -> Mapping[str, Any]:
    """Map every dotted key to its default."""
    defaults = dataclasses.asdict(Config())
    del defaults["given"]
    return dict(_flatten(defaults))


def _read_toml(file: Path) -> dict[str, Any]:
    import tomllib

    try:
        # Windows' own editors put a byte order mark in front.
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"no configuration file at {file}", hint="Name an existing one or leave --config out."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error


def _flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in values.items():
        flat += _flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(f"{prefix}{key}", value)]
    return flat


def _nest(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *sections, leaf = key.split(".")
        level = nested
        for section in sections:
            level = level.setdefault(section, {})
        level[leaf] = value
    return nested


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    import difflib

    names = {**{key: key for key in (*known_keys(), *_RETIRED)}, **_EARLIER_NAMES}
    by_variable = {ENVIRONMENT_PREFIX + name.replace(".", "_").upper(): key for name, key in names.items()}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in _NOT_KEYS:
            continue
        if variable not in by_variable:
            nearest = difflib.get_close_matches(variable, by_variable, n=1)
            raise ConfigError(
                f"unknown environment variable {variable}",
                key=variable,
                hint=f"Did you mean {nearest[0]}?" if nearest else "",
            )
        key = by_variable[variable]
        yield key, _from_text(text, known_keys().get(key, "")), variable


def _from_text(text: str, default: object) -> object:
    """Read an environment variable as TOML where its key is no text, so that numbers and lists work."""
    if isinstance(default, str):
        return text
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _check_known(key: str, where: str) -> None:
    known = known_keys()
    if key in known:
        return
    import difflib

    leaves = {name.rsplit(".", 1)[-1]: name for name in known}
    nearest = difflib.get_close_matches(key, known, n=1) or [
        leaves[leaf] for leaf in difflib.get_close_matches(key.rsplit(".", 1)[-1], leaves, n=1)
    ]
    raise ConfigError(f"unknown key {key} in {where}", key=key, hint=f"Did you mean {nearest[0]}?" if nearest else "")


def _explain(error: ValidationError, values: Mapping[str, Any], origin: Mapping[str, str]) -> ConfigError:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
    return _not_allowed(key, values.get(key, first["input"]), first["msg"].replace("Input", "It") + ".", origin)


def _not_allowed(key: str, value: object, allowed: str, origin: Mapping[str, str]) -> ConfigError:
    where = origin.get(key, "the configuration")
    return ConfigError(f"{key} = {value!r} in {where} is not allowed", key=key, hint=allowed)


def library_path(asked: Path | str | None) -> Path:
    """Give the library's directory: the one asked for, `$VECCLUST_LIBRARY`, or one in the user's data directory.

    A `~` stands for the home directory: Python has no shell in front of it, nor has `--library=~/photos` or a service.

    Args:
        asked: what the caller names, or None.

    Raises:
        UsageError: an empty name, as of a variable that is not set: it would mean the current directory.
    """
    if asked == "":
        raise UsageError("the library's name is empty", hint="Name its directory, or leave it out for the default.")
    named = asked if asked is not None else os.environ.get("VECCLUST_LIBRARY") or None
    if named is not None:
        return Path(os.path.expanduser(named))
    import platformdirs

    return Path(platformdirs.user_data_dir("vecclust", appauthor=False))


def cache_folder() -> Path:
    """Give the user's folder for what can be computed again, which need not exist; `$XDG_CACHE_HOME` on Linux."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("vecclust", appauthor=False))


def named_config(asked: Path | None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Give the configuration file that is asked for by flag or by `$VECCLUST_CONFIG`, or None.

    Args:
        asked: the flag's, or None.
        environment: variables.
    """
    if asked is not None:
        return asked
    named = environment.get("VECCLUST_CONFIG")
    return Path(named) if named else None


def find_config(library: Path, asked: Path | None) -> Path | None:
    """Give the configuration file: the one asked for, `$VECCLUST_CONFIG`, `LIBRARY/config.toml`, or None.

    Args:
        library: the library's directory.
        asked: the flag's, or None.
    """
    return named_config(asked) or own_config(library)


def own_config(library: Path) -> Path | None:
    """Give the library's own configuration file, or None where it has none.

    Args:
        library: the library's directory.
    """
    own = library / "config.toml"
    return own if own.exists() else None


def log_file(library: Path) -> Path:
    """Give the place of the daemon's log, the newest file.

    Args:
        library: the library's directory.
    """
    return library / "log" / "watch.log"


def socket_files(library: Path) -> tuple[Path, Path]:
    """Give the places where the socket of a library's daemon may be.

    Args:
        library: the library's directory.

    Returns:
        One in the library, and one in the user's runtime directory, under a name that is made of the library's path.
    """
    import hashlib

    key = hashlib.sha256(os.fsencode(os.path.realpath(library))).hexdigest()[:32]
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"{os.environ.get('TMPDIR', '/tmp')}/vecclust-{os.getuid()}"
    return library / "watch" / "server" / "socket", Path(runtime) / "vecclust" / key / "socket"
