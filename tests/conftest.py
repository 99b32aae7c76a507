"""What holds for all tests."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Machines are shared and noisy: how long an example takes says nothing about the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Times that are known in UTC alone are told by the clock of the place, which is to be the same for all tests.
os.environ["TZ"] = "UTC"
if hasattr(time, "tzset"):
    time.tzset()

# A shell starts what it runs in the background with SIGINT ignored, and so would every process that a test starts and
# sends Ctrl-C to. A handler, other than a signal that is ignored, is not inherited.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_LOAD_WORDS = "vecclust.library.naming.vocabulary.load_words"


@pytest.fixture(autouse=True, scope="session")
def _no_shipped_words() -> Iterator[None]:
    """Have no words ship where a test is not about them: the fake model knows colours, and all else is alike to it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_LOAD_WORDS, lambda: ())
        yield


@pytest.fixture
def shipped_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the words ship that do."""
    from vecclust.words import load_words

    monkeypatch.setattr(_LOAD_WORDS, load_words)


@pytest.fixture(scope="session")
def tiny_captioner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a tiny model that writes what colour a picture has."""
    from vecclust.testing import make_tiny_captioner

    return make_tiny_captioner(tmp_path_factory.mktemp("models") / "writes")
