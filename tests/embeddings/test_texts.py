"""Words without torch: the same tokens and the same vectors as open_clip's own, and nothing heavy imported."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from vecclust.embeddings import BUNDLED_FOLDER, load, load_texts
from vecclust.embeddings.openclip import OpenClipEmbedder
from vecclust.embeddings.plain import unit
from vecclust.embeddings.texts import PHOTO_PROMPT, PlainTextTower
from vecclust.embeddings.tokens import tokenize

TEXTS = [
    "waterfall", "a dog on the beach", "it's 42°C — déjà vu & more &amp;amp; <b>", "日本語 のテスト",
    "🙂🙂 Ärger_foo-bar's", "long " * 100, "<end_of_text> and what comes after it",
    "\u017f's \u01c5 \ufb01 \u0130", "“curly”\u2019s",
]  # fmt: skip


@given(text=st.one_of(st.text(), st.text(st.characters(max_codepoint=127))))
def test_tokens_are_open_clips_own(text: str) -> None:
    """Whatever is typed."""
    theirs = open_clip.tokenizer.SimpleTokenizer.__call__(open_clip.tokenizer._tokenizer, [text], context_length=16)
    assert tokenize([text], 16).tolist() == theirs.tolist()


@pytest.mark.parametrize("context_length", [3, 16, 77])
def test_texts_are_cut_as_open_clip_cuts_them(context_length: int) -> None:
    """Texts of every script, short and long."""
    theirs = open_clip.tokenizer.tokenize(TEXTS, context_length=context_length)
    assert tokenize(TEXTS, context_length).tolist() == theirs.tolist()


def made(folder: Path, *, dtype: torch.dtype = torch.float32, **config: Any) -> Path:
    """Write a small model of random weights.

    Args:
        folder: made.
        dtype: of its weights.
        config: laid over its `model_cfg`.
    """
    text = {"context_length": 12, "vocab_size": 49408, "width": 24, "heads": 3, "layers": 2}
    vision = {"image_size": 16, "layers": 1, "width": 64, "patch_size": 8}
    merged = {"embed_dim": 16, "vision_cfg": vision, **config, "text_cfg": text | config.get("text_cfg", {})}
    built = {key: value for key, value in merged.items() if key != "custom_text"}
    torch.manual_seed(0)
    model = (open_clip.CustomTextCLIP if merged.get("custom_text") else open_clip.CLIP)(**built)
    for name, parameter in model.named_parameters():
        if "visual" not in name and parameter.ndim:
            torch.nn.init.normal_(parameter, std=0.5)
    folder.mkdir()
    state = {key: value.detach().contiguous().to(dtype) for key, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    document = {"model_cfg": merged, "preprocess_cfg": {"size": 16}}
    (folder / "open_clip_config.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def open_clips_vectors(folder: Path, texts: list[str]) -> np.ndarray:
    """Give the vectors of texts as open_clip alone gives them, averaged with their prompt."""
    model = open_clip.create_model(f"local-dir:{folder}", require_pretrained=True).eval()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    plain = [" ".join(text.split()) for text in texts]
    with torch.inference_mode():
        bare, prompted = (
            unit(model.encode_text(tokenizer(some)).numpy()) for some in (plain, [*map(PHOTO_PROMPT.format, plain)])
        )
    return unit(bare + prompted)


@pytest.mark.parametrize(
    ("config", "dtype"),
    [
        ({}, torch.float32), ({"quick_gelu": True}, torch.float32), ({"custom_text": True}, torch.float32),
        ({}, torch.float16), ({"init_logit_bias": -10.0}, torch.float32),
    ],
    ids=["plain", "QuickGELU", "a text tower of its own", "half precision", "SigLIP's bias"],
)  # fmt: skip
def test_a_plain_text_tower_gives_open_clips_vectors(
    config: dict[str, Any], dtype: torch.dtype, tmp_path: Path
) -> None:
    """To rounding, alone and together, and through the whole embedder too."""
    folder = made(tmp_path / "model", dtype=dtype, **config)
    alone = load_texts(f"local-dir:{folder}")
    assert alone is not None
    vectors, theirs = alone.embed_texts(TEXTS), open_clips_vectors(folder, TEXTS)
    assert np.abs(vectors - theirs).max() < 1e-5
    assert np.abs(alone.embed_texts(TEXTS[1:2]) - theirs[1:2]).max() < 1e-5
    whole = load(f"local-dir:{folder}", precision="float32")
    assert whole.model_id == alone.model_id
    assert np.array_equal(whole.embed_texts(TEXTS), vectors)


def test_the_bundled_models_words_are_open_clips() -> None:
    """It is what most people run."""
    alone = load_texts("bundled")
    assert alone is not None
    assert np.abs(alone.embed_texts(TEXTS) - open_clips_vectors(BUNDLED_FOLDER, TEXTS)).max() < 1e-5


@pytest.mark.parametrize(
    ("config", "dtype"),
    [
        ({"text_cfg": {"ls_init_value": 0.1}}, torch.float32), ({"text_cfg": {"pool_type": "last"}}, torch.float32),
        ({"text_cfg": {"no_causal_mask": True}}, torch.float32), ({"text_cfg": {"proj_bias": True}}, torch.float32),
        ({"text_cfg": {"mlp_ratio": 2.0}}, torch.float32), ({}, torch.bfloat16),
    ],
    ids=["layer scale", "last token", "no mask", "a projection with bias", "narrow", "bfloat16"],
)  # fmt: skip
def test_any_other_text_tower_is_left_to_open_clip(config: dict[str, Any], dtype: torch.dtype, tmp_path: Path) -> None:
    """What is not known exactly is not imitated; the embedder's vectors are open_clip's all the same."""
    folder = made(tmp_path / "model", dtype=dtype, **config)
    assert load_texts(f"local-dir:{folder}") is None
    whole = load(f"local-dir:{folder}", precision="float32")
    assert np.abs(whole.embed_texts(TEXTS) - open_clips_vectors(folder, TEXTS)).max() < 1e-5


def test_weights_of_another_shape_or_kind_are_left_to_open_clip(tmp_path: Path) -> None:
    """A file whose arrays are not what the configuration says, one that holds more, and a pickle."""
    folder = made(tmp_path / "model")
    file = folder / "open_clip_model.safetensors"
    state = load_file(file)
    for wrong in (
        state | {"positional_embedding": torch.zeros(13, 24)},
        state | {"transformer.resblocks.1.ls_1.gamma": torch.ones(24)},
        state | {"transformer.resblocks.2.ln_1.weight": torch.ones(24)},
        {name: value for name, value in state.items() if name != "ln_final.bias"},
    ):
        save_file(wrong, file)
        assert load_texts(f"local-dir:{folder}") is None
    file.write_bytes(b"no weights")
    assert load_texts(f"local-dir:{folder}") is None
    file.unlink()
    torch.save(state, folder / "open_clip_pytorch_model.bin")
    assert load_texts(f"local-dir:{folder}") is None


def test_a_model_runs_without_open_clips_text_tower(tiny_model: Path) -> None:
    """Where words are embedded without it, it is not kept in memory."""
    loaded = load(f"local-dir:{tiny_model}", precision="float32")
    assert isinstance(loaded, OpenClipEmbedder)
    assert isinstance(loaded._model.text_tower, PlainTextTower)


def test_words_import_nothing_heavy(tiny_model: Path, tmp_path: Path) -> None:
    """Neither torch nor open_clip: they are what a first question waited for."""
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    program = (
        "import sys\nfrom vecclust.embeddings import load_texts\n"
        f"assert load_texts({f'local-dir:{folder}'!r}).embed_texts(['a dog']).shape == (1, 16)\n"
        "print(*[name for name in ('torch', 'open_clip', 'timm', 'torchvision', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
