"""The same vision transformer with fewer passes over memory: open_clip's weights, arranged for a CPU once.

Exact up to rounding, for the plain `VisionTransformer` of open_clip (ViT-B-32, the LAION and DataComp models) and
nothing else: `arrange` gives None for every other tower, and the loader compares the two before it trusts this one.
Knows torch's oneDNN operators, which are not a public interface: the comparison is what makes that safe.

ViT-B-32-256, one core of an EPYC with AVX-512 BF16, batches of 16, core-milliseconds per photo: open_clip 129 in
float32 and 65.0 in bfloat16; packed weights, the GELU and the residual sums inside the products 59.5; no last block
for tokens that nobody reads 56.4; plain products instead of flash attention for so few tokens 53.7. float32: 103.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from vecclust.embeddings.preprocessing import Preprocessing

# open_clip's modules declare no types of what they hold.
_Module = Any

# Flash attention pays from a few hundred tokens on: 65 tokens cost 5.3 ms a photo with it and 2.6 without.
_FLASH_FROM_TOKENS = 192
# Pixels are shifted by this before they meet the first weights: -128..127 are exact in bfloat16, and nearly centred.
_PIXEL_SHIFT = 128


@dataclass(frozen=True, slots=True)
class _Linear:
    """A linear layer, its weight packed by oneDNN, run with what follows it inside the product."""

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        product: Tensor = _ops()._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        return product

    def gelu(self, x: Tensor) -> Tensor:
        product: Tensor = _ops()._linear_pointwise(x, self.weight, self.bias, "gelu", [], "none")
        return product

    def plus(self, x: Tensor, residual: Tensor) -> Tensor:
        product: Tensor = _ops()._linear_pointwise.binary(x, residual, self.weight, self.bias, "add")
        return product


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: Tensor
    bias: Tensor
    eps: float

    def __call__(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True, slots=True)
class _Block:
    norm_1: _Norm
    qkv: _Linear
    out: _Linear
    norm_2: _Norm
    widen: _Linear
    activation: Callable[[Tensor], Tensor] | None
    narrow: _Linear


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


class FusedTower:
    """A vision tower arranged for a CPU. Made by `arrange`."""

    def __init__(
        self, patches: _Patches, *, norm_pre: _Norm | None, blocks: list[_Block], n_heads: int, head: _Head
    ) -> None:
        self._patches = patches
        self._norm_pre = norm_pre
        self._blocks = blocks
        self._n_heads = n_heads
        self._head = head

    def __call__(self, frames: Tensor) -> Tensor:
        """Give the features of frames.

        Args:
            frames: (n, height, width, 3) uint8.

        Returns:
            (n, dim) in the tower's precision, not normalised.
        """
        x = self._patches(frames)
        if self._norm_pre is not None:
            x = self._norm_pre(x)
        for block in self._blocks[:-1]:
            x = self._run(block, x, n_read=x.shape[1])
        n_read = 1 if self._head.reads_class_token else x.shape[1]
        return self._head(self._run(self._blocks[-1], x, n_read=n_read))

    def _run(self, block: _Block, x: Tensor, *, n_read: int) -> Tensor:
        """Run one block, for the first `n_read` tokens only; all of them are attended to."""
        attended = self._attend(block.qkv(block.norm_1(x)), n_read)
        x = block.out.plus(attended, x[:, :n_read].contiguous())
        wide = block.norm_2(x)
        wide = block.widen.gelu(wide) if block.activation is None else block.activation(block.widen(wide))
        return block.narrow.plus(wide, x)

    def _attend(self, qkv: Tensor, n_read: int) -> Tensor:
        n, n_tokens, three_widths = qkv.shape
        width = three_widths // 3
        apart = qkv.view(n, n_tokens, 3, self._n_heads, width // self._n_heads).permute(2, 0, 3, 1, 4)
        if n_tokens >= _FLASH_FROM_TOKENS:
            queries, keys, values = apart.unbind(0)
            mixed = functional.scaled_dot_product_attention(queries[:, :, :n_read], keys, values)
        else:
            queries, keys, values = apart.reshape(3, n * self._n_heads, n_tokens, -1).unbind(0)
            scores = torch.bmm(queries[:, :n_read], keys.transpose(1, 2)).mul_(1 / math.sqrt(queries.shape[-1]))
            mixed = torch.bmm(scores.softmax(dim=-1), values).view(n, self._n_heads, n_read, -1)
        return mixed.transpose(1, 2).reshape(n, n_read, width)


@dataclass(frozen=True, slots=True)
class _Head:
    norm: _Norm
    norm_after_pool: bool
    reads_class_token: bool
    projection: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        if not self.norm_after_pool:
            x = self.norm(x)
        x = x[:, 0] if self.reads_class_token else x[:, 1:].mean(dim=1)
        if self.norm_after_pool:
            x = self.norm(x)
        return x if self.projection is None else x @ self.projection


def arrange(visual: _Module, *, preprocessing: Preprocessing, dtype: torch.dtype) -> FusedTower | None:
    """Arrange a tower's weights.

    Args:
        visual: open_clip's tower, weights in float32 or already in `dtype`.
        preprocessing: what is folded into its first layer.
        dtype: float32 or bfloat16.

    Returns:
        The arranged tower, or None where `visual` is of another kind, or this processor cannot arrange for `dtype`.
    """
    if dtype not in (torch.float32, torch.bfloat16) or not _is_plain(visual):
        return None
    # oneDNN packs bfloat16 only where the processor knows more than AVX2, and raises elsewhere.
    if dtype == torch.bfloat16 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return None
    with torch.no_grad():
        blocks = [_block(block, dtype) for block in visual.transformer.resblocks]
        return FusedTower(
            _patches(visual, preprocessing, dtype),
            norm_pre=_norm(visual.ln_pre, dtype) if isinstance(visual.ln_pre, nn.LayerNorm) else None,
            blocks=blocks,
            n_heads=visual.transformer.resblocks[0].attn.num_heads,
            head=_Head(
                norm=_norm(visual.ln_post, dtype),
                norm_after_pool=bool(visual.final_ln_after_pool),
                reads_class_token=visual.pool_type == "tok",
                projection=None if visual.proj is None else visual.proj.detach().to(dtype),
            ),
        )


def _is_plain(visual: _Module) -> bool:
    """Say whether a tower is the arrangement that is written out above, exactly."""
    from open_clip.transformer import LayerNorm, LayerNormFp32, ResidualAttentionBlock, Transformer, VisionTransformer

    if not hasattr(torch.ops.mkldnn, "_linear_pointwise") or type(visual) is not VisionTransformer:
        return False
    norms = (LayerNorm, LayerNormFp32)
    return (
        visual.attn_pool is None
        and visual.pool_type in ("tok", "avg")
        and isinstance(visual.patch_dropout, nn.Identity)
        and isinstance(visual.ln_pre, (*norms, nn.Identity))
        and isinstance(visual.ln_post, norms)
        and visual.conv1.bias is None
        and type(visual.transformer) is Transformer
        and all(
            type(block) is ResidualAttentionBlock
            and isinstance(block.ls_1, nn.Identity)
            and isinstance(block.ls_2, nn.Identity)
            and block.attn.in_proj_weight is not None
            and block.attn.in_proj_bias is not None
            and block.attn.bias_k is None
            and not block.attn.add_zero_attn
            for block in visual.transformer.resblocks
        )
    )


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
    gelu = block.mlp.gelu
    inside = type(gelu) is nn.GELU and gelu.approximate == "none"
    return _Block(
        norm_1=_norm(block.ln_1, dtype),
        qkv=_linear(block.attn.in_proj_weight, block.attn.in_proj_bias, dtype),
        out=_linear(block.attn.out_proj.weight, block.attn.out_proj.bias, dtype),
        norm_2=_norm(block.ln_2, dtype),
        widen=_linear(block.mlp.c_fc.weight, block.mlp.c_fc.bias, dtype),
        activation=None if inside else gelu,
        narrow=_linear(block.mlp.c_proj.weight, block.mlp.c_proj.bias, dtype),
    )


def _norm(norm: _Module, dtype: torch.dtype) -> _Norm:
    return _Norm(norm.weight.detach().to(dtype), norm.bias.detach().to(dtype), norm.eps)


def _linear(weight: Tensor, bias: Tensor, dtype: torch.dtype) -> _Linear:
    return _Linear(_ops()._reorder_linear_weight(weight.detach().to(dtype).contiguous()), bias.detach().to(dtype))


def _ops() -> Any:
    return torch.ops.mkldnn
