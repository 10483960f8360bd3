"""The networks by name, and how each is opened."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from hallucinate.device import precisions, thread_counts
from hallucinate.errors import NetworkError
from hallucinate.files import utf8_path
from hallucinate.messages import did_you_mean
from hallucinate.networks import Network
from hallucinate.networks.caffe import open_caffe
from hallucinate.networks.exported import open_exported
from hallucinate.networks.motif import MotifNetwork, fold_norms
from hallucinate.networks.tensors import read_tensors
from hallucinate.networks.weights import ZOO_WEIGHTS, DownloadProgress, ensure_weights, find_weights

EQUAL_TIME = 1.1
"""What takes no more than so many times the quickest's time counts as equally quick."""

CPU = torch.device("cpu")

MOTIF_WEIGHTS = Path(__file__).parent / "motif.safetensors"


NETWORKS = ("motif", *ZOO_WEIGHTS)
"""What ``--network`` takes by name; it takes files as well."""


@dataclass(frozen=True)
class NetworkOptions:
    """What may come with a network's name: a file of weights for it, and whether a file's code may be run."""

    weights: Path | None = None
    run_code: bool = False


def open_network(
    name: str = "motif",
    device: torch.device = CPU,
    dtype: torch.dtype = torch.float32,
    folded: bool = True,
    options: NetworkOptions = NetworkOptions(),
    progress: DownloadProgress | None = None,
) -> Network:
    """The network of that name, or of that file, ready to dream: on ``device``, in ``dtype``, nothing to train.

    name: one of NETWORKS, or a .caffemodel, .pt2 or .pt file. dtype: float32, bfloat16 or float16; exported files are
    float32. folded: False keeps its norms as they were trained, for comparisons. progress: as in
    ``weights.download_weights``, where weights have to be downloaded.
    Raises NetworkError for a name that does not exist, or weights that are missing, damaged or another network's;
    WeightsError where they cannot be downloaded now.

    >>> network = open_network()
    >>> network.activations(torch.rand(1, 3, 64, 64), "mixed4c").shape
    torch.Size([1, 304, 8, 8])
    """
    file = Path(name)
    if file.suffix in (".caffemodel", ".pt2", ".pt"):
        if options.weights is not None:
            raise NetworkError(f"--weights is for a network by name; {name} brings its own; remove --weights")
        if file.suffix == ".caffemodel":
            return open_caffe(file, device, dtype)
        return open_exported(file, device, options.run_code)
    check_name(name)
    if name == "motif":
        return open_motif(device, dtype, folded, options.weights or MOTIF_WEIGHTS)
    # Here, because torchvision takes as long to import as torch, and the network in the box needs none of it.
    from hallucinate.networks.zoo import open_zoo

    path = options.weights or ensure_weights(ZOO_WEIGHTS[name], progress)
    return open_zoo(name, read_tensors(path), path, device, dtype, folded)


def check_name(name: str) -> None:
    """Raises NetworkError, offering the nearest, for a name that is not a network's."""
    if name in NETWORKS:
        return
    if Path(name).suffix in (".pth", ".safetensors", ".tar"):
        raise NetworkError(f"{name} holds weights alone; give --network ARCHITECTURE --weights {name}")
    hint = did_you_mean(name, NETWORKS)
    files = "or a file, .caffemodel, .pt2 or .pt"
    raise NetworkError(
        f"there is no network {name!r}; {hint and hint + ' '}there are: {', '.join(NETWORKS)}; {files}",
        code="network_unknown",
    )


def list_networks() -> list[dict[str, object]]:
    """Each network by name, for JSON: whether its weights are in the box, here or to be fetched; their megabytes."""
    listed: list[dict[str, object]] = [{"name": "motif", "state": "in the box", "size_mb": None}]
    for name, source in ZOO_WEIGHTS.items():
        state = "here" if find_weights(source) else "to be fetched"
        listed.append({"name": name, "state": state, "size_mb": round(source.size_mb)})
    return listed


def open_quickest(
    name: str,
    device: torch.device,
    measure: Callable[[Network, torch.device], float] | None = None,
    options: NetworkOptions = NetworkOptions(),
) -> tuple[Network, torch.dtype]:
    """The network in the precision that this device answers quickest in, and which that is.

    Where several may be, each is tried for a moment (``measure``: seconds that a gradient takes), on a CPU with several
    numbers of threads as well: torch is set to the quickest, or to fewer that are as quick but for a tenth.
    Raises as ``open_network`` does.
    """
    opened = {dtype: open_network(name, device, dtype, options=options) for dtype in precisions(device)}
    choices = list(itertools.product(thread_counts(device), opened))
    seconds: dict[tuple[int, torch.dtype], float] = {}
    if len(choices) > 1:
        for threads, dtype in choices:
            torch.set_num_threads(threads)
            seconds[threads, dtype] = (measure or seconds_per_gradient)(opened[dtype], device)
        fewest = min(threads for (threads, _), s in seconds.items() if s <= EQUAL_TIME * min(seconds.values()))
        choices = sorted((choice for choice in choices if choice[0] == fewest), key=lambda choice: seconds[choice])
    threads, dtype = choices[0]
    torch.set_num_threads(threads)
    return opened[dtype], dtype


def seconds_per_gradient(network: Network, device: torch.device, tries: int = 6) -> float:
    """The least seconds of a few for an answer and its gradient at 256×144 pixels, after two to warm up."""
    x, least = torch.rand(1, 3, 144, 256, device=device), float("inf")
    for n in range(tries + 2):
        start = time.perf_counter()
        answer = network.forward(x.requires_grad_(True))
        torch.autograd.grad(answer, x, torch.ones_like(answer))
        if n >= 2:
            least = min(least, time.perf_counter() - start)
    return least


def open_motif(
    device: torch.device, dtype: torch.dtype, folded: bool = True, weights: Path = MOTIF_WEIGHTS
) -> MotifNetwork:
    """The network in the box, with weights from a file that ``hallucinate.motifs.train`` wrote."""
    if weights == MOTIF_WEIGHTS:
        fix = "install hallucinate again, or train it: python -m hallucinate.motifs.train"
    else:
        fix = "use a file that hallucinate.motifs.train wrote, or name the weights' architecture with --network"
    if not weights.is_file():
        raise NetworkError(f"the weights {weights} are missing; {fix}")
    try:
        with utf8_path(weights) as name, safe_open(name, "pt") as file:
            facts = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
        network = MotifNetwork(json.loads(facts["motifs"]), json.loads(facts["families"]))
        network.load_state_dict({key: t.float() if t.is_floating_point() else t for key, t in tensors.items()})
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        why = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error).splitlines()[0]
        raise NetworkError(f"the weights {weights} cannot be read ({why}); {fix}") from None
    network.eval().requires_grad_(False)
    if not folded:
        return network.to(device, dtype)
    fold_norms(network)
    return network.to(device, dtype).to(memory_format=torch.channels_last)
