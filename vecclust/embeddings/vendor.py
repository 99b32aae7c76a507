"""The border to torch and open_clip: how they are imported, and what is used of them beyond what they promise.

Both are imported quietly and without torch's compiler; open_clip's tables without torch at all; torch's oneDNN
operators are called here alone. Each has a way out for a version that no longer has it: that costs time, not answers.
`tests/embeddings/test_vendor.py` names each private thing and says what is lost without it. Imports no vendor itself.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from vecclust.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

_TABLES_STAND_IN = "_vecclust_open_clip_tables"
_DYNAMO_UTILS = "torch._dynamo.utils"
_importing = threading.RLock()
_LINE_CHARACTERS = 300  # a mismatch of weights and architecture lists every layer


@contextmanager
def kept_quiet() -> Iterator[None]:
    """Drop warnings, and what is logged through the root logger itself, while vendors load.

    open_clip logs through the root logger, which gives the whole program a handler on stderr at the first such call;
    torch, timm and transformers warn of one another. Nothing of it is for a user to mend.
    """
    root = logging.getLogger()

    def is_ours(record: logging.LogRecord) -> bool:
        return record.name != "root"

    # `logging.warning` calls basicConfig where the root has no handler.
    silent = logging.NullHandler()
    with _importing, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        root.addFilter(is_ours)
        root.addHandler(silent)
        try:
            yield
        finally:
            root.removeHandler(silent)
            root.removeFilter(is_ours)


def import_open_clip() -> None:
    """Import torch and open_clip, quietly and without torch's compiler."""
    # Where OpenMP's threads spin while they wait for one another, and decoding needs the cores too, one photo costs
    # 450 core-ms instead of 78 (two cores, three busy processes). Read once, when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with kept_quiet(), _uncollected():
        import torch.compiler

        if "torch._dynamo" not in sys.modules:
            with _without_dynamo(torch.compiler):
                import timm  # noqa: F401
                import torchvision  # noqa: F401
        import open_clip  # noqa: F401


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage where next to nothing goes: 0.3 of the 2.2 CPU s that these imports take."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def _without_dynamo(compiler: Any) -> Iterator[None]:
    """Keep torchvision and timm from importing `torch._dynamo`, which vecclust never uses.

    torchvision asks it whether `roi_align` can be compiled, and does so now when that is called; timm marks one
    method of its NaFlexViT, which is left unmarked. Measured on two cores of an EPYC with AVX2, torch 2.15, timm
    1.0.31, 2026-11-30, medians of three: a first text with the bundled model 4.70 CPU s and 878 MB with it, 3.26 and
    740 without.
    """
    stand_in: Any = ModuleType(_DYNAMO_UTILS)
    stand_in.is_compile_supported = lambda kind: importlib.import_module(_DYNAMO_UTILS).is_compile_supported(kind)
    disable = compiler.disable
    sys.modules[_DYNAMO_UTILS] = stand_in
    compiler.disable = lambda function, *_, **__: function
    try:
        yield
    finally:
        compiler.disable = disable
        if sys.modules.get(_DYNAMO_UTILS) is stand_in:
            del sys.modules[_DYNAMO_UTILS]


def first_line(error: BaseException) -> str:
    """Give what an error says, as one line of bearable length.

    Args:
        error: of a vendor.

    Returns:
        Its text without line breaks, at most some 300 characters; its type where it says nothing.
    """
    line = " ".join(str(error).split()) or type(error).__name__
    return line if len(line) <= _LINE_CHARACTERS else line[:_LINE_CHARACTERS] + "..."


@lru_cache(maxsize=1)
def open_clip_tables() -> ModuleType:
    """Give `open_clip.pretrained`, the module with the table of pretrained tags, without importing torch for it.

    The module is a plain table, but importing it the ordinary way imports all of open_clip and torch: 3.2 s against
    0.5 s here. So it is loaded under a stand-in package. Where torch is already imported, open_clip's own is used.

    Returns:
        The module.
    """
    if "torch" not in sys.modules:
        with _importing:
            light = _tables_alone()
        if light is not None:
            return light
    return importlib.import_module("open_clip.pretrained")


def _tables_alone() -> ModuleType | None:
    """Import `open_clip.pretrained` without open_clip, or give None where a later version no longer allows it."""
    stand_in = ModuleType(_TABLES_STAND_IN)
    stand_in.__path__ = [str(_open_clip_folder())]
    sys.modules[_TABLES_STAND_IN] = stand_in
    # The tables only ask whether safetensors is there, but asking imports torch: answer no.
    sys.modules["safetensors.torch"] = None  # type: ignore[assignment]
    try:
        tables = importlib.import_module(f"{_TABLES_STAND_IN}.pretrained")
    except ImportError:
        return None
    finally:
        del sys.modules["safetensors.torch"]
    return tables if hasattr(tables, "get_pretrained_cfg") else None


def open_clip_architecture(name: str) -> dict[str, Any] | None:
    """Read an architecture's configuration, without importing open_clip.

    Args:
        name: as open_clip spells it, such as `ViT-B-32`.

    Returns:
        What open_clip's own JSON file holds, or None where there is none of that name.
    """
    file = _open_clip_folder() / "model_configs" / f"{name}.json"
    if not file.is_file():
        return None
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return config


def open_clip_vocabulary() -> Path:
    """Give the file with the byte pairs of CLIP's tokenizer, which need not exist, without importing open_clip."""
    return _open_clip_folder() / "bpe_simple_vocab_16e6.txt.gz"


@lru_cache(maxsize=1)
def _open_clip_folder() -> Path:
    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("the Python package open_clip_torch is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def can_pack_bfloat16() -> bool:
    """Say whether oneDNN packs bfloat16 weights on this processor, so that `PackedLinear` can be made and run."""
    import torch

    ops: Any = torch.ops.mkldnn
    # It does only where the processor knows more than AVX2, and raises elsewhere.
    return hasattr(ops, "_linear_pointwise") and bool(ops._is_mkldnn_bf16_supported())


class PackedLinear:
    """A linear layer, its weight packed by oneDNN, run with what follows it inside the product.

    Args:
        weight: (n_out, n_in), in the precision it is run in.
        bias: (n_out,), likewise.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        import torch

        self._ops: Any = torch.ops.mkldnn
        self._weight = self._ops._reorder_linear_weight(weight.contiguous())
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply.

        Args:
            x: (..., n_in).

        Returns:
            (..., n_out).
        """
        product: Tensor = self._ops._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return product

    def gelu(self, x: Tensor) -> Tensor:
        """Multiply, and take the exact GELU of the product.

        Args:
            x: (..., n_in).

        Returns:
            (..., n_out).
        """
        product: Tensor = self._ops._linear_pointwise(x, self._weight, self._bias, "gelu", [], "none")
        return product

    def plus(self, x: Tensor, residual: Tensor) -> Tensor:
        """Multiply and add.

        Args:
            x: (..., n_in).
            residual: (..., n_out), contiguous.

        Returns:
            (..., n_out).
        """
        product: Tensor = self._ops._linear_pointwise.binary(x, residual, self._weight, self._bias, "add")
        return product
