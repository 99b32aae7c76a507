"""open_clip's tables, read without torch, and how the modules of the room hang together."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import open_clip

from vecclust import embeddings
from vecclust.embeddings import names, vendor

ROOM = Path(embeddings.__file__).parent

_LIGHT = """
import sys
from vecclust.embeddings import ModelName, names
known = names.pretrained_names()
entry = names.source_of(ModelName.parse("ViT-B-32-256/datacomp_s34b_b86k"))
assert "torch" not in sys.modules, "torch"
import safetensors.torch, open_clip
assert sorted(known) == sorted("/".join(pair) for pair in open_clip.list_pretrained()), "names"
assert entry.repository == "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K", entry
assert entry.files == ("open_clip_model.safetensors", "open_clip_pytorch_model.bin"), entry
"""


_WITHOUT_COMPILER = """
import sys, numpy as np
from vecclust.embeddings import load
embedder = load("bundled")
embedder.embed_texts(["a dog"])
embedder.embed_frames(np.zeros((4, embedder.framing.height_px, embedder.framing.width_px, 3), np.uint8))
assert not any(name.startswith("torch._dynamo") for name in sys.modules), "torch._dynamo"
import torch
detection = sys.modules["torchvision.ops.roi_align"]
assert detection.is_compile_supported("cpu") == sys.modules["torch._dynamo.utils"].is_compile_supported("cpu")
assert torch.compiler.disable.__module__ == "torch.compiler"
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item() == 2
"""


def test_architectures_are_open_clips_own() -> None:
    """They are read from its package's folder `model_configs`: where that is gone, no tag can be used."""
    for name in ("ViT-B-32", "ViT-bigG-14", "RN50"):
        assert vendor.open_clip_architecture(name) == open_clip.get_model_config(name)
    assert vendor.open_clip_architecture("no such") is None


def test_files_are_looked_for_as_open_clip_does() -> None:
    """The safe spelling of each tag's weights first, whatever they are called on the hub."""
    tables = vendor.open_clip_tables()
    n_seen = 0
    for pair in open_clip.list_pretrained():
        file = open_clip.get_pretrained_cfg(*pair).get("hf_hub", "/").rpartition("/")[2] or tables.HF_WEIGHTS_NAME
        if not open_clip.get_pretrained_cfg(*pair).get("hf_hub"):
            continue
        source = names.source_of(names.ModelName.parse("/".join(pair)))
        assert source.files == (*tables._get_safe_alternatives(file), file)
        n_seen += 1
    assert n_seen > 50


def test_the_default_context_is_open_clips() -> None:
    """A configuration that names none is tried with as many tokens as open_clip takes."""
    from vecclust.embeddings import loading

    assert inspect.signature(open_clip.model.CLIPTextCfg).parameters["context_length"].default == (
        loading._DEFAULT_CONTEXT_LENGTH
    )


def test_the_tables_are_open_clips_own_and_need_no_torch() -> None:
    """Names are listed without torch, are those open_clip gives, and the real modules can be imported afterwards."""
    subprocess.run([sys.executable, "-W", "error", "-c", _LIGHT], check=True)


def test_models_run_without_torchs_compiler_and_leave_it_whole() -> None:
    """Nothing imports `torch._dynamo` (144 MB) to embed; whoever wants it afterwards has all of it."""
    subprocess.run([sys.executable, "-c", _WITHOUT_COMPILER], check=True)


def test_the_room_has_no_circle() -> None:
    """Modules of this room import one way, late imports inside functions included."""
    imports: dict[str, set[str]] = {}
    for file in ROOM.glob("*.py"):
        found = imports.setdefault(file.stem, set())
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vecclust.embeddings"):
                rest = (node.module or "").split(".")[2:]
                found.update(rest[:1] or [alias.name for alias in node.names])
    left = {name: found & set(imports) for name, found in imports.items()}
    while left:
        free = [name for name, found in left.items() if not found & set(left)]
        assert free, f"in a circle: {sorted(left)}"
        for name in free:
            del left[name]
