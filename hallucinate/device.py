"""Which device dreams, and in which precision. Decided once, at the start, and passed to whoever needs it."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import torch

from hallucinate.errors import HallucinateError


def choose_device(name: str) -> torch.device:
    """``auto`` is the first CUDA card, or else the CPU; otherwise any of torch's names, checked by using it.

    Raises HallucinateError for a device that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        why = str(error).splitlines()[0]
        raise HallucinateError(f"device {name!r} cannot be used ({why}); try --device auto or --device cpu") from None
    return device


def precisions(device: torch.device) -> tuple[torch.dtype, ...]:
    """The precisions of the network's numbers that may be the quickest on this device; the residual is float32 on all.

    CUDA: bfloat16 from compute capability 8.0, float16 before it. CPU: float32, and bfloat16 where it has
    instructions for it (AVX512-BF16 or AMX); which of the two wins differs from one to the next, and is measured.
    """
    if device.type == "cuda":
        return (torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16,)
    if device.type == "cpu":
        capabilities = cpu_capabilities()
        if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"):
            return (torch.float32, torch.bfloat16)
    return (torch.float32,)


def describe(device: torch.device, dtype: torch.dtype) -> str:
    """Device and precision in words, e.g. ``AMD EPYC, 2 threads, bfloat16``."""
    return f"{named(device)}, {precision(dtype)}"


def precision(dtype: torch.dtype) -> str:
    """A type of number by its name, e.g. ``bfloat16``."""
    return str(dtype).removeprefix("torch.")


def named(device: torch.device) -> str:
    """A device in words, e.g. ``AMD EPYC, 2 threads``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return str(device)
    name = str(cpu_capabilities().get("cpu_name") or platform.processor() or platform.machine() or "CPU").strip()
    return f"{name}, {torch.get_num_threads()} threads"


def cpu_capabilities() -> dict[str, Any]:
    """What torch knows of this CPU. Not every torch that we support tells; nothing known means float32."""
    ask: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return ask()
