"""Configuration: flags, environment, `config.toml` and defaults to one frozen, validated `Config`.

A flag wins over the environment, the environment over the file, the file over the default. An unknown key or a
value out of range is a `ConfigError` that names the key, the value and what is allowed. Rooms receive plain values,
never the whole `Config`. The repository's `config.toml` documents every key; a test holds it against this module.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from vecclust.errors import ConfigError
from vecclust.hours import Hours

DEFAULT_MODEL = "ViT-B-32-256/datacomp_s34b_b86k"
ENVIRONMENT_PREFIX = "VECCLUST_"
# Settled before any configuration is read, so they are no keys of it.
_NOT_KEYS = frozenset({"VECCLUST_LIBRARY", "VECCLUST_CONFIG"})


def _checked_hours(text: str) -> str:
    Hours.parse(text)
    return text


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EmbedConfig(_Section):
    """How photos become vectors."""

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    batch_size: Annotated[int, Field(ge=0, le=4096)] = 0
    threads: Annotated[int, Field(ge=0, le=1024)] = 0


class PhotosConfig(_Section):
    """What counts as a photo and what may be spent on one."""

    extensions: tuple[str, ...] = (
        ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp",
        ".heic", ".heif", ".hif", ".avif", ".jxl",
    )  # fmt: skip
    ignore: tuple[str, ...] = ()
    settle_s: Annotated[float, Field(ge=0, le=3600)] = 2.0
    settle_polled_s: Annotated[float, Field(ge=0, le=3600)] = 10.0
    max_megapixels: Annotated[int, Field(ge=1, le=10_000)] = 300
    max_jpeg_megapixels: Annotated[int, Field(ge=1, le=10_000)] = 600
    max_file_mb: Annotated[int, Field(ge=1, le=100_000)] = 1024
    decode_processes: Annotated[int, Field(ge=0, le=256)] = 0
    decode_timeout_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    decode_memory_mb: Annotated[int, Field(ge=512, le=1_000_000)] = 4096
    thumbnail_px: Annotated[int, Field(ge=64, le=1024)] = 256


class ScanConfig(_Section):
    """When a row may go."""

    remove_after_s: Annotated[float, Field(ge=0, le=31_536_000)] = 86_400.0
    lost_share: Annotated[float, Field(gt=0, le=1)] = 0.5


class ClustersConfig(_Section):
    """How photos become clusters."""

    reducer: Literal["umap", "pca", "none"] = "umap"
    n_neighbors: Annotated[int, Field(ge=0, le=200)] = 0
    n_components: Annotated[int, Field(ge=1, le=50)] = 5
    clusterer: Literal["hdbscan", "kmeans", "agglomerative"] = "hdbscan"
    min_cluster_size: Annotated[int, Field(ge=0, le=100_000)] = 0
    min_group_size: Annotated[int, Field(ge=0, le=100_000)] = 0
    min_samples: Annotated[int, Field(ge=0, le=1000)] = 0
    n_clusters: Annotated[int, Field(ge=0, le=100_000)] = 0
    granularity: Literal["kept", "coarse", "auto", "fine"] = "kept"
    max_share: Annotated[float, Field(gt=0, le=1)] = 0.15
    assign_all: bool = False
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    first_fit_photos: Annotated[int, Field(ge=2, le=100_000)] = 10


class StoreConfig(_Section):
    """How the tables are written and kept."""

    commit_photos: Annotated[int, Field(ge=1, le=5000)] = 256
    commit_s: Annotated[float, Field(ge=0.1, le=600)] = 5.0
    compact_fragments: Annotated[int, Field(ge=2, le=10_000)] = 64
    keep_versions_s: Annotated[float, Field(ge=60, le=31_536_000)] = 3600.0
    index_from_photos: Annotated[int, Field(ge=256, le=100_000_000)] = 50_000
    keep_runs: Annotated[int, Field(ge=2, le=1000)] = 10


class WatchConfig(_Section):
    """How `watch` stays in step, and when it fits anew."""

    interval_s: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    poll_s: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    canary_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    nice: Annotated[int, Field(ge=0, le=19)] = 10
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    log_mb: Annotated[float, Field(ge=0.01, le=1000)] = 5.0
    log_files: Annotated[int, Field(ge=1, le=100)] = 4
    idle_s: Annotated[float, Field(ge=0, le=604_800)] = 900.0
    refit_share: Annotated[float, Field(gt=0, le=10)] = 0.1
    refit_least: Annotated[int, Field(ge=1, le=1_000_000)] = 50
    refit_drift: bool = True
    refit_pocket: bool = True
    refit_longest_s: Annotated[float, Field(ge=0, le=315_360_000)] = 2_592_000.0
    refit_quiet_s: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    refit_pause_s: Annotated[float, Field(ge=0, le=31_536_000)] = 3600.0
    quiet_hours: Annotated[str, AfterValidator(_checked_hours)] = ""


class Config(_Section):
    """Everything that can be set, validated.

    Attributes:
        model: the open_clip model: `name/pretrained`, `hf-hub:…`, `local-dir:…` or `bundled`.
        embed: how photos become vectors.
        photos: what counts as a photo.
        scan: when a row may go.
        clusters: how photos become clusters.
        store: how the tables are kept.
        watch: how the daemon stays in step.
    """

    model: Annotated[str, Field(min_length=1)] = DEFAULT_MODEL
    embed: EmbedConfig = EmbedConfig()
    photos: PhotosConfig = PhotosConfig()
    scan: ScanConfig = ScanConfig()
    clusters: ClustersConfig = ClustersConfig()
    store: StoreConfig = StoreConfig()
    watch: WatchConfig = WatchConfig()


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
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    if file is not None:
        for key, value in _flatten(_read_toml(file)):
            values[key], origin[key] = value, str(file)
    for key, value, variable in _from_environment(os.environ if environment is None else environment):
        values[key], origin[key] = value, variable
    for key, value in (flags or {}).items():
        if value is not None:
            values[key], origin[key] = value, "command line"
    for key in values:
        _check_known(key, origin[key])
    try:
        return Config.model_validate(_nest(values))
    except ValidationError as error:
        raise _explain(error, values, origin) from error


def known_keys() -> dict[str, Any]:
    """Map every dotted key to its default."""
    return dict(_flatten(Config().model_dump()))


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"no configuration file at {file}", hint="Name an existing one or leave --config out."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {file}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


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
    by_variable = {ENVIRONMENT_PREFIX + key.replace(".", "_").upper(): key for key in known_keys()}
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
        yield key, _from_text(text, known_keys()[key]), variable


def _from_text(text: str, default: object) -> object:
    """Read an environment variable as TOML where its key is no text, so that numbers and lists work."""
    if isinstance(default, str):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _check_known(key: str, where: str) -> None:
    known = known_keys()
    if key in known:
        return
    leaves = {name.rsplit(".", 1)[-1]: name for name in known}
    nearest = difflib.get_close_matches(key, known, n=1) or [
        leaves[leaf] for leaf in difflib.get_close_matches(key.rsplit(".", 1)[-1], leaves, n=1)
    ]
    raise ConfigError(f"unknown key {key} in {where}", key=key, hint=f"Did you mean {nearest[0]}?" if nearest else "")


def _explain(error: ValidationError, values: Mapping[str, Any], origin: Mapping[str, str]) -> ConfigError:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
    value = values.get(key, first["input"])
    where = origin.get(key, "the configuration")
    return ConfigError(
        f"{key} = {value!r} in {where} is not allowed",
        key=key,
        hint=first["msg"].replace("Input", "It") + ".",
    )
