"""The training of the bundled model: repeatable, resumable, and exported as any open_clip model."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_clip import augment, drawn, model, pictures, reading, training, words
from torch.nn import functional

TOWER = "test_resnet"
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "train_tiny_clip"


@pytest.fixture(scope="module")
def coloured() -> pictures.PictureSet:
    """Give 48 noisy pictures of three classes that differ in colour."""
    rng = np.random.default_rng(0)
    labels = np.arange(48) % 3
    pixels = rng.integers(0, 60, (48, 3, 64, 64), dtype=np.uint8)
    pixels[np.arange(48), labels] += 150
    classes = tuple(pictures.PictureClass(name=name, phrases=(name,)) for name in ("orange", "lemon", "banana"))
    return pictures.PictureSet(pixels=pixels, labels=labels.astype(np.int64), classes=classes)


def recipe(**changes: Any) -> training.Recipe:
    """Give a recipe small enough for a test."""
    small = training.Recipe(tower=TOWER, epochs=1, batch=16, embed_dim=32, text_width=64, sides_px=((0.0, 32),))
    return replace(small, **changes)


def state(trainer: training.Trainer) -> dict[str, torch.Tensor]:
    """Give everything that a run has learned."""
    return {**trainer.average.visual.state_dict(), **trainer.live.state_dict(prefix="live."), "a": trainer.anchors}


def test_a_resumed_run_ends_as_an_uninterrupted_one(coloured: pictures.PictureSet, tmp_path: Path) -> None:
    """Stopped after two of six steps and gone on with, bit for bit the same weights come out."""
    whole = training.Trainer(coloured, recipe=recipe(epochs=2))
    assert [report.step for report in whole.steps()] == [1, 2, 3, 4, 5, 6]
    first = training.Trainer(coloured, recipe=recipe(epochs=2))
    steps = first.steps()
    next(steps), next(steps)
    first.save(tmp_path / "checkpoint.pt")
    second = training.Trainer(coloured, recipe=recipe(epochs=2))
    second.load(tmp_path / "checkpoint.pt")
    assert [report.step for report in second.steps()] == [3, 4, 5, 6]
    assert all(torch.equal(value, state(second)[name]) for name, value in state(whole).items())


def test_another_seed_gives_other_weights(coloured: pictures.PictureSet) -> None:
    """The seed is not decoration."""
    one, other = (training.Trainer(coloured, recipe=recipe(seed=seed)) for seed in (1, 2))
    list(one.steps()), list(other.steps())
    assert not torch.equal(one.anchors, other.anchors)


def test_a_checkpoint_of_another_run_is_refused(coloured: pictures.PictureSet, tmp_path: Path) -> None:
    """Going on with another seed would be a run that nobody can repeat."""
    training.Trainer(coloured, recipe=recipe()).save(tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="seed = 0"):
        training.Trainer(coloured, recipe=recipe(seed=5)).load(tmp_path / "checkpoint.pt")


def test_a_run_can_begin_at_the_weights_of_another(coloured: pictures.PictureSet, tmp_path: Path) -> None:
    """It has their weights but a length, a seed and a rate of its own; another architecture is refused."""
    first = training.Trainer(coloured, recipe=recipe())
    list(first.steps())
    first.save(tmp_path / "checkpoint.pt")
    second = training.Trainer(coloured, recipe=recipe(seed=5))
    second.begin_at(tmp_path / "checkpoint.pt")
    assert (second.step_count, second.progress(), len(second.optimiser.state)) == (0, 0.0, 0)
    assert all(torch.equal(value, state(first)[name]) for name, value in state(second).items())
    with pytest.raises(ValueError, match="embed_dim"):
        training.Trainer(coloured, recipe=recipe(embed_dim=48)).begin_at(tmp_path / "checkpoint.pt")


def test_a_run_can_begin_at_an_export(coloured: pictures.PictureSet, tmp_path: Path) -> None:
    """What ships is enough to go on from: its image tower exactly, its anchors as its texts say them."""
    first = training.Trainer(coloured, recipe=recipe())
    list(first.steps())
    targets = functional.normalize(first.anchors.detach(), dim=-1)
    phrases = [c.phrases for c in first.classes] + [(kind,) for kind in words.read_kinds()]
    reading.teach(first.average, targets=targets, phrases=phrases, seed=0, n_steps=60)
    model.export(first.average, tmp_path / "export", config=first.config)
    second = training.Trainer(coloured, recipe=recipe(seed=5))
    second.begin_at(tmp_path / "export")
    halves = {name: value.half().to(value.dtype) for name, value in first.average.visual.state_dict().items()}
    assert all(torch.equal(value, halves[name]) for name, value in second.live.state_dict().items())
    said = functional.normalize(second.anchors.detach(), dim=-1)
    assert torch.equal((said @ targets.T).argmax(dim=1), torch.arange(len(targets)))
    with pytest.raises(ValueError, match="another architecture"):
        training.Trainer(coloured, recipe=recipe(embed_dim=48)).begin_at(tmp_path / "export")


def test_towers_are_blended_by_share() -> None:
    """Weights and batch statistics alike; counters stay."""
    one, other = torch.nn.BatchNorm2d(2), torch.nn.BatchNorm2d(2)
    with torch.no_grad():
        other.weight.fill_(3.0)
    other.running_mean = torch.full((2,), 2.0)
    model.blend(one, other, share=0.25)
    assert one.weight.tolist() == [1.5, 1.5]
    assert one.state_dict()["running_mean"].tolist() == [0.5, 0.5]


def test_a_checkpoint_appears_whole(coloured: pictures.PictureSet, tmp_path: Path) -> None:
    """Saving leaves one file, no half-written one beside it, and replaces what was there."""
    (tmp_path / "checkpoint.pt").write_bytes(b"old")
    training.Trainer(coloured, recipe=recipe()).save(tmp_path / "checkpoint.pt")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step_count"] == 0


def test_gradients_lie_in_memory_as_their_weights_do(coloured: pictures.PictureSet) -> None:
    """The fused optimiser reads both as flat memory; another order of channels would be a wrong gradient."""
    trainer = training.Trainer(coloured, recipe=recipe())
    next(trainer.steps())
    assert any(param.stride() != param.contiguous().stride() for param in trainer.live.parameters())
    assert all(param.grad is not None and param.grad.stride() == param.stride() for param in trainer.live.parameters())


def test_twins_share_weights_and_keep_their_own_statistics(coloured: pictures.PictureSet) -> None:
    """Two workers learn one tower; each has seen its own half of the batch."""
    trainer = training.Trainer(coloured, recipe=recipe())
    next(trainer.steps())
    one, two = trainer.twins
    assert all(a is b for a, b in zip(one.parameters(), two.parameters(), strict=True))
    means = [(a, b) for (n, a), (_, b) in zip(one.named_buffers(), two.named_buffers(), strict=True) if "mean" in n]
    assert means
    assert not any(torch.equal(a, b) for a, b in means)


def test_it_learns_what_it_is_shown(coloured: pictures.PictureSet) -> None:
    """Three colours are told apart after a few dozen steps."""
    trainer = training.Trainer(coloured, recipe=recipe(epochs=12, colour_strength=0.0, grey_share=0.0))
    reports = list(trainer.steps())
    assert np.mean([report.train_top1 for report in reports[-6:]]) > 0.9
    assert reports[-1].loss < reports[0].loss / 2


def test_the_export_is_an_ordinary_open_clip_model(coloured: pictures.PictureSet, tmp_path: Path) -> None:
    """open_clip alone loads it, with our preprocessing, and gives the vectors of the running average."""
    import open_clip

    trainer = training.Trainer(coloured, recipe=recipe(epochs=4, image_px=48))
    list(trainer.steps())
    model.export(trainer.average, tmp_path, config=trainer.config)
    loaded, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tmp_path}")
    frame = Image.fromarray(coloured.pixels[0].transpose(1, 2, 0))
    with torch.inference_mode():
        theirs = loaded.eval().encode_image(preprocess(frame)[None], normalize=True)
        side = pictures.square(frame, side_px=48)
        ours = trainer.average.encode_image(model.normalise(torch.from_numpy(side)[None] / 255.0), normalize=True)
    assert preprocess(frame).shape == (3, 48, 48)
    assert float((theirs * ours).sum()) > 0.999
    weights = (tmp_path / model.WEIGHTS_FILE).stat().st_size
    assert weights < 1.05 * 2 * sum(value.numel() for value in trainer.average.state_dict().values())


def test_short_texts_are_encoded_as_open_clip_does() -> None:
    """Leaving out the empty columns changes no vector."""
    torch.manual_seed(0)
    network = model.build(model.model_config(tower=TOWER, image_px=32, embed_dim=32, text_width=64)).eval()
    tokens = reading.tokenise(["dog", "a photo of a german shepherd.", "a"])
    with torch.inference_mode():
        torch.testing.assert_close(
            model.encode_short_text(network, tokens), network.encode_text(tokens, normalize=True), rtol=0, atol=1e-5
        )


def test_the_text_tower_learns_to_say_the_targets() -> None:
    """After teaching, every word is nearest to its own target, in templates too; the image tower is as it was."""
    torch.manual_seed(0)
    network = model.build(model.model_config(tower=TOWER, image_px=32, embed_dim=32, text_width=64)).eval()
    before = {name: value.clone() for name, value in network.visual.state_dict().items()}
    names = ("dog", "house", "red car", "snow", "birthday cake")
    targets = torch.nn.functional.normalize(torch.randn(5, 32), dim=-1)
    reading.teach(network, targets=targets, phrases=[(name,) for name in names], seed=0, n_steps=60)
    classes = [pictures.PictureClass(name=name, phrases=(name,)) for name in names]
    said = reading.class_vectors(network, classes)
    assert (said @ targets.numpy().T).argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert all(torch.equal(value, before[name]) for name, value in network.visual.state_dict().items())


def test_a_length_is_given_once() -> None:
    """Epochs and minutes together, or neither, is a mistake."""
    with pytest.raises(ValueError, match="either"):
        training.Recipe()
    with pytest.raises(ValueError, match="either"):
        training.Recipe(epochs=1, minutes=1)


def test_the_rate_rises_and_falls() -> None:
    """One cycle: up to the peak at the end of the warm-up, down to a hundredth at the end."""
    one = recipe(peak_rate=1.0, warm_up=0.1)
    rates = [one.rate_at(share) for share in np.linspace(0, 1, 101)]
    assert max(rates) == pytest.approx(1.0)
    assert np.argmax(rates) == 10
    assert rates[-1] == pytest.approx(0.01)
    assert all(a >= b for a, b in pairwise(rates[10:]))


def test_crops_stay_inside_and_the_whole_picture_can_be_kept() -> None:
    """With the smallest area 1 a square picture is only mirrored or slightly stretched, never cut from outside."""
    pixels = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    cropped = augment.random_crops(pixels, side_px=64, min_area=1.0, generator=torch.Generator().manual_seed(2))
    assert cropped.shape == pixels.shape
    assert float(cropped.min()) >= 0
    assert float(cropped.max()) <= 1
    assert abs(float(cropped.mean() - pixels.mean())) < 0.01


def test_no_colour_change_is_the_identity() -> None:
    """Strength 0 and no grey pictures leave every pixel as it is."""
    pixels = torch.rand(4, 3, 8, 8)
    same = augment.random_colours(pixels, strength=0.0, grey_share=0.0, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(same, pixels)


def test_a_folder_is_divided_the_same_way_every_time(tmp_path: Path) -> None:
    """Which pictures are kept for validation depends on their names alone; underscores are read as spaces."""
    for name in ("red_car", "dog"):
        (tmp_path / name).mkdir()
        for number in range(40):
            Image.new("RGB", (20, 16), (number, 0, 0)).save(tmp_path / name / f"{number}.png")
    one, two = (pictures.read_folder(tmp_path, side_px=8) for _ in range(2))
    assert [c.name for c in one.train.classes] == ["dog", "red car"]
    assert len(one.train) + len(one.val) == 80
    assert 0 < len(one.val) < 20
    assert np.array_equal(one.val.pixels, two.val.pixels)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """Without a picture there is nothing to learn, and the message says what was expected."""
    with pytest.raises(ValueError, match="one sub-folder per class"):
        pictures.read_folder(tmp_path, side_px=8)


def test_drawn_pictures_come_from_the_cache_the_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache gives what was drawn, and a changed wish draws anew."""
    wish = {"per_kind": 1, "val_per_kind": 1, "side_px": 16, "seed": 3}
    first = drawn.cached_scenes(tmp_path / "s.npz", **wish)
    with monkeypatch.context() as patched:
        patched.setattr(drawn, "draw_scenes", lambda **_: pytest.fail("drawn although it was cached"))
        second = drawn.cached_scenes(tmp_path / "s.npz", **wish)
    assert np.array_equal(first.train.pixels, second.train.pixels)
    other = drawn.cached_scenes(tmp_path / "s.npz", **{**wish, "seed": 4})
    assert not np.array_equal(first.train.pixels, other.train.pixels)


def test_every_class_has_at_most_one_kind() -> None:
    """A class in two kinds would be told two contradicting things."""
    kinds = words.read_kinds()
    members = [member for of_kind in kinds.values() for member in of_kind]
    assert len(members) == len(set(members))
    assert words.kind_of_each(["tabby", "no such class"], kinds=kinds) == [list(kinds).index("cat"), -1]


@pytest.mark.slow
def test_the_script_trains_stops_and_goes_on(tmp_path: Path) -> None:
    """From a folder of pictures to an exported model; a second call finds the run finished and only exports."""
    rng = np.random.default_rng(0)
    for name in ("orange", "lemon"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(30):
            noise = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / "data" / name / f"{number}.png")
    work = tmp_path / "work"
    line = [sys.executable, str(SCRIPT), str(tmp_path / "data"), "--work", str(work), "--epochs", "1"]
    line += ["--tower", TOWER, "--scenes", "1", "--batch", "16", "--text-steps", "40"]
    for _ in range(2):
        done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=300)
        assert json.loads(done.stdout.splitlines()[-1])["step"] > 0
    assert (work / "export" / model.WEIGHTS_FILE).exists()
    assert (work / "losses.csv").read_text().startswith("step,progress")
