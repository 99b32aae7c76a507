"""A daemon with a fake model, run as a process: `python -m tests.daemon.watching LIBRARY [FOLDER] [KEY=VALUE…]`."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from vecclust.cli.app import run
from vecclust.cli.session import configure_logging
from vecclust.daemon import serve
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder


class NotingEmbedder(FakeEmbedder):
    """Notes the hash of every frame it embeds in the file that `$TEST_JOURNAL` names, one a line.

    It takes as long as the file that `$TEST_BUSY` names is there. The word "slow" takes it a minute, and makes the file
    that `$TEST_SLOW` names.
    """

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed words."""
        if "slow" in texts:
            Path(os.environ["TEST_SLOW"]).touch()
            time.sleep(60)
        return super().embed_texts(texts)

    def embed_frames(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed, and note it."""
        while os.path.exists(os.environ.get("TEST_BUSY", "")):
            time.sleep(0.02)
        journal = os.environ.get("TEST_JOURNAL")
        if journal:
            with open(journal, "a", encoding="ascii") as file:
                file.writelines(hashlib.sha256(frame.tobytes()).hexdigest() + "\n" for frame in frames)
        return super().embed_frames(frames)


def main(library: str, *arguments: str) -> None:
    """Watch until stopped."""
    configure_logging(1)
    flags = {key: json.loads(value) for key, value in (text.split("=", 1) for text in arguments if "=" in text)}
    folders = [Path(text) for text in arguments if "=" not in text]
    serve(lambda: WatchedLibrary.open(library, write=True, flags=flags, embedder=NotingEmbedder()), folders)


def start(*arguments: str) -> NoReturn:
    """Be the process."""
    sys.exit(run(lambda: main(*arguments), wants_json=False))


if __name__ == "__main__":
    start(*sys.argv[1:])
