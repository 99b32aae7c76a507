"""Finding weights on this computer."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from vecclust.embeddings import ModelName, find_weights, usable_models
from vecclust.embeddings.weights import CONFIG_FILE
from vecclust.errors import ModelError, ModelUnavailable

DEFAULT = "ViT-B-32-256/datacomp_s34b_b86k"
REPOSITORY = "laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K"


def cached(cache: Path, repository: str, files: dict[str, bytes]) -> None:
    """Lay files into a hub cache as huggingface_hub does: blobs by hash, a snapshot of links, a ref."""
    folder = cache / f"models--{repository.replace('/', '--')}"
    commit = "1" * 40
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    (folder / "blobs").mkdir()
    (folder / "snapshots" / commit).mkdir(parents=True)
    for name, content in files.items():
        blob = folder / "blobs" / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        (folder / "snapshots" / commit / name).symlink_to(blob)


def test_a_folder_gives_its_weights_and_width(tiny_model: Path) -> None:
    """A local model is found without a network, with what its configuration says."""
    found = find_weights(ModelName.parse(f"local-dir:{tiny_model}"))
    assert found is not None
    assert (found.file.name, found.dim) == ("open_clip_model.safetensors", 16)


def test_the_identity_follows_weights_and_configuration(tiny_model: Path, tmp_path: Path) -> None:
    """Other weights or another preprocessing give other vectors, so they give another identity."""
    name = f"local-dir:{tmp_path / 'copy'}"

    def identity() -> str:
        found = find_weights(ModelName.parse(name))
        assert found is not None
        return found.model_id()

    shutil.copytree(tiny_model, tmp_path / "copy")
    first = identity()
    assert first.startswith(f"{name}@")
    assert first == identity()

    config = tmp_path / "copy" / CONFIG_FILE
    config.write_text(config.read_text().replace('"shortest"', '"squash"'))
    second = identity()
    weights = tmp_path / "copy" / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert len({first, second, identity()}) == 3


def test_an_empty_folder_says_what_belongs_there(tmp_path: Path) -> None:
    """A folder that is no model, and one that is not there, are refused with what is missing."""
    with pytest.raises(ModelUnavailable, match=f"holds no {CONFIG_FILE}"):
        find_weights(ModelName.parse(f"local-dir:{tmp_path}"))
    with pytest.raises(ModelUnavailable, match="there is no folder"):
        find_weights(ModelName.parse(f"local-dir:{tmp_path / 'nowhere'}"))


def test_a_folder_without_weights_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    """open_clip would go on with random weights; vecclust does not."""
    shutil.copy(tiny_model / CONFIG_FILE, tmp_path)
    with pytest.raises(ModelUnavailable, match="holds no weights"):
        find_weights(ModelName.parse(f"local-dir:{tmp_path}"))


def test_weights_that_could_be_either_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    """Two files of unusual names: which one open_clip takes must not be a matter of spelling."""
    shutil.copy(tiny_model / CONFIG_FILE, tmp_path)
    for name in ("epoch_1.safetensors", "epoch_2.safetensors"):
        shutil.copy(tiny_model / "open_clip_model.safetensors", tmp_path / name)
    with pytest.raises(ModelUnavailable, match=r"epoch_1\.safetensors, epoch_2\.safetensors"):
        find_weights(ModelName.parse(f"local-dir:{tmp_path}"))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model_cfg": {"embed_dim": 3}}', "\0"])
def test_a_broken_configuration_is_refused(text: str, tiny_model: Path, tmp_path: Path) -> None:
    """A configuration that is no JSON, or not open_clip's, is named with its file."""
    shutil.copy(tiny_model / "open_clip_model.safetensors", tmp_path)
    (tmp_path / CONFIG_FILE).write_text(text)
    with pytest.raises(ModelError, match=CONFIG_FILE):
        find_weights(ModelName.parse(f"local-dir:{tmp_path}"))


def test_the_hubs_cache_is_searched_without_a_network(tmp_path: Path) -> None:
    """A tag's weights are found where the hub's client left them; its blobs are named by their hash."""
    assert find_weights(ModelName.parse(DEFAULT), cache_dir=tmp_path) is None
    cached(tmp_path, REPOSITORY, {"open_clip_model.safetensors": b"weights"})
    found = find_weights(ModelName.parse(DEFAULT), cache_dir=tmp_path)
    assert found is not None
    assert found.dim == 512
    assert found.model_id() == f"{DEFAULT}@{hashlib.sha256(b'weights').hexdigest()[:12]}"


def test_usable_models_tell_what_is_here(tiny_model: Path, tmp_path: Path) -> None:
    """Asked, bundled and cached models are listed once each, with width and size, or why they are no use."""
    config = json.dumps({"model_cfg": {"embed_dim": 8, "vision_cfg": {"image_size": [64, 32]}, "text_cfg": {}}})
    cached(tmp_path, REPOSITORY, {"open_clip_pytorch_model.bin": b"12345"})
    cached(tmp_path, "someone/theirs", {"open_clip_config.json": config.encode(), "open_clip_model.safetensors": b"1"})
    cached(tmp_path, "someone/text-only", {"config.json": b"{}"})
    mine = f"local-dir:{tiny_model}"
    infos = usable_models((mine, "ViT-B-16/openai", "nonsense", mine), cache_dir=tmp_path)
    assert [info.name for info in infos] == [
        mine, "ViT-B-16/openai", "nonsense", "bundled", DEFAULT, "hf-hub:someone/theirs",
    ]  # fmt: skip
    by_name = {info.name: info for info in infos}
    assert (by_name[mine].usable, by_name[mine].dim) == (True, 16)
    assert (by_name[DEFAULT].usable, by_name[DEFAULT].size_bytes) == (True, 5)
    assert by_name["hf-hub:someone/theirs"].dim == 8
    assert not by_name["ViT-B-16/openai"].usable
    assert "not on this computer" in by_name["ViT-B-16/openai"].note
    assert not by_name["nonsense"].usable
