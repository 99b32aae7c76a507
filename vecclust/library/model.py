"""The model a library is bound to: checked, loaded at first use, and held.

A library's vectors come from one model, so whoever embeds or asks takes it from here. Threads may share a binding:
a model is loaded once, whoever comes first, and one that was let go of is loaded again by whoever needs it next.
Nobody keeps an embedder for longer than a batch or a question.
"""

from __future__ import annotations

import dataclasses
import logging
import shlex
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
    from vecclust.embeddings import Embedder, TextEmbedder
    from vecclust.embeddings.pictures import FewPicturesEmbedder
    from vecclust.store import Store

log = logging.getLogger(__name__)


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
        self._told_former = False
        self._embedder = embedder
        # What was handed in cannot be loaded again, so it is kept.
        self._can_let_go = embedder is None
        self._few: FewPicturesEmbedder | None = None
        self._texts: TextEmbedder | None = None
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

        asked = ModelName.parse(self._config.model).text
        if asked == model.name:
            return
        former = self._store.former_model()
        if former is None or asked != former.model.name:
            raise _mismatch(model, self._config.model, name=self._config.model)
        # A file or a service that names the model of before is no reason to answer nothing from the switch on.
        if not self._told_former:
            self._told_former = True
            log.warning(
                "%s was asked for, and the library has been given %s since; change that setting", asked, model.name
            )

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

    def bound(self, *, n_pictures: int | None = None) -> LibraryModel:
        """Give the library's model; a new library is bound to the one the configuration names.

        Args:
            n_pictures: as for `embedder`.
        """
        model = self._store.model()
        if model is None:
            loaded = self.embedder(n_pictures=n_pictures)
            model = self._store.bind_model(LibraryModel(loaded.name, loaded.model_id, loaded.dim, loaded.framing))
        return model

    def embedder(self, *, n_pictures: int | None = None) -> Embedder:
        """Load the model once, and hold it against the library's vectors.

        Args:
            n_pictures: how many pictures are to be embedded at most; few are embedded without torch where that can be,
                which costs less than loading the model. None for many.

        Raises:
            ModelError: it cannot be used.
            ModelMismatch: it is not the library's.
        """
        bound = self._store.model()
        with self._loading:
            self._used_s = time.monotonic()
            self._let_go_of_other(bound)
            name = self._config.model if bound is None else bound.name
            embedder = self._embedder or self._for_few(name, n_pictures)
            if embedder is None:
                embedder = self._embedder = load_model(name, config=self._config, n_threads=self.n_threads)
                self._few = None
            if bound is not None and embedder.model_id != bound.model_id:
                raise _mismatch(bound, embedder.model_id, name=embedder.name)
            # Loading took its time, and a model that was only just loaded is not idle.
            self._used_s = time.monotonic()
            return embedder

    def _for_few(self, name: str, n_pictures: int | None) -> Embedder | None:
        """Give what embeds a few pictures without torch; None for many, or where it is said how the model shall run."""
        wanted = self._config.embed
        if n_pictures is None or (wanted.device, wanted.precision) != ("auto", "auto"):
            return None
        from vecclust.embeddings import load_few
        from vecclust.embeddings.pictures import MOST_PICTURES
        from vecclust.photos import available_cpus

        if n_pictures > MOST_PICTURES:
            return None
        if self._few is None:
            self._few = load_few(name, threads=wanted.threads or self.n_threads or available_cpus())
        return self._few

    def texts(self) -> Embedder | TextEmbedder:
        """Give what embeds words: the text side alone where it can be had alone, which costs a hundredth.

        Raises:
            ModelError: it cannot be used.
            ModelMismatch: it is not the library's.
            NotFound: the library has no photos yet.
        """
        bound = self.known()
        with self._loading:
            self._let_go_of_other(bound)
            if self._texts is None and self._can_let_go:
                from vecclust.embeddings import load_texts

                self._texts = load_texts(bound.name)
            texts = self._texts if self._can_let_go else self._embedder
            if texts is not None:
                if texts.model_id != bound.model_id:
                    raise _mismatch(bound, texts.model_id, name=texts.name)
                self._used_s = time.monotonic()
                return texts
        return self.embedder()

    def _let_go_of_other(self, bound: LibraryModel | None) -> None:
        """Let go of the model that the library had when it was loaded, where it has been given another one since."""
        if bound is None or not self._can_let_go:
            return
        if self._embedder is not None and self._embedder.model_id != bound.model_id:
            self._embedder = None
        if self._texts is not None and self._texts.model_id != bound.model_id:
            self._texts = None
        if self._few is not None and self._few.model_id != bound.model_id:
            self._few = None

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
            is_here = any(one is not None for one in (self._embedder, self._few, self._texts))
            if not is_here or not self._can_let_go or time.monotonic() - self._used_s < idle_s:
                return False
            self._embedder = self._few = self._texts = None
            return True


def load_model(name: str, *, config: Config, n_threads: int = 0) -> Embedder:
    """Load a model as it is configured.

    Args:
        name: which.
        config: the settings.
        n_threads: its threads where no setting says otherwise; 0 for no limit.

    Raises:
        ModelError: it cannot be used.
    """
    from vecclust.embeddings import load

    wanted = config.embed
    return load(
        name,
        device=wanted.device,
        precision=wanted.precision,
        batch_size=wanted.batch_size,
        threads=wanted.threads or n_threads,
    )


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


def _mismatch(model: LibraryModel, asked: str, *, name: str) -> ModelMismatch:
    return ModelMismatch(
        f"this library's vectors come from {model.model_id}, not from {asked}",
        library_model=model.model_id,
        asked_model=asked,
        hint="Vectors of two models cannot be compared. Leave --model out, or give the library the other model:"
        f" vecclust migrate {shlex.quote(name)}.",
    )
