"""Which device dreams, and in which precision. Decided once, at the start, and passed to whoever needs it."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any

import psutil
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
        message = f"device {name!r} cannot be used ({why}); try --device auto or --device cpu"
        raise HallucinateError(message, code="device_unavailable") from None
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


def thread_counts(device: torch.device) -> tuple[int, ...]:
    """How many of the CPU's threads may be the quickest for the network's operations: one, half the cores, all but one.

    One core stays free for the camera, the encoders and the browser: on two cores, with a page watching, a second
    thread made the stream slower by a third. And an operation of a few hundred microseconds may gain nothing from
    threads that have to be woken for it. Whoever sets OMP_NUM_THREADS has chosen.
    """
    if device.type != "cpu" or "OMP_NUM_THREADS" in os.environ:
        return (torch.get_num_threads(),)
    cores = os.cpu_count() or 1
    return tuple(sorted({1, max(1, cores // 2), max(1, cores - 1)}))


def free_memory(device: torch.device) -> int:
    """Bytes that may be used on the device: of its own memory on a CUDA card, otherwise of the machine's."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def describe(device: torch.device, dtype: torch.dtype) -> str:
    """Device and precision in words, e.g. ``AMD EPYC, 2 cores, 1 thread, bfloat16``."""
    threads = torch.get_num_threads()
    used = f", {threads} thread{'s' if threads != 1 else ''}" if device.type == "cpu" else ""
    return f"{named(device)}{used}, {precision(dtype)}"


def precision(dtype: torch.dtype) -> str:
    """A type of number by its name, e.g. ``bfloat16``."""
    return str(dtype).removeprefix("torch.")


def named(device: torch.device) -> str:
    """A device in words, e.g. ``AMD EPYC, 2 cores``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return str(device)
    name = str(cpu_capabilities().get("cpu_name") or platform.processor() or platform.machine() or "CPU").strip()
    return f"{name}, {os.cpu_count()} cores"


def cpu_capabilities() -> dict[str, Any]:
    """What torch knows of this CPU. Not every torch that we support knows it; nothing known means float32."""
    capabilities: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return capabilities()
