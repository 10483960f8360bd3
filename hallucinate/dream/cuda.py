"""What only a GPU needs: pinned staging buffers that it copies from by itself, and graphs launched in one call.

Nothing here waits for the device but ``StagingBuffers.download``. Without a GPU they are ordinary memory and nothing is
captured, so that the same path can be run, and tested, anywhere.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

log = logging.getLogger(__name__)

Array = npt.NDArray[np.generic]
Work = Callable[[Sequence[torch.Tensor]], tuple[torch.Tensor, ...]]
"""Tensors in, tensors out, on one device: the same operations each time it is called with the same shapes."""

WARM_UP = 3
"""Times that a key runs eagerly before it is captured: a slider that moves passes through keys that never return."""

MOST_GRAPHS = 12
"""Graphs held; each holds the memory that its operations need. The one that was not used for longest goes first."""


@dataclass(frozen=True)
class Replay:
    """A captured graph: what it reads, what it writes, and how it is launched."""

    inputs: Sequence[torch.Tensor]
    outputs: tuple[torch.Tensor, ...]
    launch: Callable[[], None]


def captured(work: Work, inputs: Sequence[torch.Tensor]) -> Replay:
    """``work`` as a CUDA graph. Raises RuntimeError where something in it cannot be captured."""
    static = [tensor.clone() for tensor in inputs]
    side = torch.cuda.Stream(static[0].device)  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream(side.device))
    with torch.cuda.stream(side):  # what allocates or chooses kernels the first time must not do so under capture
        work(static)
    torch.cuda.current_stream(side.device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # The encoders' and the server's threads go on meanwhile; only this one is held to what can be captured.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        outputs = work(static)
    return Replay(static, outputs, graph.replay)


class Graphs:
    """Runs work eagerly until it has come back a few times, then from one captured graph for its key and shapes.

    What cannot be captured runs eagerly for good, and that is said once. Owned by the dreaming thread.
    """

    def __init__(self, capture: Callable[[Work, Sequence[torch.Tensor]], Replay] = captured) -> None:
        self._capture = capture
        self._eager: dict[Hashable, int] = {}
        self._replays: OrderedDict[Hashable, Replay] = OrderedDict()
        self._never = False

    def run(self, graph_key: Hashable, work: Work, inputs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """What ``work`` makes of the inputs; the tensors returned are the caller's own."""
        key = (graph_key, *(tensor.shape for tensor in inputs))
        replay = self._replays.get(key) or self._captured(key, work, inputs)
        if replay is None:
            return work(inputs)
        self._replays.move_to_end(key)
        for held, tensor in zip(replay.inputs, inputs, strict=True):
            held.copy_(tensor, non_blocking=True)
        replay.launch()
        # The graph writes to the same place next time, when this may still be in use.
        return tuple(tensor.clone() for tensor in replay.outputs)

    def _captured(self, key: Hashable, work: Work, inputs: Sequence[torch.Tensor]) -> Replay | None:
        if self._never:
            return None
        if len(self._eager) > 16 * MOST_GRAPHS:
            self._eager.clear()
        self._eager[key] = self._eager.get(key, 0) + 1
        if self._eager[key] <= WARM_UP:
            return None
        if len(self._replays) >= MOST_GRAPHS:
            self._replays.popitem(last=False)
        try:
            replay = self._replays[key] = self._capture(work, inputs)
        except torch.OutOfMemoryError:
            self._replays.clear()  # their memory first; who called goes a size down
            raise
        except RuntimeError as error:
            log.warning("dreaming without CUDA graphs: %s", str(error).splitlines()[0])
            self._never = True
            return None
        return replay


class StagingBuffers:
    """Pinned (page-locked) buffers by which arrays go to the device and back without the CPU waiting.

    They hold one frame in transit: they are written again only after ``download``.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._pin = device, device.type == "cuda"
        self._buffers: dict[str, torch.Tensor] = {}
        self._back: torch.cuda.Event | None = torch.cuda.Event() if self._pin else None  # type: ignore[no-untyped-call]

    def upload(self, name: str, array: Array) -> torch.Tensor:
        """The array on the device, or in transit to it."""
        source = torch.from_numpy(np.ascontiguousarray(array))
        return self._buffer(name, source).copy_(source).to(self._device, non_blocking=True, copy=True)

    def request(self, name: str, tensor: torch.Tensor) -> None:
        """Have a tensor of the device copied back, for ``download``."""
        self._buffer(name, tensor).copy_(tensor, non_blocking=True)
        if self._back is not None:
            self._back.record()

    def download(self, name: str) -> Array:
        """What was requested, a copy of one's own. Waits until the device has done everything that came before it."""
        if self._back is not None:
            self._back.synchronize()
        return np.array(self._buffers[name].numpy())

    def _buffer(self, name: str, like: torch.Tensor) -> torch.Tensor:
        buffer = self._buffers.get(name)
        if buffer is None or buffer.shape != like.shape:
            buffer = self._buffers[name] = torch.empty(like.shape, dtype=like.dtype, pin_memory=self._pin)
        return buffer
