"""Captions by a real open_clip CoCa, small and taught in a second to name colours."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from vecclust.embeddings import Captioner, captioning, hub, load, load_captioner
from vecclust.embeddings.captioning import WRITERS
from vecclust.embeddings.coca import MOST_TOKENS, CocaCaptioner, _Beam
from vecclust.embeddings.names import ModelName, source_of
from vecclust.embeddings.tokens import END, sentence
from vecclust.embeddings.vendor import open_clip_architecture
from vecclust.errors import ModelError, ModelUnavailable
from vecclust.testing import TAUGHT_CAPTION, make_tiny_captioner

HUES = {"red": (220, 30, 30), "green": (40, 160, 60), "blue": (40, 70, 220), "yellow": (240, 220, 40)}


@pytest.fixture(scope="module")
def captioner(tiny_captioner: Path) -> CocaCaptioner:
    """Give the tiny model that writes."""
    loaded = load_captioner(f"local-dir:{tiny_captioner}", threads=1)
    assert isinstance(loaded, CocaCaptioner)
    return loaded


def frames_of(colour: str, n: int = 3) -> NDArray[np.uint8]:
    """Draw frames of mostly one colour."""
    rng = np.random.default_rng(n)
    return np.clip(np.array(HUES[colour]) + rng.normal(0, 12, (n, 32, 32, 3)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("colour", sorted(HUES))
def test_a_picture_is_described(captioner: Captioner, colour: str) -> None:
    """In one sentence, which says what the model was taught, and says the same each time."""
    wanted = sentence(TAUGHT_CAPTION.format(colour))
    tokens = captioner.tokens(frames_of(colour))
    assert [captioner.write(one) for one in tokens] == [wanted] * 3
    assert captioner.write(tokens[0]) == wanted


def test_the_mean_of_pictures_is_described(captioner: Captioner) -> None:
    """What most of them show: one of another colour among five changes nothing."""
    tokens = np.concatenate([captioner.tokens(frames_of("green", 5)), captioner.tokens(frames_of("red", 1))])
    assert captioner.write(tokens.mean(axis=0)) == sentence(TAUGHT_CAPTION.format("green"))


def test_a_mean_needs_no_scaling(captioner: Captioner) -> None:
    """The decoder normalises each token before it reads it: twice as long, they say the same."""
    tokens = captioner.tokens(frames_of("blue", 1))[0]
    assert captioner.write(2 * tokens) == captioner.write(tokens)


def test_tokens_of_a_picture_do_not_depend_on_what_is_beside_it(captioner: Captioner) -> None:
    """Alone and among others they are the same."""
    frames = np.concatenate([frames_of("red", 2), frames_of("blue", 2)])
    alone = np.concatenate([captioner.tokens(frames[i : i + 1]) for i in range(4)])
    assert np.allclose(captioner.tokens(frames), alone, atol=1e-5)
    with pytest.raises(ValueError, match="uint8"):
        captioner.tokens(frames.astype(np.float32))


def test_the_search_finds_what_is_likelier_than_the_likeliest_words_one_by_one(tmp_path: Path) -> None:
    """With random weights too: the sentence has the chance that it claims, and ends in time."""
    loaded = load_captioner(f"local-dir:{make_tiny_captioner(tmp_path / 'random', n_steps=0)}", threads=1)
    assert isinstance(loaded, CocaCaptioner)
    image = torch.from_numpy(loaded.tokens(frames_of("red", 1))[0])
    with torch.inference_mode():
        written = loaded._search(image)
        greedy: list[int] = []
        for _ in range(len(written)):
            chances = loaded._chances(image, [_Beam(tuple(greedy), 0.0)])
            chances[:, END] = -torch.inf
            greedy.append(int(chances.argmax()))
    assert 0 < len(written) < MOST_TOKENS
    assert likelihood(loaded, image, written) >= likelihood(loaded, image, greedy) - 1e-3


def likelihood(loaded: CocaCaptioner, image: torch.Tensor, tokens: list[int] | tuple[int, ...]) -> float:
    """Give the logarithm of the chance of some tokens, one after another."""
    total = 0.0
    with torch.inference_mode():
        for place, token in enumerate(tokens):
            total += float(loaded._chances(image, [_Beam(tuple(tokens[:place]), 0.0)])[0, token])
    return total


def test_it_embeds_as_well(tiny_captioner: Path) -> None:
    """A library's own model may be the one that writes."""
    embedder = load(f"local-dir:{tiny_captioner}", threads=1)
    vectors = embedder.embed_frames(frames_of("red"))
    assert vectors.shape == (3, 32)
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
    assert embedder.embed_texts(["red"]).shape == (1, 32)
    assert embedder.model_id == load_captioner(f"local-dir:{tiny_captioner}", threads=1).model_id


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a dog on the beach . ", "A dog on the beach."),
        ("a man 's hat , and a dog", "A man's hat, and a dog."),
        ("  who is it ? ", "Who is it?"),
        ("", ""),
        (" . , ", ""),
    ],
)
def test_a_sentence_is_written_as_people_do(text: str, written: str) -> None:
    """Tokens spell it in small letters, with a blank before each sign."""
    assert sentence(text) == written


