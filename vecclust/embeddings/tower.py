"""The image tower of a model: as open_clip runs it, or its weights arranged for a CPU.

`arrange` knows two kinds of towers, open_clip's plain `VisionTransformer` and convolutional ones with batch norms, and
returns an arrangement only after it gave the same vectors as open_clip's own. So it is safe to read what open_clip and
timm do not document, here alone: the flags and layers of their towers.

Core-milliseconds per photo on one core, batches of 16. ViT-B-32-256 on an EPYC with AVX-512 BF16: open_clip 129 in
float32 and 65.0 in bfloat16; packed weights, the GELU and the residual sums inside the products 59.5; no last block
for tokens that nobody reads 56.4; plain products instead of flash attention for so few tokens 53.7.
Measured 2026-11-30 on an EPYC with AVX2, float32, medians of nine. ViT-B-32 of random weights: open_clip 121.1,
arranged 102.4 (cosine 0.9999999), and 132.0 where its weights are packed. The bundled RegNetX-400MF at 80 px, in
batches of 32 on two cores: open_clip 3.08 (334 images/s), folded and with channels last in memory 2.66 (412).
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from open_clip import transformer
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vecclust.embeddings.preprocessing import Preprocessing
from vecclust.embeddings.vendor import PackedLinear, can_pack_bfloat16, first_line

log = logging.getLogger(__name__)

# From (n, height, width, 3) uint8 frames to (n, dim) features, not normalised.
ImageTower = Callable[[Tensor], Tensor]
# From floats to floats, such as a layer.
_Layer = Callable[[Tensor], Tensor]
# open_clip's modules declare no types of what they hold.
_Module = Any

# Two arrangements of the same weights differ by rounding alone: 0.9999 in bfloat16. A wrong one is far from that.
_SAME_TOWER_COSINE = 0.999
# Flash attention pays from a few hundred tokens on: 65 tokens cost 5.3 ms a photo with it and 2.6 without.
_FLASH_FROM_TOKENS = 192
# Pixels are shifted by this before they meet the first weights: -128..127 are exact in bfloat16, and nearly centred.
_PIXEL_SHIFT = 128


class PlainTower:
    """An image tower as it is, with scaling and shifting of pixels in front.

    Args:
        encode: the tower, from (n, 3, height, width) pixels in `dtype` to features.
        preprocessing: the mean and deviation of its pixels.
        dtype: of its weights.
        device: where they are.
    """

    def __init__(
        self, encode: _Layer, *, preprocessing: Preprocessing, dtype: torch.dtype, device: torch.device | None = None
    ) -> None:
        self.encode = encode
        self.preprocessing = preprocessing
        self.dtype = dtype
        self._mean = torch.tensor(preprocessing.mean, device=device).view(1, 3, 1, 1)
        self._deviation = torch.tensor(preprocessing.deviation, device=device).view(1, 3, 1, 1)

    def __call__(self, frames: Tensor) -> Tensor:
        """Give the features of frames, in the order of torchvision's own operations.

        Args:
            frames: (n, height, width, 3) uint8.

        Returns:
            (n, dim) in the tower's precision, not normalised.
        """
        # A view with the channels last in memory: nothing is moved, and the convolutions keep it like that.
        pixels = frames.permute(0, 3, 1, 2).float().div_(255).sub_(self._mean).div_(self._deviation)
        return self.encode(pixels.to(self.dtype))


def arrange(visual: _Module, plain: PlainTower, *, frames: Tensor, expected: Tensor) -> ImageTower:
    """Arrange a tower's weights for a CPU, and hold what it gives against what open_clip's own gives.

    Args:
        visual: open_clip's tower on the CPU, in evaluation; it stays as it is.
        plain: runs the same.
        frames: (n, height, width, 3) uint8, to compare by.
        expected: (n, dim), the features that `plain` gives of them.

    Returns:
        The arranged tower, or `plain` where there is no arrangement or that would change its vectors.
    """
    wanted: dict[str, Any] = {"preprocessing": plain.preprocessing, "dtype": plain.dtype}
    try:
        tower = arrange_transformer(visual, **wanted) or fold_batch_norms(visual, **wanted)
        if tower is None:
            return plain
        cosines = functional.cosine_similarity(tower(frames).float(), expected.float())
    except (RuntimeError, AttributeError, TypeError) as error:  # what is not public may change
        log.info("the tower is left as open_clip makes it: %s", first_line(error))
        return plain
    log.debug("arranged and plain tower: cosine %.6f", cosines.min())
    return tower if bool((cosines >= _SAME_TOWER_COSINE).all()) else plain


def fold_batch_norms(visual: _Module, *, preprocessing: Preprocessing, dtype: torch.dtype) -> PlainTower | None:
    """Fold a convolutional tower's batch norms into its convolutions, and put channels last in memory.

    Which norm follows which convolution is read off their names.

    Args:
        visual: open_clip's tower on the CPU, in evaluation; it stays as it is.
        preprocessing: of its pixels.
        dtype: of the result; sums are made in float32.

    Returns:
        The folded tower, or None where there is nothing to fold.
    """
    if next(_convolutions(visual), None) is None:
        return None
    folded = copy.deepcopy(visual).float()
    with torch.no_grad():
        for parent, conv, norm in list(_convolutions(folded)):
            batch_norm = getattr(parent, norm)
            setattr(parent, conv, fuse_conv_bn_eval(getattr(parent, conv), batch_norm))
            # timm's batch norm applies the activation too.
            setattr(parent, norm, getattr(batch_norm, "act", nn.Identity()))
        folded = folded.to(dtype=dtype, memory_format=torch.channels_last)
    return PlainTower(folded, preprocessing=preprocessing, dtype=dtype)


def _convolutions(tower: _Module) -> Iterator[tuple[_Module, str, str]]:
    """Yield each module that holds a convolution and the batch norm after it, with the names of the two."""
    for parent in tower.modules():
        children = dict(parent.named_children())
        names = [*children, ""]
        for name, child in children.items():
            # `bn` after `conv`, `bn2` after `conv2`, in a sequence the next one
            in_order = isinstance(parent, nn.Sequential)
            follower = names[names.index(name) + 1] if in_order else name.replace("conv", "bn")
            if type(child) is nn.Conv2d and isinstance(children.get(follower), nn.BatchNorm2d):
                yield parent, name, follower


def arrange_transformer(visual: _Module, *, preprocessing: Preprocessing, dtype: torch.dtype) -> ImageTower | None:
    """Arrange a plain vision transformer (ViT-B-32, the LAION and DataComp models) with fewer passes over memory.

    Args:
        visual: open_clip's tower, weights in float32 or already in `dtype`; it stays as it is.
        preprocessing: what is folded into its first layer.
        dtype: float32 or bfloat16.

    Returns:
        The arranged tower, or None where `visual` is of another kind, or this processor cannot arrange for `dtype`.
    """
    # Packed, float32 costs more than open_clip's own products; bfloat16 less.
    can_arrange = dtype == torch.float32 or (dtype == torch.bfloat16 and can_pack_bfloat16())
    if not can_arrange or not _is_plain(visual):
        return None
    with torch.no_grad():
        return _Transformer(
            patches=_patches(visual, preprocessing, dtype),
            norm_before=_norm(visual.ln_pre, dtype) if isinstance(visual.ln_pre, nn.LayerNorm) else None,
            blocks=[_block(block, dtype) for block in visual.transformer.resblocks],
            n_heads=visual.transformer.resblocks[0].attn.num_heads,
            reads_class_token=visual.pool_type == "tok",
            norm_after=_norm(visual.ln_post, dtype),
            norms_after_pool=bool(visual.final_ln_after_pool),
            projection=None if visual.proj is None else visual.proj.detach().to(dtype),
        )


def _is_plain(visual: _Module) -> bool:
    """Say whether a tower is the arrangement that is written out below, exactly."""
    return (
        type(visual) is transformer.VisionTransformer
        and visual.attn_pool is None
        and visual.pool_type in ("tok", "avg")
        and isinstance(visual.patch_dropout, nn.Identity)
        and isinstance(visual.ln_pre, (nn.LayerNorm, nn.Identity))
        and type(visual.transformer) is transformer.Transformer
        and all(
            type(block) is transformer.ResidualAttentionBlock
            and isinstance(block.ls_1, nn.Identity)
            and isinstance(block.ls_2, nn.Identity)
            for block in visual.transformer.resblocks
        )
    )


@dataclass(frozen=True, slots=True)
class _Linear:
    """A linear layer, run with what follows it."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)

    def gelu(self, x: Tensor) -> Tensor:
        return functional.gelu(self(x))

    def plus(self, x: Tensor, residual: Tensor) -> Tensor:
        return self(x).add_(residual)


