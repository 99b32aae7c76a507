"""The model a library is bound to: checked, loaded at first use, and held.

A library's vectors come from one model, so whoever embeds or asks takes it from here. Threads may share a binding:
a model is loaded once, whoever comes first, and one that was let go of is loaded again by whoever needs it next.
Nobody keeps an embedder for longer than a batch or a question.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecclust.config import Config, find_config, library_path, load_config
from vecclust.errors import ModelMismatch, NotFound
from vecclust.library.opening import open_store
from vecclust.types.status import LibraryModel, ModelStatus

if TYPE_CHECKING:
    from vecclust.embeddings import Embedder
    from vecclust.store import Store


class ModelBinding:
    """One library's model.

    Args:
        store: the library's tables.
        config: the settings.
        embedder: an embedder to use instead of loading one.

    Attributes:
        n_threads: threads of a model that is loaded from now on, where no setting says otherwise; 0 for no limit.
    """

    def __init__(self, store: Store, *, config: Config, embedder: Embedder | None = None) -> None:
        self._store = store
        self._config = config
        self._asked = "model" in config.given
        self._embedder = embedder
        # What was handed in cannot be loaded again, so it is kept.
        self._can_let_go = embedder is None
        self._used_s = time.monotonic()
        self._loading = threading.Lock()
        self.n_threads = 0

    def check_asked(self) -> None:
        """Hold the model that a flag, the environment or a file asks for against the library's.

        Raises:
            ModelMismatch: they differ.
        """
        model = self._store.model()
        if model is None or not self._asked:
            return
        from vecclust.embeddings import ModelName

        if ModelName.parse(self._config.model).text != model.name:
            raise _mismatch(model, self._config.model)

    def known(self) -> LibraryModel:
        """Give the library's model, without loading it.

        Raises:
            ModelMismatch: another one is asked for.
            NotFound: the library has no photos yet.
        """
        self.check_asked()
        model = self._store.model()
        if model is None:
            raise NotFound("the library has no photos yet", hint="Fill it first: vecclust scan FOLDER.")
        return model

    def bound(self) -> LibraryModel:
        """Give the library's model; a new library is bound to the one the configuration names."""
        model = self._store.model()
        if model is None:
            loaded = self.embedder()
            model = self._store.bind_model(LibraryModel(loaded.name, loaded.model_id, loaded.dim, loaded.framing))
        return model

    def embedder(self) -> Embedder:
        """Load the model once, and hold it against the library's vectors.

        Raises:
            ModelError: it cannot be used.
            ModelMismatch: it is not the library's.
        """
        bound = self._store.model()
        with self._loading:
            self._used_s = time.monotonic()
            if self._embedder is None:
                from vecclust.embeddings import load

                wanted = self._config.embed
                self._embedder = load(
                    self._config.model if bound is None else bound.name,
                    device=wanted.device,
                    precision=wanted.precision,
                    batch_size=wanted.batch_size,
                    threads=wanted.threads or self.n_threads,
                )
            if bound is not None and self._embedder.model_id != bound.model_id:
                raise _mismatch(bound, self._embedder.model_id)
            # Loading took its time, and a model that was only just loaded is not idle.
            self._used_s = time.monotonic()
            return self._embedder

    @property
    def loading(self) -> bool:
        """Whether the model is being loaded, or asked for this very moment."""
        return self._loading.locked()

    def let_go(self, *, idle_s: float) -> bool:
        """Let the model go if nobody asked for it lately; `embedder` loads it again.

        Whoever is embedding at this moment keeps it until done. Its memory goes back to the system by
        `embeddings.give_memory_back`.

        Args:
            idle_s: seconds for which nobody may have asked for it; 0 for now.

        Returns:
            Whether there was one to let go of.
        """
        with self._loading:
            if self._embedder is None or not self._can_let_go or time.monotonic() - self._used_s < idle_s:
                return False
            self._embedder = None
            return True


def usable_models(
    path: Path | None = None, *, config: Path | None = None, flags: Mapping[str, Any] | None = None
) -> tuple[ModelStatus, ...]:
    """Say which models can be used on this computer now, and which one a library uses.

    Args:
        path: the library's directory, as for `Library.open`; it need not exist.
        config: a configuration file, likewise.
        flags: configuration keys that win over everything else.

    Returns:
        The library's model first, or the configured one where there is no library yet.
    """
    from vecclust import embeddings

    folder = library_path(path)
    settings = load_config(find_config(folder, config), flags=flags)
    with closing(open_store(folder, settings, missing_ok=True)) as store:
        bound = store.model()
    used = settings.model if bound is None else bound.name
    return tuple(
        dataclasses.replace(model, in_use=model.name == used)
        for model in embeddings.usable_models([used, settings.model])
    )


def _mismatch(model: LibraryModel, asked: str) -> ModelMismatch:
    return ModelMismatch(
        f"this library's vectors come from {model.model_id}, not from {asked}",
        library_model=model.model_id,
        asked_model=asked,
        hint="Vectors of two models cannot be compared. Leave --model out, or make a second library with the new "
        "model: vecclust --library NEW_DIR scan --model NAME FOLDER.",
    )
