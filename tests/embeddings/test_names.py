"""How models are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecclust.embeddings import BUNDLED_FOLDER, ModelName, find_weights
from vecclust.embeddings.names import source_of
from vecclust.embeddings.vendor import open_clip_architecture
from vecclust.errors import ModelUnavailable


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ViT-B-32-256/datacomp_s34b_b86k", "pretrained"),
        ("hf-hub:timm/ViT-SO400M-14-SigLIP-384", "hub"),
        ("local-dir:/models/mine", "folder"),
        ("bundled", "bundled"),
    ],
)
def test_each_spelling_is_read_and_written_back(text: str, kind: str) -> None:
    """The four spellings are told apart, and the canonical text is what was given."""
    name = ModelName.parse(f"  {text} ")
    assert (name.kind, name.text, str(name)) == (kind, text, text)


@given(st.text(min_size=1).filter(lambda text: not text.isspace()))
def test_what_parses_is_read_back_the_same(text: str) -> None:
    """The canonical spelling of a name is a name, and the same one."""
    try:
        name = ModelName.parse(text)
    except ModelUnavailable:
        return
    assert ModelName.parse(name.text) == name


def test_a_tag_has_an_architecture_and_no_folder() -> None:
    """The parts of `architecture/pretrained` are at hand."""
    name = ModelName.parse("ViT-B-32/openai")
    assert (name.architecture, name.tag, name.folder) == ("ViT-B-32", "openai", None)


def test_a_relative_folder_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library remembers its model's name, so the name must not depend on where one stands."""
    monkeypatch.chdir(tmp_path)
    assert ModelName.parse("local-dir:mine").folder == tmp_path / "mine"


def test_the_bundled_model_lies_in_the_package() -> None:
    """`bundled` names a folder of the package, not of the user."""
    assert ModelName.parse("bundled").folder == BUNDLED_FOLDER


@pytest.mark.parametrize("text", ["", "ViT-B-32/", "/openai", "a/b/c", "hf-hub:", "hf-hub:timm", "local-dir:"])
def test_what_names_no_model_says_how_models_are_named(text: str) -> None:
    """A text that fits no spelling is refused with the spellings that there are."""
    with pytest.raises(ModelUnavailable, match="local-dir:PATH"):
        ModelName.parse(text)


def test_an_architecture_alone_lists_its_tags() -> None:
    """Leaving the tag out is the likeliest slip; the answer is the tags of that architecture."""
    with pytest.raises(ModelUnavailable, match="Did you mean ViT-B-32-256/datacomp_s34b_b86k"):
        ModelName.parse("vit-b-32-256")


def test_a_folder_without_its_prefix_is_recognised(tmp_path: Path) -> None:
    """A plain path that exists gets the prefix suggested."""
    with pytest.raises(ModelUnavailable, match=f"local-dir:{tmp_path}"):
        ModelName.parse(str(tmp_path))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ViT-B-32-256/datacomp_s34b_b86", "ViT-B-32-256/datacomp_s34b_b86k"),
        ("vit-bigg-14/laion2b_s39b_b160k", "ViT-bigG-14/laion2b_s39b_b160k"),
        ("ViTB32/openai", "ViT-B-32/openai"),
    ],
)
def test_a_typo_names_the_nearest_model(typed: str, meant: str) -> None:
    """An unknown tag is refused, and the hint begins with what was likely meant."""
    with pytest.raises(ModelUnavailable) as caught:
        find_weights(ModelName.parse(typed))
    assert caught.value.hint.startswith(f"Did you mean {meant}")
    assert caught.value.exit_code == 5


def test_the_default_and_the_largest_model_are_known() -> None:
    """The configuration's default and the article's choice are names that open_clip has."""
    from vecclust.config import DEFAULT_MODEL

    for text in (DEFAULT_MODEL, "ViT-bigG-14/laion2b_s39b_b160k"):
        name = ModelName.parse(text)
        assert source_of(name).repository
        assert open_clip_architecture(name.architecture) is not None