def test_a_model_without_a_decoder_says_so_and_what_to_do(tiny_model: Path) -> None:
    """A folder's by its configuration, the bundled one's too; neither imports torch for it."""
    for name in (f"local-dir:{tiny_model}", "bundled"):
        with pytest.raises(ModelError, match="has no decoder") as caught:
            load_captioner(name)
        assert "names.captioner" in caught.value.hint
    program = "import sys; from vecclust.embeddings import load_captioner\ntry: load_captioner('bundled')\n"
    program += "except Exception as error: print(type(error).__name__, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ModelError", "False"]


def test_an_architecture_that_cannot_write_is_not_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is known to have no decoder before a byte of it is here."""

    def never(*given: object, **named: object) -> None:
        raise AssertionError("it was fetched")

    monkeypatch.setattr(hub, "fetch", never)
    with pytest.raises(ModelError, match="has no decoder"):
        load_captioner("ViT-B-32/laion2b_s34b_b79k", cache_dir=tmp_path)


def test_weights_that_are_not_here_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With what else could be named, and not with a model that cannot write."""
    monkeypatch.setattr(hub, "is_reachable", lambda endpoint: False)
    with pytest.raises(ModelUnavailable, match="no caption can be written: the weights of coca_") as caught:
        load_captioner(WRITERS[0], cache_dir=tmp_path)
    assert "local-dir:PATH" in caught.value.hint
    assert "bundled" not in caught.value.hint


def test_the_models_that_are_recommended_are_open_clips_and_can_write() -> None:
    """By its own tables."""
    for name in map(ModelName.parse, WRITERS):
        assert source_of(name).repository
        captioning._require_decoder(name, open_clip_architecture(name.architecture))


def test_a_decoder_of_other_tokens_is_refused(tiny_captioner: Path, tmp_path: Path) -> None:
    """Its numbers would be spelt as other words."""
    folder = shutil.copytree(tiny_captioner, tmp_path / "other")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "roberta-base"
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="tokens are not CLIP's own"):
        load_captioner(f"local-dir:{folder}")


def test_weights_that_give_nothing_finite_are_refused(tiny_captioner: Path, tmp_path: Path) -> None:
    """No sentence is made up of them."""
    folder = shutil.copytree(tiny_captioner, tmp_path / "broken")
    state = load_file(folder / "open_clip_model.safetensors")
    state["text_decoder.text_projection"] = torch.full_like(state["text_decoder.text_projection"], torch.nan)
    save_file(state, folder / "open_clip_model.safetensors")
    loaded = load_captioner(f"local-dir:{folder}", threads=1)
    with pytest.raises(ModelError, match="nothing finite"):
        loaded.write(loaded.tokens(frames_of("red", 1))[0])


def test_weights_of_another_architecture_are_refused(tiny_captioner: Path, tmp_path: Path) -> None:
    """As for any model."""
    folder = shutil.copytree(tiny_captioner, tmp_path / "short")
    state = load_file(folder / "open_clip_model.safetensors")
    del state["text_decoder.text_projection"]
    save_file(state, folder / "open_clip_model.safetensors")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_captioner(f"local-dir:{folder}")
