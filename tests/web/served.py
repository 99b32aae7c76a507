"""A server in this process, asked over real sockets: raw paths, any header, nothing tidied up by a client."""

from __future__ import annotations

import http.client
import io
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vecclust.library.queries.clusters import list_clusters
from vecclust.library.watched import WatchedLibrary
from vecclust.server.client import Client
from vecclust.server.verbs import VERBS
from vecclust.store import Store
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.types.clusters import ClusterEntry, ClusterList
from vecclust.types.search import Answer as FoundPhotos
from vecclust.types.search import MeantCluster
from vecclust.web import LibraryOpener, WebServer

HUES = ((200, 30, 30), (30, 180, 40), (30, 40, 200))
NAMES = (b"<img src=x onerror=alert(1)>", b"a \"quote\" & 'another'", b"new\nline", "🌋".encode(), b"not \xff UTF-8")
CLUSTER_NAME = "<script>alert(1)</script>"
# Fits here are not about UMAP.
FLAGS = {"clusters.reducer": "pca", "photos.max_file_mb": 1}
DEADLINE_S = 120.0


def picture(hue: tuple[int, int, int], number: int, *, kind: str = "JPEG", size: tuple[int, int] = (64, 48)) -> bytes:
    """Draw a small noisy picture of one colour."""
    rng = np.random.default_rng(number)
    pixels = np.clip(np.array(hue) + rng.normal(0, 12, (size[1], size[0], 3)), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def put(folder: Path, name: bytes, data: bytes) -> str:
    """Write a file that has been quiet for long."""
    path = os.fsencode(folder) + b"/" + name
    with open(path, "wb") as file:
        file.write(data)
    os.utime(path, ns=(10**18, 10**18))
    return os.fsdecode(path)


def make(folder: Path) -> None:
    """Make an album of fourteen photos of each of three colours, the first of them a TIFF, and its library."""
    album = folder / "album"
    album.mkdir()
    for number in range(42):
        name = NAMES[number] if number < len(NAMES) else b"%02d" % number
        kind = "TIFF" if number == 41 else "JPEG"
        put(album, name + (b".tif" if number == 41 else b".jpg"), picture(HUES[number % 3], number, kind=kind))
    with TestOpener(folder / "library").open(write=True) as library:
        library.scan([album])
        library.rename(library.clusters().clusters[0].id, CLUSTER_NAME)


@dataclass(frozen=True)
class TestOpener(LibraryOpener):
    """Opens a library with doubles for model and clock; other processes need no model, and open it without."""

    __test__ = False
    flags: Mapping[str, Any] = field(default_factory=FLAGS.copy)
    embedder: FakeEmbedder = field(default_factory=FakeEmbedder)

    def open(self, *, write: bool = False) -> WatchedLibrary:
        """Open it."""
        clock = FakeClock(time.time_ns() + 3600 * 10**9)
        return WatchedLibrary.open(self.path, write=write, flags=self.flags, embedder=self.embedder, clock=clock)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A library that is served."""

    library: Path
    album: Path
    port: int
    address: str
    cookie: str

    @property
    def host(self) -> str:
        """What belongs into the Host header."""
        return f"127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        """What belongs into the Origin header."""
        return f"http://{self.host}"

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, *, body: bytes | None = None
    ) -> Answer:
        """Send exactly this; a header of None is left out."""
        return exchange(self.port, method, target, headers or {}, body=body)

    def get(self, target: str, **headers: str) -> Answer:
        """Get a page as somebody who is in."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("GET", target, {"Host": self.host, "Cookie": self.cookie, **named})

    def post(self, target: str, body: bytes = b"", **headers: str) -> Answer:
        """Post as a page of the server itself does."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        whole = {"Host": self.host, "Cookie": self.cookie, "Origin": self.origin, **named}
        return self.ask("POST", target, whole, body=body)

    def form(self, target: str, body: bytes) -> Answer:
        """Post a form."""
        return self.post(target, body, Content_Type="application/x-www-form-urlencoded")

    def opener(self) -> TestOpener:
        """Open the library beside the server."""
        return TestOpener(self.library)

    def until(self, page: str, said: str) -> str:
        """Ask for a page until it says something."""
        deadline = time.monotonic() + DEADLINE_S
        while said not in (text := self.get(page).text):
            assert time.monotonic() < deadline, f"{page} never said {said}"
            time.sleep(0.1)
        return text


def exchange(port: int, method: str, target: str, headers: Mapping[str, str], *, body: bytes | None = None) -> Answer:
    """Send one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode("latin-1"))
        if body is not None and "Transfer-Encoding" not in headers and "Content-Length" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        given = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, given, response.read())
    finally:
        connection.close()


@contextmanager
def serving(folder: Path, *, embedder: FakeEmbedder | None = None) -> Iterator[Served]:
    """Serve the library that `make` made in a folder."""
    opener = TestOpener(folder / "library", embedder=embedder or FakeEmbedder())
    with opener.open() as library:
        server = WebServer(library, opener=opener)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            host = f"127.0.0.1:{server.port}"
            entered = exchange(server.port, "GET", server.address.removeprefix(f"http://{host}"), {"Host": host})
            cookie = entered.headers["set-cookie"].partition(";")[0]
            yield Served(folder / "library", folder / "album", server.port, server.address, cookie)
        finally:
            server.end()
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


# Names that are proposed for clusters without one, and their further words.
PROPOSALS = {"c2": ("beach", ("sea", "palm tree")), "c3": ("Donaudampfschifffahrtsgesellschaftskapitänsmützen", ())}


def propose(patch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...]]]:
    """Have names proposed for clusters, and have the answers noted; one that is accepted is the cluster's name then."""
    answers: list[tuple[str, tuple[str, ...]]] = []

    def called(entry: ClusterEntry) -> ClusterEntry:
        word, tags = PROPOSALS.get(entry.id, (None, ()))
        if word is None or entry.named_by == "owner":
            return replace(entry, tags=tags)
        return replace(entry, name=word, named_by="auto", suggested_name=word, tags=tags, word=word)

    def listed(store: Store, **how: Any) -> ClusterList:
        found = list_clusters(store, **how)
        return replace(found, clusters=tuple(map(called, found.clusters)))

    def accept(client: Client, clusters: tuple[str, ...]) -> None:
        answers.append(("accept", clusters))
        for cluster in clusters:
            client.rename(cluster, PROPOSALS[cluster][0])

    def refuse(client: Client, clusters: tuple[str, ...]) -> None:
        answers.append(("refuse", clusters))

    def search(client: Client, text: str, **asked: Any) -> FoundPhotos:
        found: FoundPhotos = client._do(VERBS["search"], text, **asked)
        return replace(found, clusters=(MeantCluster("c2", "beach", "auto"), MeantCluster("c99", "gone", "auto")))

    patch.setattr("vecclust.library.pages.live.list_clusters", listed)
    for name, verb in (("accept_names", accept), ("refuse_names", refuse), ("search", search)):
        patch.setattr(Client, name, verb, raising=False)
    return answers
