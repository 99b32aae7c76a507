"""open_clip's tables, read without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vecclust.embeddings import ModelName, registry, weights
from vecclust.errors import ModelUnavailable

_LIGHT = """
import sys
from vecclust.embed import registry, ModelName
names = registry.pretrained_names()
entry = registry.pretrained(ModelName.parse("ViT-B-32-256/datacomp_s34b_b86k"))
assert "torch" not in sys.modules, "torch"
import safetensors.torch, open_clip
assert sorted(names) == sorted("/".join(pair) for pair in open_clip.list_pretrained()), "names"
assert entry.repository == "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K", entry
assert entry.files == ("open_clip_model.safetensors", "open_clip_pytorch_model.bin"), entry
"""


def test_the_tables_are_open_clips_own_and_need_no_torch() -> None:
    """Names are listed without torch, are those open_clip gives, and the real modules can be imported afterwards."""
    subprocess.run([sys.executable, "-W", "error", "-c", _LIGHT], check=True)


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
        weights.find_weights(ModelName.parse(typed))
    assert caught.value.hint.startswith(f"Did you mean {meant}")
    assert caught.value.exit_code == 5


def test_the_default_and_the_largest_model_are_known() -> None:
    """The configuration's default and the article's choice are names that open_clip has."""
    from vecclust.config import DEFAULT_MODEL

    for text in (DEFAULT_MODEL, "ViT-bigG-14/laion2b_s39b_b160k"):
        name = ModelName.parse(text)
        assert registry.pretrained(name) is not None
        assert registry.architecture(name.architecture) is not None
