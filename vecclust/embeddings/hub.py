"""Fetch a model's files from the hub into its cache, or say within seconds why that cannot be.

Knows huggingface_hub and the network, nothing of models. The hub's own client tries for 23 s and more before it
admits that there is no network (measured, huggingface_hub 2.4), so one short connection is tried first.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vecclust.embeddings.names import BUNDLED_GOOD_FOR, BUNDLED_NOT_GOOD_FOR, ModelName, source_of
from vecclust.embeddings.weights import CONFIG_FILE, Weights, find_weights
from vecclust.errors import ModelError, ModelUnavailable

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 2.0  # a hub that is there answers in a tenth of it; a person waits at most this long
_DISK_ERRORS = (errno.ENOSPC, errno.EACCES, errno.EROFS)
_WAYS_OUT = (
    "Three ways out: connect to the network once, so that the weights can be fetched; point at a checkpoint on this "
    "computer with --model local-dir:PATH; or use the model that comes with vecclust, --model bundled. That one is "
    f"good for {BUNDLED_GOOD_FOR}. It is not good for {BUNDLED_NOT_GOOD_FOR}."
)


def get_weights(name: ModelName, *, cache_dir: Path | None = None) -> Weights:
    """Find a model's weights on this computer, and fetch them where they are not.

    Args:
        name: the model.
        cache_dir: the hub's cache; its usual place where None.

    Returns:
        The weights.

    Raises:
        ModelUnavailable: no such model, or no weights here and no network.
        ModelError: the files cannot be read or kept.
    """
    weights = find_weights(name, cache_dir=cache_dir)
    if weights is None:
        fetch(name, cache_dir=cache_dir)
        weights = find_weights(name, cache_dir=cache_dir)
    if weights is None:
        raise ModelUnavailable(f"the weights of {name} were fetched and are not there", model=name.text)
    return weights


def fetch(name: ModelName, *, cache_dir: Path | None = None) -> None:
    """Fetch a model's weights, and its configuration where it has one of its own.

    Args:
        name: a model of the hub.
        cache_dir: the hub's cache; its usual place where None.

    Raises:
        ModelUnavailable: no network, no such model, or no access to it.
        ModelError: the cache cannot be written.
    """
    source = source_of(name)
    require_network(name)
    log.info("fetching %s from the hub (%s)", name, source.repository)
    with _progress_where_seen():
        _fetch_one(name, source.repository, files=source.files, cache_dir=cache_dir)
        if name.kind == "hub":
            _fetch_one(name, source.repository, files=(CONFIG_FILE,), cache_dir=cache_dir)


def require_network(name: ModelName) -> None:
    """Make sure that the hub can be reached.

    Args:
        name: the model it is asked for.

    Raises:
        ModelUnavailable: it cannot, or the environment forbids it.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise _unavailable(name, "HF_HUB_OFFLINE forbids fetching them")
    if not is_reachable(constants.ENDPOINT):
        raise _unavailable(name, f"{urlsplit(constants.ENDPOINT).hostname} cannot be reached")


def is_reachable(endpoint: str, *, timeout_s: float = CONNECT_TIMEOUT_S) -> bool:
    """Say whether a server, or the proxy in front of it, accepts a connection.

    Args:
        endpoint: its address, with a scheme.
        timeout_s: how long to wait, looking up its name included.

    Returns:
        Whether it did within that time.
    """
    address = urlsplit(endpoint)
    if not urllib.request.proxy_bypass(address.hostname or ""):
        address = urlsplit(urllib.request.getproxies().get(address.scheme, endpoint))
    port = address.port or {"http": 80}.get(address.scheme, 443)
    connected = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((address.hostname, port), timeout=timeout_s).close()
        except OSError as error:
            log.debug("%s: %s", endpoint, error)
        else:
            connected.set()

    # Looking up a name knows no time limit of its own: leave a thread that hangs behind.
    thread = threading.Thread(target=connect, name="vecclust-reach-hub", daemon=True)
    thread.start()
    thread.join(timeout_s)
    return connected.is_set()


def _fetch_one(name: ModelName, repository: str, *, files: tuple[str, ...], cache_dir: Path | None) -> None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError

    for file in files:
        try:
            hf_hub_download(repository, file, cache_dir=cache_dir)
        except LocalEntryNotFoundError as error:  # also an EntryNotFoundError: the network went away
            raise _unavailable(name, "the hub stopped answering") from error
        except EntryNotFoundError:
            continue
        except RepositoryNotFoundError as error:
            message = f"the hub has no model {repository}, or asks for a login"
            raise ModelUnavailable(message, model=name.text, hint="Is the name spelled right?") from error
        except Exception as error:  # the border: httpx, requests and xet errors, by version, have no common root
            if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
                raise ModelError(f"the weights of {name} cannot be kept: {error}") from error
            raise _unavailable(name, f"fetching them failed: {error}") from error
        else:
            return
    message = f"{repository} on the hub holds none of {', '.join(files)}"
    raise ModelUnavailable(message, model=name.text, hint="It is no open_clip model.")


def _unavailable(name: ModelName, reason: str) -> ModelUnavailable:
    message = f"the weights of {name} are not on this computer, and {reason}"
    return ModelUnavailable(message, model=name.text, hint=_WAYS_OUT)


@contextmanager
def offline() -> Iterator[None]:
    """Keep the hub's client from asking whether a cached file has changed; it reads this at every call."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def _progress_where_seen() -> Iterator[None]:
    """Let the hub draw its progress on stderr only where that is a terminal."""
    from huggingface_hub import utils

    # Public, but re-exported without saying so to mypy.
    bars: Any = utils

    quiet = not sys.stderr.isatty() and "HF_HUB_DISABLE_PROGRESS_BARS" not in os.environ
    change = quiet and not bars.are_progress_bars_disabled()
    if change:
        bars.disable_progress_bars()
    try:
        yield
    finally:
        if change:
            bars.enable_progress_bars()
