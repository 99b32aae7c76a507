"""What is used of torch, open_clip and timm beyond what they promise: all of it is there, and nothing else is used."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import open_clip
import pytest
import torch

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

# What is used -> what broke if it is gone.
MODULES = {
    "open_clip.pretrained": "names: tags are listed and fetched from its tables",
    "open_clip.transformer": "tower: plain transformers are told apart by its classes",
    "torch._dynamo.utils": "vendor: torchvision asks it, so it is stood in for; without it nothing is to be kept out",
    "torch.nn.utils.fusion": "tower: the bundled model's batch norms are folded by it",
}
ATTRIBUTES = {
    ("open_clip.pretrained", "get_pretrained_cfg"): "names: a tag's repository and preprocessing",
    ("open_clip.pretrained", "list_pretrained"): "names: `vecclust models`, and the nearest name to a typo",
    ("open_clip.pretrained", "HF_WEIGHTS_NAME"): "names: the file to fetch",
    ("open_clip.pretrained", "HF_SAFE_WEIGHTS_NAME"): "names: the file to fetch first",
    (
        "open_clip.transformer",
        "VisionTransformer",
    ): "tower: no transformer is arranged, photos cost a fifth more",
    ("open_clip.transformer", "Transformer"): "tower: likewise",
    ("open_clip.transformer", "ResidualAttentionBlock"): "tower: likewise",
    ("torch.nn.utils.fusion", "fuse_conv_bn_eval"): "tower: the bundled model costs a sixth more",
    ("torch._dynamo.utils", "is_compile_supported"): "vendor: torchvision asks something else, see its roi_align",
    ("torch.compiler", "disable"): "vendor: timm marks its methods by something else",
    (
        "torch.ops.mkldnn",
        "_linear_pointwise",
    ): "vendor: in bfloat16 no transformer is arranged, photos cost a fifth more",
    ("torch.ops.mkldnn", "_reorder_linear_weight"): "vendor: likewise",
    ("torch.ops.mkldnn", "_is_mkldnn_bf16_supported"): "vendor: likewise",
}
VISION_TRANSFORMER = (
    "attn_pool", "pool_type", "patch_dropout", "ln_pre", "transformer.resblocks", "ln_post", "final_ln_after_pool",
    "proj", "conv1.weight", "positional_embedding", "class_embedding", "patch_size",
)  # fmt: skip
RESIDUAL_BLOCK = (
    "ls_1", "ls_2", "ln_1.eps", "ln_2.eps", "attn.num_heads", "attn.in_proj_weight", "attn.in_proj_bias",
    "attn.out_proj.weight", "mlp.c_fc.weight", "mlp.gelu", "mlp.c_proj.weight",
)  # fmt: skip


@pytest.mark.parametrize(("module", "lost"), MODULES.items())
def test_each_module_that_is_not_promised_is_there(module: str, lost: str) -> None:
    """Where one is gone, the message says what it was for."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        pytest.fail(f"{error}; {lost}")


@pytest.mark.parametrize(("where", "lost"), ATTRIBUTES.items())
def test_each_name_that_is_not_promised_is_there(where: tuple[str, str], lost: str) -> None:
    """Where one is gone, the message says what it was for."""
    module, name = where
    holder = torch.ops.mkldnn if module == "torch.ops.mkldnn" else importlib.import_module(module)
    assert hasattr(holder, name), f"{module}.{name} is gone; {lost}"


def test_open_clips_transformer_has_the_layers_that_are_read() -> None:
    """Where one is renamed, plain transformers are left as open_clip makes them, at a fifth more a photo."""
    text = {"context_length": 4, "vocab_size": 10, "width": 16, "heads": 1, "layers": 1}
    visual = open_clip.CLIP(24, {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8}, text).visual
    (block,) = visual.transformer.resblocks
    for holder, paths in ((visual, VISION_TRANSFORMER), (block, RESIDUAL_BLOCK)):
        for path in paths:
            held = holder
            for part in path.split("."):
                assert hasattr(held, part), f"{type(holder).__name__}.{path} is gone; tower reads it"
                held = getattr(held, part)


def test_timms_batch_norm_applies_the_activation() -> None:
    """Folded, the activation must stay: it is read as `act`."""
    from timm.layers import BatchNormAct2d

    assert isinstance(BatchNormAct2d(4).act, torch.nn.ReLU), "BatchNormAct2d.act is gone; tower keeps it when folding"


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


def test_the_vocabulary_is_where_it_is_read() -> None:
    """Where it is gone, every word waits for torch: `texts` leaves words to open_clip."""
    assert vendor.open_clip_vocabulary() == Path(open_clip.tokenizer.default_bpe())


def test_the_default_context_is_open_clips() -> None:
    """A configuration that names none is tried with as many tokens as open_clip takes."""
    from vecclust.embeddings import texts

    assert inspect.signature(open_clip.model.CLIPTextCfg).parameters["context_length"].default == (
        texts.DEFAULT_CONTEXT_LENGTH
    )


def test_the_tables_are_open_clips_own_and_need_no_torch() -> None:
    """Names are listed without torch, are those open_clip gives, and the real modules can be imported afterwards."""
    subprocess.run([sys.executable, "-W", "error", "-c", _LIGHT], check=True)


def test_models_run_without_torchs_compiler_and_leave_it_whole() -> None:
    """Nothing imports `torch._dynamo` (144 MB) to embed; whoever wants it afterwards has all of it."""
    subprocess.run([sys.executable, "-c", _WITHOUT_COMPILER], check=True)


@pytest.mark.parametrize("file", sorted(ROOM.glob("*.py")), ids=lambda file: file.name)
def test_private_names_are_used_in_one_module(file: Path) -> None:
    """No attribute with a leading underscore but one's own, outside of `vendor`."""
    used = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and ast.unparse(node.value) != "self"
    ]
    assert file.name == "vendor.py" or not used


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