@dataclass(frozen=True, slots=True)
class _Block:
    norm_1: _Layer
    qkv: _Layer
    out: _Linear | PackedLinear
    norm_2: _Layer
    widen: _Layer
    narrow: _Linear | PackedLinear


@dataclass(frozen=True, slots=True)
class _Patches:
    """The first layer: patches of uint8 pixels to tokens, the model's mean and deviation folded into its weights."""

    weight: Tensor
    bias: Tensor
    side: tuple[int, int]
    class_token: Tensor
    positions: Tensor

    def __call__(self, frames: Tensor) -> Tensor:
        n, height, width, _ = frames.shape
        high, wide = self.side
        rows, columns = height // high, width // wide
        x = (frames.to(torch.int16) - _PIXEL_SHIFT).to(self.weight.dtype)
        x = x.reshape(n, rows, high, columns, wide * 3).transpose(2, 3).reshape(n, rows * columns, -1)
        x = functional.linear(x, self.weight, self.bias) + self.positions
        return torch.cat([self.class_token.expand(n, 1, -1), x], dim=1)


@dataclass(frozen=True, slots=True)
class _Transformer:
    """A vision transformer arranged for a CPU."""

    patches: _Patches
    norm_before: _Layer | None
    blocks: list[_Block]
    n_heads: int
    reads_class_token: bool
    norm_after: _Layer
    norms_after_pool: bool
    projection: Tensor | None

    def __call__(self, frames: Tensor) -> Tensor:
        x = self.patches(frames)
        if self.norm_before is not None:
            x = self.norm_before(x)
        for block in self.blocks[:-1]:
            x = self._run(block, x, n_read=x.shape[1])
        x = self._run(self.blocks[-1], x, n_read=1 if self.reads_class_token else x.shape[1])
        if not self.norms_after_pool:
            x = self.norm_after(x)
        x = x[:, 0] if self.reads_class_token else x[:, 1:].mean(dim=1)
        if self.norms_after_pool:
            x = self.norm_after(x)
        return x if self.projection is None else x @ self.projection

    def _run(self, block: _Block, x: Tensor, *, n_read: int) -> Tensor:
        """Run one block, for the first `n_read` tokens only; all of them are attended to."""
        attended = self._attend(block.qkv(block.norm_1(x)), n_read)
        x = block.out.plus(attended, x[:, :n_read].contiguous())
        return block.narrow.plus(block.widen(block.norm_2(x)), x)

    def _attend(self, qkv: Tensor, n_read: int) -> Tensor:
        n, n_tokens, three_widths = qkv.shape
        width = three_widths // 3
        apart = qkv.view(n, n_tokens, 3, self.n_heads, width // self.n_heads).permute(2, 0, 3, 1, 4)
        if n_tokens >= _FLASH_FROM_TOKENS:
            queries, keys, values = apart.unbind(0)
            mixed = functional.scaled_dot_product_attention(queries[:, :, :n_read], keys, values)
        else:
            queries, keys, values = apart.reshape(3, n * self.n_heads, n_tokens, -1).unbind(0)
            scores = torch.bmm(queries[:, :n_read], keys.transpose(1, 2)).mul_(1 / math.sqrt(queries.shape[-1]))
            mixed = torch.bmm(scores.softmax(dim=-1), values).view(n, self.n_heads, n_read, -1)
        return mixed.transpose(1, 2).reshape(n, n_read, width)


def _patches(visual: _Module, preprocessing: Preprocessing, dtype: torch.dtype) -> _Patches:
    weight = visual.conv1.weight.detach().float()  # (width, 3, high, wide)
    mean = weight.new_tensor(preprocessing.mean)
    deviation = weight.new_tensor(preprocessing.deviation)
    # (pixel / 255 - mean) / deviation, with pixel = shifted + 128
    scaled = weight / (255 * deviation)[None, :, None, None]
    offset = (_PIXEL_SHIFT - 255 * mean)[None, :, None, None]
    positions = visual.positional_embedding.detach().float()
    return _Patches(
        weight=scaled.permute(0, 2, 3, 1).reshape(len(weight), -1).to(dtype).contiguous(),
        bias=(scaled * offset).sum(dim=(1, 2, 3)).to(dtype),
        side=(int(visual.patch_size[0]), int(visual.patch_size[1])),
        class_token=(visual.class_embedding.detach().float() + positions[0]).to(dtype),
        positions=positions[1:].to(dtype),
    )


def _block(block: _Module, dtype: torch.dtype) -> _Block:
    gelu, widen = block.mlp.gelu, _linear(block.mlp.c_fc.weight, block.mlp.c_fc.bias, dtype)
    is_exact = type(gelu) is nn.GELU and gelu.approximate == "none"
    return _Block(
        norm_1=_norm(block.ln_1, dtype),
        qkv=_linear(block.attn.in_proj_weight, block.attn.in_proj_bias, dtype),
        out=_linear(block.attn.out_proj.weight, block.attn.out_proj.bias, dtype),
        norm_2=_norm(block.ln_2, dtype),
        widen=widen.gelu if is_exact else lambda x: gelu(widen(x)),
        narrow=_linear(block.mlp.c_proj.weight, block.mlp.c_proj.bias, dtype),
    )


def _linear(weight: Tensor, bias: Tensor, dtype: torch.dtype) -> _Linear | PackedLinear:
    kind = PackedLinear if dtype == torch.bfloat16 else _Linear
    return kind(weight.detach().to(dtype), bias.detach().to(dtype))


def _norm(norm: _Module, dtype: torch.dtype) -> _Layer:
    weight, bias = norm.weight.detach().to(dtype), norm.bias.detach().to(dtype)
    return partial(functional.layer_norm, normalized_shape=weight.shape, weight=weight, bias=bias, eps=norm.eps)
