"""The training loop: schedule, step, running average of the weights, checkpoints that allow stopping at any moment.

Knows how the small model learns. Refuses to know where pictures come from and what is printed.
Invariants: with `epochs`, the same seed gives the same weights, whether or not the run was interrupted;
a checkpoint appears whole or not at all; the exported weights are the running average.
"""

from __future__ import annotations

import copy
import csv
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tiny_clip import augment, model, reading, words
from tiny_clip.pictures import PictureSet

LOG_FIELDS = ("step", "progress", "seconds", "side_px", "rate", "loss", "class_loss", "kind_loss", "train_top1")

FIRST_SCALE = 14.0
"""Logits per unit of cosine at the start; CLIP begins at 1 / 0.07."""

AVERAGE_EVERY = 4
"""Steps between two updates of the running average: each reads and writes all weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides how the weights come out, besides the pictures.

    Attributes:
        tower: timm name of the image tower.
        epochs: length of the run in passes over the pictures; None when `minutes` decides.
        minutes: length of the run in minutes of wall time, for machines shared with others; None when `epochs` decides.
        seed: source of all randomness.
        batch: pictures in a step.
        peak_rate: highest learning rate, reached after `warm_up` of the run.
        sides_px: (share of the run, side): from that share on, pictures are shown at that side.
        image_px: side that the exported model asks for.
        embed_dim: length of the vectors.
        text_width: width of the text tower; where it is below `embed_dim`, texts reach only that many directions
            (128 of 256: cosine 0.86 to the anchors at best, 1.6 points of zero-shot top-1 lost). At 160 both, the
            weights come to 27 MB, most of them CLIP's table of 49,408 tokens.
        min_area: smallest share of a picture that a crop shows.
        colour_strength: largest relative change of brightness, contrast and saturation.
        grey_share: share of the pictures that lose their colour.
        smoothing: label smoothing of the class targets.
        kind_weight: weight of the wider kinds beside the classes.
        average_decay: share of the running average that survives a step.
        workers: threads, each with a core and a part of the batch.
        compiled: whether the image tower is compiled first.
    """

    tower: str = "regnetx_004"
    epochs: float | None = None
    minutes: float | None = None
    seed: int = 0
    batch: int = 256
    peak_rate: float = 1.2e-3
    warm_up: float = 0.05
    weight_decay: float = 0.05
    # Small pictures first: at 48 px a core sees 1.4 times as many as at 64. Not smaller: at 32 px the last stages look
    # at one point (loss 4.53 after 250,000 pictures, 4.28 within 100 steps of going to 48 and to a lower rate).
    sides_px: tuple[tuple[float, int], ...] = ((0.0, 48), (0.5, 64))
    image_px: int = 64
    embed_dim: int = 160
    text_width: int = 160
    min_area: float = 0.4
    colour_strength: float = 0.2
    grey_share: float = 0.05
    smoothing: float = 0.1
    kind_weight: float = 0.3
    average_decay: float = 0.998
    # Two threads of one core each meet once per step; two-threaded operations meet hundreds of times, and come to a
    # standstill where other programs share the cores (measured: no step at all in a minute beside one busy process).
    workers: int = 2
    compiled: bool = False

    def __post_init__(self) -> None:
        """Refuse a recipe without exactly one measure of length."""
        if (self.epochs is None) == (self.minutes is None):
            raise ValueError("give either epochs or minutes")

    def rate_at(self, progress: float) -> float:
        """Return the learning rate at a share of the run in [0, 1]: linear up, then half a cosine down to 1 %."""
        if progress < self.warm_up:
            return self.peak_rate * max(progress / self.warm_up, 0.01)
        fall = min(1.0, (progress - self.warm_up) / (1 - self.warm_up))
        return self.peak_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * fall)))

    def side_at(self, progress: float) -> int:
        """Return the side in pixels at a share of the run."""
        return [side for share, side in self.sides_px if progress >= share][-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What one step did."""

    step: int
    progress: float
    seconds: float
    side_px: int
    rate: float
    loss: float
    class_loss: float
    kind_loss: float
    train_top1: float


class Trainer:
    """One training run of the image tower over one picture set.

    The tower learns against one free unit vector ("anchor") per class and per wider kind; the text tower learns
    afterwards to say these vectors (`reading.teach`). Learning both at once let all class texts fall together in the
    first ten steps (cosine 0.99 between any two, loss stuck at ln 200 for 90 steps at two learning rates), and would
    put the texts' cost into every step.
    """

    def __init__(self, pictures: PictureSet, *, recipe: Recipe, device: str = "cpu") -> None:
        """Build model, running average and optimiser from the recipe's seed.

        Args:
            pictures: what to learn from.
            recipe: how.
            device: `cpu` or `cuda`.
        """
        torch.manual_seed(recipe.seed)
        torch.set_flush_denormal(True)
        self.recipe, self.device, self.classes = recipe, device, pictures.classes
        self.config = model.model_config(
            tower=recipe.tower, image_px=recipe.image_px, embed_dim=recipe.embed_dim, text_width=recipe.text_width
        )
        self.average = model.build(self.config).to(device, memory_format=torch.channels_last).eval()
        self.average.requires_grad_(False)
        self.live = copy.deepcopy(self.average.visual).requires_grad_(True).train()
        kinds = words.read_kinds()
        names = [picture_class.name for picture_class in pictures.classes]
        self._kind_of_class = torch.tensor(words.kind_of_each(names, kinds=kinds), device=device)
        n_anchors = len(names) + len(kinds)
        self.anchors = torch.nn.Parameter(torch.randn(n_anchors, recipe.embed_dim, device=device) * 0.1)
        self.log_scale = torch.nn.Parameter(torch.tensor(math.log(FIRST_SCALE), device=device))
        self._params = [*self.live.parameters(), self.anchors, self.log_scale]
        self.optimiser = torch.optim.AdamW(_groups(self._params, weight_decay=recipe.weight_decay), fused=True)
        self.twins = [self.live, *(_twin(self.live) for _ in range(recipe.workers - 1))]
        self._see = [torch.compile(twin) if recipe.compiled else twin for twin in self.twins]
        self._pool = ThreadPoolExecutor(recipe.workers)
        self.step_count, self.seconds = 0, 0.0
        self._pixels, self._labels = torch.from_numpy(pictures.pixels), torch.from_numpy(pictures.labels)
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches in one pass; the rest of a pass is left to the next shuffle."""
        return max(1, len(self._labels) // self.recipe.batch)

    def progress(self) -> float:
        """Return the share of the run that is done, in [0, 1]."""
        if self.recipe.minutes is not None:
            return min(1.0, self.seconds / (60 * self.recipe.minutes))
        return min(1.0, self.step_count / round(self.steps_per_epoch * (self.recipe.epochs or 0)))

    def steps(self) -> Iterator[StepReport]:
        """Train until the run's end, yielding after every step."""
        while self.progress() < 1.0:
            began = time.monotonic()
            progress = self.progress()
            losses = self._step(progress)
            self.step_count += 1
            self.seconds += time.monotonic() - began
            yield StepReport(
                step=self.step_count,
                progress=progress,
                seconds=self.seconds,
                side_px=self.recipe.side_at(progress),
                rate=self.recipe.rate_at(progress),
                **losses,
            )

    def _next_rows(self) -> Tensor:
        epoch, place = divmod(self.step_count, self.steps_per_epoch)
        if self._order[0] != epoch:
            shuffle = torch.Generator().manual_seed(self.recipe.seed * 100_003 + epoch)
            self._order = (epoch, torch.randperm(len(self._labels), generator=shuffle))
        return self._order[1][place * self.recipe.batch : (place + 1) * self.recipe.batch]

    def _step(self, progress: float) -> dict[str, float]:
        recipe = self.recipe
        parts = self._next_rows().chunk(recipe.workers)
        jobs = [self._pool.submit(self._share, index, rows, progress) for index, rows in enumerate(parts)]
        done = [job.result() for job in jobs]
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.rate_at(progress)
        for place, param in enumerate(self._params):
            # Always added in the same order, so that the sum does not depend on which thread was first; and laid out as
            # the weight is: the fused optimiser walks both as flat memory, and a gradient in another order of the
            # channels is a wrong gradient (14 % top-1 on validation after seven passes).
            mean = torch.stack([grads[place] for grads, _ in done]).mean(dim=0)
            param.grad = torch.empty_like(param, memory_format=torch.preserve_format).copy_(mean)
        torch.nn.utils.clip_grad_norm_(self._params, 5.0)
        self.optimiser.step()
        with torch.no_grad():
            # CLIP's own cap: beyond a factor of 100 the softmax saturates.
            self.log_scale.clamp_(0, math.log(100))
        if self.step_count % AVERAGE_EVERY == 0:
            self._follow()
        return {name: sum(float(losses[name]) for _, losses in done) / len(done) for name in done[0][1]}

    def _share(self, index: int, rows: Tensor, progress: float) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """Return gradients and losses of one worker's part of the batch."""
        recipe = self.recipe
        # A seed per step and worker instead of a running generator: nothing to store, the same after a resume.
        chance = torch.Generator().manual_seed((recipe.seed * 1_000_003 + self.step_count) * 16 + index)
        pixels = self._pixels[rows].float().div_(255)
        pixels = augment.random_crops(
            pixels, side_px=recipe.side_at(progress), min_area=recipe.min_area, generator=chance
        )
        pixels = augment.random_colours(
            pixels, strength=recipe.colour_strength, grey_share=recipe.grey_share, generator=chance
        )
        pixels, labels = model.normalise(pixels).to(self.device), self._labels[rows].to(self.device)
        with model.mixed_precision(self.device):
            seen = self._see[index](pixels)
        losses = self._losses(functional.normalize(seen.float(), dim=-1), labels)
        params = [*self.twins[index].parameters(), self.anchors, self.log_scale]
        return torch.autograd.grad(losses["loss"], params), {k: v.detach() for k, v in losses.items()}

    def _losses(self, seen: Tensor, labels: Tensor) -> dict[str, Tensor]:
        n_classes = len(self.classes)
        # Every class stands in every batch once, so same-class pictures share one positive and are never each
        # other's negatives, which plain CLIP would make of 512 pictures in 200 classes.
        logits = self.log_scale.exp() * seen @ functional.normalize(self.anchors, dim=-1).T
        by_class = functional.cross_entropy(logits[:, :n_classes], labels, label_smoothing=self.recipe.smoothing)
        kinds = self._kind_of_class[labels]
        known = kinds >= 0
        by_kind = functional.cross_entropy(logits[known, n_classes:], kinds[known]) if known.any() else by_class * 0
        return {
            "loss": by_class + self.recipe.kind_weight * by_kind,
            "class_loss": by_class,
            "kind_loss": by_kind,
            "train_top1": (logits[:, :n_classes].argmax(dim=1) == labels).float().mean(),
        }

    @torch.no_grad()
    def _follow(self) -> None:
        step = self.step_count // AVERAGE_EVERY
        decay = min(self.recipe.average_decay**AVERAGE_EVERY, (1 + step) / (10 + step))
        twins = [twin.state_dict() for twin in self.twins]
        for name, mine in self.average.visual.state_dict().items():
            if mine.is_floating_point():
                # Weights are shared by the twins; only the batch statistics differ, and the mean of theirs is meant.
                theirs = twins[0][name] if len(twins) == 1 or "running" not in name else _mean(name, twins)
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(twins[0][name])

    def save(self, path: Path) -> None:
        """Write a checkpoint in one step: a reader, or a resumed run, sees the old one or the new one."""
        state = {
            "recipe": asdict(self.recipe),
            "twins": [twin.state_dict() for twin in self.twins],
            "average": self.average.state_dict(),
            "anchors": self.anchors.detach(),
            "log_scale": self.log_scale.detach(),
            "optimiser": self.optimiser.state_dict(),
            "step_count": self.step_count,
            "seconds": self.seconds,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        torch.save(state, fresh)
        os.replace(fresh, path)

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Args:
            path: as written by `save`.

        Raises:
            ValueError: if the checkpoint belongs to another architecture or seed.
        """
        state = self._load_weights(path, same=("tower", "seed", "embed_dim", "text_width", "workers"))
        self.optimiser.load_state_dict(state["optimiser"])
        self.step_count, self.seconds = state["step_count"], state["seconds"]

    def begin_at(self, path: Path) -> None:
        """Begin a run of its own, with its own length and rates, at the weights of another.

        Args:
            path: a checkpoint as written by `save`, or an export of the model, with the same classes. An export holds
                float16 and no anchors; its text tower, which learnt to say them, gives them back (cosine 0.997).

        Raises:
            ValueError: if it belongs to another architecture.
        """
        if path.is_dir():
            self._begin_at_export(path)
        else:
            self._load_weights(path, same=("tower", "embed_dim", "text_width", "workers"))

    def _begin_at_export(self, folder: Path) -> None:
        network = model.load(folder)
        try:
            self.average.load_state_dict(network.state_dict())
        except RuntimeError as error:
            raise ValueError(f"{folder} holds another architecture than the one asked for: {error}") from error
        for twin in self.twins:
            twin.load_state_dict(self.average.visual.state_dict())
        names = [picture_class.name for picture_class in self.classes]
        with torch.no_grad():
            self.anchors.copy_(reading.name_vectors(network, [*names, *words.read_kinds()]))

    def _load_weights(self, path: Path, *, same: tuple[str, ...]) -> dict[str, Any]:
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        for key in same:
            if state["recipe"][key] != getattr(self.recipe, key):
                raise ValueError(
                    f"{path} was begun with {key} = {state['recipe'][key]}; remove it, or ask for the same"
                )
        for twin, twin_state in zip(self.twins, state["twins"], strict=True):
            twin.load_state_dict(twin_state)
        with torch.no_grad():
            self.anchors.copy_(state["anchors"])
            self.log_scale.copy_(state["log_scale"])
        self.average.load_state_dict(state["average"])
        return state


def _twin(tower: Any) -> Any:
    """Return a copy that shares the tower's weights but keeps batch statistics of its own."""
    twin = copy.deepcopy(tower)
    for mine, theirs in zip(twin.modules(), tower.modules(), strict=True):
        for name, weight in theirs._parameters.items():
            mine._parameters[name] = weight
    return twin


def _mean(name: str, states: list[dict[str, Tensor]]) -> Tensor:
    return torch.stack([state[name] for state in states]).mean(dim=0)


def _groups(params: list[torch.nn.Parameter], *, weight_decay: float) -> list[dict[str, Any]]:
    # Norms, biases and the temperature are not decayed.
    return [
        {"params": [p for p in params if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in params if p.ndim < 2], "weight_decay": 0.0},
    ]


@contextmanager
def loss_log(path: Path) -> Iterator[Callable[[StepReport], None]]:
    """Open the CSV log of the losses for appending; yields the function that writes a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, LOG_FIELDS)
        if fresh:
            writer.writeheader()

        def write(report: StepReport) -> None:
            row = {field: getattr(report, field) for field in LOG_FIELDS}
            writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()})
            handle.flush()

        yield write
