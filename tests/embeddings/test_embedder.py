"""The real thing: open_clip models loaded from a folder."""

from __future__ import annotations

import json
import logging
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch

from tests.embeddings.test_weights import cached
from vecclust.embeddings import Embedder, hub, load, loading, names, vendor
from vecclust.embeddings.device import multiplies_bfloat16
from vecclust.embeddings.loading import NotDrawn
from vecclust.embeddings.names import Source
from vecclust.embeddings.openclip import OpenClipEmbedder
from vecclust.errors import ModelError, ModelUnavailable, UsageError
from vecclust.testing import make_tiny_model


@pytest.fixture(scope="module")
def embedder(tiny_model: Path) -> OpenClipEmbedder:
    """Give the tiny model, running."""
    loaded = load(f"local-dir:{tiny_model}", batch_size=8, threads=2)
    assert isinstance(loaded, OpenClipEmbedder)
    return loaded


def some_frames(n: int, *, side_px: int = 32, seed: int = 0) -> np.ndarray:
    """Draw frames that differ."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 4, 4, 3), dtype=np.uint8)
    return coarse.repeat(side_px // 4, axis=1).repeat(side_px // 4, axis=2)


def test_vectors_are_float32_of_norm_one(embedder: Embedder) -> None:
    """Whatever the precision inside."""
    vectors = embedder.embed_frames(some_frames(21))
    assert vectors.dtype == np.float32
    assert vectors.shape == (21, 16)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-6


def test_vector_i_belongs_to_frame_i_whatever_the_batch(embedder: Embedder) -> None:
    """Alone, in batches over two cores, in another order: the same vector for the same frame."""
    frames = some_frames(21)
    together = embedder.embed_frames(frames)
    alone = np.concatenate([embedder.embed_frames(frames[i : i + 1]) for i in range(21)])
    assert (together * alone).sum(axis=1).min() > 0.9999
    order = np.random.default_rng(1).permutation(21)
    assert (embedder.embed_frames(frames[order]) * together[order]).sum(axis=1).min() > 0.9999
    assert (together @ together.T - np.eye(21)).max() < 0.999  # or the above would say nothing


def test_nothing_gives_nothing(embedder: Embedder) -> None:
    """No frames and no texts are answered with empty arrays of the right width."""
    assert embedder.embed_frames(some_frames(0)).shape == (0, 16)
    assert embedder.embed_each(some_frames(0)) == []
    assert embedder.embed_texts([]).shape == (0, 16)


def test_frames_may_be_read_only_views(embedder: Embedder) -> None:
    """Decoded frames may lie in shared memory, or be every other one of an array."""
    frames = some_frames(6)
    frames.flags.writeable = False
    assert np.array_equal(embedder.embed_frames(frames[::2]), embedder.embed_frames(frames[::2].copy()))


def test_frames_of_another_size_are_a_mistake_of_the_caller(embedder: Embedder) -> None:
    """They are not silently resized."""
    with pytest.raises(ValueError, match="uint8"):
        embedder.embed_frames(some_frames(2, side_px=64))
    with pytest.raises(ValueError, match="float32"):
        embedder.embed_frames(some_frames(2).astype(np.float32))


def test_the_identity_names_model_and_weights(embedder: Embedder, tiny_model: Path, tmp_path: Path) -> None:
    """Two models of the same architecture are told apart by their weights."""
    other = load(f"local-dir:{make_tiny_model(tmp_path, seed=1)}")
    assert embedder.name == f"local-dir:{tiny_model}"
    assert embedder.model_id.startswith(f"{embedder.name}@")
    assert embedder.model_id.rpartition("@")[2] != other.model_id.rpartition("@")[2]


@pytest.mark.skipif(not multiplies_bfloat16(), reason="this processor has no bfloat16 products: auto is float32")
def test_half_precision_is_chosen_and_stays_close_to_float32(tiny_model: Path) -> None:
    """Where the processor multiplies bfloat16, it is used, and costs less than a thousandth of the cosine."""
    quick = load(f"local-dir:{tiny_model}")
    assert isinstance(quick, OpenClipEmbedder)
    assert quick.setup.dtype == torch.bfloat16
    exact = load(f"local-dir:{tiny_model}", precision="float32")
    frames = some_frames(64)
    assert (quick.embed_frames(frames) * exact.embed_frames(frames)).sum(axis=1).min() >= 0.999
    texts = ["a dog", "two cats on a sofa"]
    assert (quick.embed_texts(texts) * exact.embed_texts(texts)).sum(axis=1).min() >= 0.999


def test_an_architecture_that_fails_in_half_precision_runs_in_float32(tmp_path: Path) -> None:
    """open_clip's coca models mix precisions and fail in bfloat16: found at loading, not at the first photo."""
    from safetensors.torch import save_file

    tiny: dict[str, Any] = json.loads((make_tiny_model(tmp_path) / "open_clip_config.json").read_text())
    config = tiny["model_cfg"]
    config["vision_cfg"] |= {"attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True}
    config["text_cfg"] |= {"embed_cls": True, "output_tokens": True}
    config["multimodal_cfg"] = config["text_cfg"] | {"attn_pooler_heads": 2}
    config["custom_text"] = True
    (tmp_path / "open_clip_config.json").write_text(json.dumps(tiny))
    model = open_clip.CoCa(**{key: value for key, value in config.items() if key != "custom_text"})
    state = {key: value.clone() for key, value in model.state_dict().items()}
    save_file(state, tmp_path / "open_clip_model.safetensors")

    name = f"local-dir:{tmp_path}"
    with pytest.raises(ModelError, match="cannot run in bfloat16") as caught:
        load(name, precision="bfloat16")
    assert "float32" in caught.value.hint
    loaded = load(name)
    assert isinstance(loaded, OpenClipEmbedder)
    assert loaded.setup.dtype == torch.float32
    assert np.isfinite(loaded.embed_frames(some_frames(2))).all()


def test_a_cached_tag_loads_without_asking_anybody(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tag whose weights are in the hub's cache: no network, the tag's own preprocessing, and its QuickGELU."""
    document = json.loads((tiny_model / "open_clip_config.json").read_text())
    config, preprocess = document["model_cfg"], document["preprocess_cfg"] | {"resize_mode": "squash"}
    entry = Source("someone/tiny", ("open_clip_model.safetensors",), True, preprocess)
    monkeypatch.setattr(vendor, "open_clip_architecture", lambda name: config if name == "tiny" else None)
    monkeypatch.setattr(names, "source_of", lambda name: entry)
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny", config)
    monkeypatch.setattr(hub, "fetch", lambda *_, **__: pytest.fail("asked the hub"))
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("asked the network"))
    cached(tmp_path, "someone/tiny", {entry.files[0]: (tiny_model / entry.files[0]).read_bytes()})
    loaded = load("tiny/tag", cache_dir=tmp_path, precision="float32")
    assert loaded.framing.resize_mode == "squash"
    assert loaded.model_id.startswith("tiny/tag@")
    quick = loaded.embed_frames(some_frames(4))
    other = load(f"local-dir:{tiny_model}", precision="float32").embed_frames(some_frames(4))
    assert 0.9 < (quick * other).sum(axis=1).max() < 0.99999  # the same weights, another activation
    assert loaded.embed_texts(["a dog"]).shape == (1, 16)


def test_words_are_averaged_with_their_prompt(embedder: OpenClipEmbedder) -> None:
    """The vector of a text lies between that of the bare words and that of a photo of them."""
    vector = embedder.embed_texts(["waterfalls"])[0]
    bare, prompted = embedder._texts.vectors(["waterfalls", "a photo of waterfalls"])
    middle = (bare + prompted) / np.linalg.norm(bare + prompted)
    assert vector @ middle > 0.9999
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-6


def test_text_i_gives_vector_i(embedder: Embedder) -> None:
    """Many texts in one call give what each gives alone."""
    texts = [f"number {i}" for i in range(70)]
    together = embedder.embed_texts(texts)
    for i in (0, 63, 64, 69):
        assert together[i] @ embedder.embed_texts([texts[i]])[0] > 0.9999


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_a_text_without_words_is_refused(text: str, embedder: Embedder) -> None:
    """It would be answered with whatever lies near the empty caption."""
    with pytest.raises(UsageError):
        embedder.embed_texts(["fine", text])


def test_a_text_that_is_cut_is_told(embedder: Embedder, caplog: pytest.LogCaptureFixture) -> None:
    """The model reads 16 tokens here: what comes after them is dropped, and said to be."""
    with caplog.at_level(logging.WARNING, logger="vecclust"):
        embedder.embed_texts(["a short text"])
        assert not caplog.records
        embedder.embed_texts(
            ["one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"]
        )
    assert "only the beginning" in caplog.text


def test_damaged_weights_are_our_error(tiny_model: Path, tmp_path: Path) -> None:
    """A truncated file, one of another architecture, one that is no safetensors: named, never a traceback."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    weights = folder / "open_clip_model.safetensors"
    whole = weights.read_bytes()
    other = (make_tiny_model(tmp_path / "other", dim=24) / weights.name).read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"not weights at all" * 100, other):
        weights.write_bytes(content)
        with pytest.raises(ModelError, match=r"cannot be loaded from .*open_clip_model\.safetensors") as caught:
            load(f"local-dir:{folder}")
        assert len(str(caught.value)) < 1000


def test_missing_layers_are_not_left_random(tiny_model: Path, tmp_path: Path) -> None:
    """Weights that lack a layer are refused, not completed with noise."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    state = load_file(folder / "open_clip_model.safetensors")
    del state["visual.transformer.resblocks.1.mlp.c_fc.weight"]
    save_file(state, folder / "open_clip_model.safetensors")
    with pytest.raises(ModelError, match="Missing key"):
        load(f"local-dir:{folder}")


def test_weights_beside_nothing_are_not_replaced_by_random_ones(tiny_model: Path, tmp_path: Path) -> None:
    """Without its weights a model does not load at all."""
    shutil.copy(tiny_model / "open_clip_config.json", tmp_path)
    with pytest.raises(ModelUnavailable, match="random"):
        load(f"local-dir:{tmp_path}")


def test_open_clip_itself_is_told_to_refuse_random_weights(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the files be found and open_clip not take them, it must not go on without."""
    monkeypatch.setattr(loading, "_source", lambda weights: {"model_name": "RN50"})
    with pytest.raises(ModelError, match="could not be loaded"):
        load(f"local-dir:{tiny_model}")


def test_a_model_that_needs_more_packages_says_which(tiny_model: Path, tmp_path: Path) -> None:
    """A tokenizer of the package transformers, where that is not installed: photos go, words say what is missing."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "someone/tokenizer"
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    loaded = load(f"local-dir:{folder}")
    assert loaded.embed_frames(some_frames(1)).shape == (1, 16)
    with pytest.raises(ModelError, match=r"transformers|tokenizer"):
        loaded.embed_texts(["a dog"])


def test_a_device_that_is_not_there_is_our_error(tiny_model: Path) -> None:
    """Asking for a GPU on a computer without one names what there is."""
    if torch.cuda.is_available():
        pytest.skip("this computer has a GPU")
    with pytest.raises(ModelError, match="cuda") as caught:
        load(f"local-dir:{tiny_model}", device="cuda")
    assert "cpu" in caught.value.hint


def test_loading_leaves_stdout_and_the_root_logger_alone(tiny_model: Path) -> None:
    """Answers go to stdout: nothing of a vendor may. open_clip would also give the program a handler of its own."""
    program = (
        "import logging, numpy as np; from vecclust.embeddings import load;"
        f"e = load('local-dir:{tiny_model}');"
        "e.embed_frames(np.zeros((3, 32, 32, 3), np.uint8)); e.embed_texts(['a dog']);"
        "assert logging.getLogger().handlers == [], logging.getLogger().handlers"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_weight_is_drawn_that_is_read_next() -> None:
    """Drawing those of a ViT-B takes longer than reading them; torch's random numbers stay where they were."""
    before = torch.get_rng_state()
    load("bundled")
    assert torch.equal(torch.get_rng_state(), before)
    with NotDrawn():
        for layer in (torch.nn.Linear(4, 4), torch.nn.MultiheadAttention(4, 2), torch.nn.Embedding(4, 4)):
            for parameter in layer.parameters():
                torch.nn.init.trunc_normal_(parameter)
    assert torch.equal(torch.get_rng_state(), before)
    torch.nn.Linear(4, 4)
    assert not torch.equal(torch.get_rng_state(), before), "drawn as ever outside"
