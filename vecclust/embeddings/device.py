"""Where the model runs, in which precision, and how many frames at a time.

Knows what torch says of this computer. Each automatic choice is the quickest that keeps a cosine of 0.999 to float32
and fits the memory. Measured on two cores of an EPYC with AVX-512 BF16, ViT-B-32-256, core-milliseconds per photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from vecclust.errors import ModelError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
PrecisionName = Literal["auto", "float32", "bfloat16", "float16"]

# A lane of 8 frames costs 57.2 core-ms a photo, one of 16 56.4, of 32 55.6: more only delays the first commit.
_FRAMES_PER_CORE = 16
_CPU_BATCH = (16, 128)
_MPS_BATCH = 32
# A ViT-H at 224 px needs about 30 MB of activations a frame in half precision; a quarter of what is free is ours.
_CUDA_BYTES_PER_FRAME = 32 << 20
_CUDA_BATCH = (16, 256)

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Setup:
    """How a model is run.

    Attributes:
        device: where.
        dtype: precision of weights and activations; vectors are float32 in any case.
        batch_size: frames in one pass.
        threads: cores used on a CPU, 1 elsewhere.
        may_widen: whether a model that does not run in `dtype` may run in float32.
    """

    device: torch.device
    dtype: torch.dtype
    batch_size: int
    threads: int
    may_widen: bool


def set_up(device: DeviceName, *, precision: PrecisionName = "auto", batch_size: int = 0, threads: int = 0) -> Setup:
    """Settle what was left to be chosen.

    Args:
        device: where the model runs.
        precision: of its weights.
        batch_size: frames in one pass, 0 to choose.
        threads: cores, 0 for what torch takes by itself (`OMP_NUM_THREADS`, else every physical core).

    Returns:
        The setup.

    Raises:
        ModelError: the device is not there.
    """
    chosen = _device(device)
    cores = (threads or torch.get_num_threads()) if chosen.type == "cpu" else 1
    dtype = _automatic_dtype(chosen) if precision == "auto" else _DTYPES[precision]
    may_widen = precision == "auto" and dtype != torch.float32
    return Setup(chosen, dtype, batch_size or _automatic_batch(chosen, cores), cores, may_widen)


def _device(asked: DeviceName) -> torch.device:
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if asked == "auto":
        return torch.device(next(kind for kind, is_there in there.items() if is_there))
    if not there[asked]:
        raise ModelError(
            f"torch finds no {asked} device on this computer",
            hint="Set embed.device to auto, or to one of " + ", ".join(k for k, is_there in there.items() if is_there),
        )
    return torch.device(asked)


def _automatic_dtype(device: torch.device) -> torch.dtype:
    """Give bfloat16 where the processor multiplies it natively: 2 to 2.3 times as fast, cosine 0.9999.

    Emulated it is slower than float32, and autocast casts the weights anew in every pass: 255 core-ms a photo against
    129 in float32 and 65 with the weights converted once. On MPS nothing was measured: float32.
    """
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    if device.type == "cpu" and multiplies_bfloat16():
        return torch.bfloat16
    return torch.float32


def multiplies_bfloat16() -> bool:
    """Say whether this processor has instructions for products of bfloat16."""
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16"))


def _automatic_batch(device: torch.device, cores: int) -> int:
    if device.type == "cuda":
        free_bytes, _ = torch.cuda.mem_get_info(device)
        smallest, largest = _CUDA_BATCH
        return int(min(largest, max(smallest, free_bytes // 4 // _CUDA_BYTES_PER_FRAME)))
    if device.type == "mps":
        return _MPS_BATCH
    smallest, largest = _CPU_BATCH
    return min(largest, max(smallest, _FRAMES_PER_CORE * cores))
