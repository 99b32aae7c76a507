"""Where a library lies and which file configures it, before either is opened; light, for those who may open neither."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def library_path(asked: Path | str | None) -> Path:
    """Give the library's directory: the one asked for, `$VECCLUST_LIBRARY`, or one in the user's data directory.

    A `~` stands for the home directory: Python has no shell in front of it, nor has `--library=~/photos` or a service.
    """
    named = asked if asked is not None else os.environ.get("VECCLUST_LIBRARY") or None
    if named is not None:
        return Path(os.path.expanduser(named))
    import platformdirs

    return Path(platformdirs.user_data_dir("vecclust", appauthor=False))


def named_config(asked: Path | None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Give the configuration file that is asked for by flag or by `$VECCLUST_CONFIG`, or None."""
    if asked is not None:
        return asked
    named = environment.get("VECCLUST_CONFIG")
    return Path(named) if named else None


def find_config(library: Path, asked: Path | None) -> Path | None:
    """Give the configuration file: the one asked for, `$VECCLUST_CONFIG`, `LIBRARY/config.toml`, or None."""
    return named_config(asked) or own_config(library)


def own_config(library: Path) -> Path | None:
    """Give the library's own configuration file, or None where it has none."""
    own = library / "config.toml"
    return own if own.exists() else None


def log_file(library: Path) -> Path:
    """Give the place of the daemon's log, the newest file."""
    return library / "log" / "watch.log"
