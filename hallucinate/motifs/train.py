"""Train the network in the box: ``python -m hallucinate.motifs.train``.

Adversarial training (Madry et al. 2018) with an L2 ball: each picture is moved, within a distance, to where the
network is most wrong, and that is what it learns from. Networks trained so have gradients that look like what
they are of (Tsipras et al. 2019; Engstrom et al. 2019): one step on the pixels already draws something.

Seeded, and every step draws from its own seed, so a run that was killed goes on as if it had not been. Leaves in
its folder: training.jsonl, checkpoint.pt, the weights, and each epoch a sheet of what they dream.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.progress import Progress
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

from hallucinate.console import open_console
from hallucinate.errors import OutputError
from hallucinate.motifs import MOTIFS
from hallucinate.motifs.compose import compose
from hallucinate.motifs.sheet import save_sheet
from hallucinate.networks.motif import MotifNetwork, fold_norms
from hallucinate.writing import write_whole, writing

HELD_OUT = 1_000_000_007
"""Seeds from here on are for measuring, never for training."""


@dataclass(frozen=True)
class Recipe:
    """All that decides what is learned. eps: radius of the L2 ball, on pictures of ``size``² × 3 in [0, 1]."""

    steps: int = 6000
    epoch: int = 500
    """Steps to a checkpoint and a contact sheet."""
    batch: int = 96
    size: int = 64
    eps: float = 2.0
    plain: float = 0.1
    """Share of the steps before the attacks begin; they get to their full radius after another 0.3."""
    attacks: int = 2
    rate: float = 3e-3
    decay: float = 1e-3
    average: float = 0.998
    """How slowly the shipped weights, a moving average, follow the trained ones."""
    nothing: float = 0.5
    """Weight of places with nothing in them, which are many."""
    seed: int = 0
    start: str = ""
    """Weights of an earlier run to go on from; those of motifs that it did not know begin afresh."""


@dataclass(frozen=True)
class Trainer:
    """A command that trains: its module, what it builds for motifs of these names, and its recipe by default."""

    module: str
    make: Callable[[Sequence[str]], nn.Module]
    recipe: Recipe


MOTIF = Trainer("hallucinate.motifs.train", MotifNetwork, Recipe())


@dataclass
class Training:
    """A run: what is trained, the moving average that is shipped, and how far it is."""

    recipe: Recipe
    network: nn.Module
    averaged: nn.Module
    optimizer: torch.optim.AdamW
    step: int = 0
    seconds: float = 0.0
    trainer: Trainer = MOTIF


def begin(recipe: Recipe, device: torch.device, trainer: Trainer = MOTIF) -> Training:
    """A run at its first step."""
    torch.manual_seed(recipe.seed)  # the weights' start; everything after has generators of its own
    network, averaged = (trainer.make(tuple(MOTIFS)).to(device) for _ in range(2))
    if recipe.start:
        go_on_from(Path(recipe.start), network)
    averaged.load_state_dict(network.state_dict())
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate, weight_decay=recipe.decay)
    return Training(recipe, network, averaged.eval(), optimizer, trainer=trainer)


def go_on_from(weights: Path, network: nn.Module) -> None:
    """Take over an earlier run's weights; in the head, whose outputs are motifs, by the motifs' names."""
    with safe_open(weights, "pt") as file:
        known = json.loads(file.metadata()["motifs"])
        before = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    now = network.state_dict()
    rows = {name: k for k, name in enumerate([*MOTIFS, "nothing"])}
    for key, tensor in before.items():
        if key.startswith("head."):
            for k, name in enumerate([*known, "nothing"]):
                if name in rows:
                    now[key][rows[name]] = tensor[k].to(now[key])
        else:
            now[key].copy_(tensor)


def seeded(seed: int, device: torch.device) -> torch.Generator:
    """A generator for one step's pictures and attacks."""
    return torch.Generator(device).manual_seed(seed)


def loss_of(logits: torch.Tensor, places: torch.Tensor, nothing: float) -> torch.Tensor:
    """Cross-entropy per place with the shares as soft labels: logits and places (B, K + 1, h, w) -> (B,)."""
    per_place: torch.Tensor = -(places * F.log_softmax(logits.float(), 1)).sum(1)
    weight = 1 - (1 - nothing) * places[:, -1]
    return torch.mean(per_place * weight, (1, 2))


def frozen(network: nn.Module) -> nn.Module:
    """A copy to attack: as it answers when it does not learn, norms folded, which saves a quarter of the time."""
    still = copy.deepcopy(network).eval().requires_grad_(False)
    fold_norms(still)
    return still


def logits_of(network: nn.Module, pictures: torch.Tensor) -> torch.Tensor:
    """The network's logits; in bfloat16 on a GPU (on CPUs without matrix units it is slower than float32)."""
    with torch.autocast(pictures.device.type, torch.bfloat16, enabled=pictures.is_cuda):
        logits: torch.Tensor = network(pictures)
    return logits.float()


def attacked(
    network: nn.Module,
    pictures: torch.Tensor,
    places: torch.Tensor,
    eps: float,
    attacks: int,
    generator: torch.Generator,
    nothing: float,
) -> torch.Tensor:
    """Pictures moved by at most ``eps`` (L2) to where the loss is large, by projected gradient ascent.

    From a random start in the ball; one step of eps, two of 0.7·eps, or more of 2.5·eps/attacks.
    """
    if eps <= 0:
        return pictures
    noise = torch.randn(pictures.shape, generator=generator, device=pictures.device)
    start = torch.rand(1, generator=generator, device=pictures.device)
    moved, stride = unit(noise) * eps * start, eps * {1: 1.0, 2: 0.7}.get(attacks, 2.5 / attacks)
    for _ in range(attacks):
        moved.requires_grad_(True)
        logits = logits_of(network, pictures + moved)
        (g,) = torch.autograd.grad(loss_of(logits, places, nothing).sum(), moved)
        moved = moved.detach() + unit(g) * stride
        moved = moved * (eps / moved.flatten(1).norm(dim=1).clamp(min=1e-12)).clamp(max=1)[:, None, None, None]
    return (pictures + moved.detach()).clamp(0, 1)


def unit(x: torch.Tensor) -> torch.Tensor:
    """Each picture of the batch scaled to L2 norm 1."""
    length: torch.Tensor = x.flatten(1).norm(dim=1)
    return x / (length + 1e-12)[:, None, None, None]


def take_step(training: Training) -> tuple[float, float]:
    """One step of training; returns the loss, and the share of places named right under attack."""
    recipe, device = training.recipe, next(training.network.parameters()).device
    progress = training.step / recipe.steps
    warm_up = min(1.0, (training.step + 1) / (0.02 * recipe.steps + 1))
    for group in training.optimizer.param_groups:
        group["lr"] = recipe.rate * warm_up * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-5
    eps = recipe.eps * min(1.0, max(0.0, (progress - recipe.plain) / 0.3))

    generator = seeded(recipe.seed * 10_000_019 + training.step, device)
    with torch.no_grad():
        pictures, places = compose(recipe.batch, recipe.size, generator)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    hard = attacked(frozen(training.network), pictures, places, eps, recipe.attacks, generator, recipe.nothing)
    logits = logits_of(training.network.train(), hard.contiguous(memory_format=torch.channels_last))
    loss = loss_of(logits, places, recipe.nothing).mean()
    training.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(training.network.parameters(), 1.0)
    training.optimizer.step()
    training.step += 1
    follow(training)
    right = (logits.argmax(1) == places.argmax(1)).float().mean()
    return float(loss.detach()), float(right)


@torch.no_grad()
def follow(training: Training) -> None:
    """Move the average towards the trained weights; faster at the start, when they are still far."""
    slow = min(training.recipe.average, (1 + training.step) / (10 + training.step))
    for mean, new in zip(training.averaged.state_dict().values(), training.network.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(new, 1 - slow)
        else:
            mean.copy_(new)


def measure(network: nn.Module, recipe: Recipe, attacks: int, pictures: int, eps: float) -> dict[str, float]:
    """Share of places named right on held-out drawings: over all (``""``) and for each motif; attacked if eps > 0."""
    device = next(network.parameters()).device
    right, seen = torch.zeros(len(MOTIFS) + 1), torch.zeros(len(MOTIFS) + 1)
    for n in range(math.ceil(pictures / recipe.batch)):
        generator = seeded(HELD_OUT + n, device)
        with torch.no_grad():
            drawn, places = compose(recipe.batch, recipe.size, generator)
        hard = attacked(network, drawn, places, eps, attacks, generator, recipe.nothing)
        with torch.no_grad():
            found, truth = network(hard).argmax(1).flatten().cpu(), places.argmax(1).flatten().cpu()
        right += torch.bincount(truth[found == truth], minlength=len(right))
        seen += torch.bincount(truth, minlength=len(seen))
    names = [*MOTIFS, "nothing"]
    shares = {name: round(float(right[k] / seen[k].clamp(min=1)), 3) for k, name in enumerate(names)}
    return {"": round(float(right.sum() / seen.sum()), 3), **shares}


def save_weights(training: Training, path: Path, facts: dict[str, str]) -> None:
    """The averaged weights as float16, with what there is to know about them; written whole or not at all."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in training.averaged.state_dict().items()
    }
    recipe = training.recipe
    metadata = {
        "motifs": json.dumps(list(MOTIFS)),
        "families": json.dumps({name: motif.family for name, motif in MOTIFS.items()}),
        "command": command_for(recipe, training.trainer),
        "commit": commit(),
        "recipe": json.dumps(asdict(recipe)),
        "seed": str(recipe.seed),
        "steps": str(training.step),
        "pictures": str(training.step * recipe.batch),
        "hours": f"{training.seconds / 3600:.2f}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}",
        **({"before": story_of(Path(recipe.start))} if recipe.start else {}),
        **facts,
    }
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    data = save(tensors, metadata)  # save_file would leave it to its owner alone, and not say why it cannot be written
    write_whole(path, lambda part: part.write_bytes(data))


def story_of(weights: Path) -> str:
    """How an earlier run came about, in one line."""
    with safe_open(weights, "pt") as file:
        facts = file.metadata()
    earlier = f"; before that: {facts['before']}" if "before" in facts else ""
    story = f"`{facts['command']}` at commit {facts['commit']}: {facts['pictures']} pictures in {facts['hours']} hours"
    return story + earlier


def command_for(recipe: Recipe, trainer: Trainer = MOTIF) -> str:
    """What somebody types to repeat the run; options at their defaults are not written."""
    plain = asdict(trainer.recipe)
    options = [f"--{name} {value}" for name, value in asdict(recipe).items() if value != plain[name]]
    return " ".join([f"python -m {trainer.module}", *options])


def commit() -> str:
    """The commit that this code is at; empty outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def save_checkpoint(training: Training, path: Path) -> None:
    """All that a killed run needs to go on; written whole or not at all. Raises OutputError."""
    state = {
        "recipe": asdict(training.recipe),
        "network": training.network.state_dict(),
        "averaged": training.averaged.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "step": training.step,
        "seconds": training.seconds,
    }
    file = io.BytesIO()  # in memory first: what keeps torch.save from writing does not say its number
    torch.save(state, file)
    write_whole(path, lambda part: part.write_bytes(file.getbuffer()))


def resume(recipe: Recipe, path: Path, device: torch.device, trainer: Trainer = MOTIF) -> Training:
    """A run from its checkpoint, or a new one where there is none. Refuses another recipe's checkpoint."""
    training = begin(recipe, device, trainer)
    if not path.exists():
        return training
    state = torch.load(path, map_location=device, weights_only=True)
    if state["recipe"] != asdict(recipe):
        raise SystemExit(f"{path} is of another recipe; move it away, or use the options that it was started with")
    training.network.load_state_dict(state["network"])
    training.averaged.load_state_dict(state["averaged"])
    training.optimizer.load_state_dict(state["optimizer"])
    training.step, training.seconds = state["step"], state["seconds"]
    return training


def run(training: Training, out: Path, weights: str, every: int = 50) -> None:
    """Train to the last step: a line in the log every ``every`` steps; checkpoint, weights and a sheet each epoch."""
    recipe, last = training.recipe, time.monotonic()
    loss, right = 0.0, 0.0
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    with Progress() as progress:
        bar = progress.add_task("training", total=recipe.steps, completed=training.step)
        while training.step < recipe.steps:
            step_loss, step_right = take_step(training)
            now = time.monotonic()
            training.seconds, last = training.seconds + now - last, now
            keep = min(0.97, training.step / (training.step + 5))
            loss, right = keep * loss + (1 - keep) * step_loss, keep * right + (1 - keep) * step_right
            progress.update(bar, advance=1)
            if training.step % every == 0 or training.step == recipe.steps:
                seconds = round(training.seconds)
                line = {"step": training.step, "seconds": seconds, "loss": round(loss, 4), "right": round(right, 4)}
                with writing(out / "training.jsonl"), (out / "training.jsonl").open("a") as log:
                    log.write(json.dumps(line) + "\n")
                progress.console.print(line)
            if training.step % recipe.epoch == 0 or training.step == recipe.steps:
                save_checkpoint(training, out / "checkpoint.pt")
                save_weights(training, out / weights, {})
                save_sheet(training.averaged, len(MOTIFS), out / f"sheet-{training.step:06d}.png")


def finish(training: Training, out: Path, weights: str) -> None:
    """Measure on held-out drawings, clean and under a ten-step attack, and write the weights with the figures."""
    recipe, still = training.recipe, frozen(training.averaged)
    clean = measure(still, recipe, 0, 3000, 0.0)
    hard = measure(still, recipe, 10, 1500, recipe.eps)
    save_weights(training, out / weights, {"clean": json.dumps(clean), "attacked": json.dumps(hard)})
    open_console().print({"clean": clean[""], "attacked": hard[""]})


def train(about: str | None, trainer: Trainer, out: Path, weights: str) -> None:
    """The command that trains: options from the recipe's fields, their defaults from the trainer's."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=out, help="checkpoint, log, sheets and weights go here")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    for name, default in asdict(trainer.recipe).items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    options = vars(parser.parse_args())
    out, device = options.pop("out"), torch.device(options.pop("device"))
    training = resume(Recipe(**options), out / "checkpoint.pt", device, trainer)
    try:
        run(training, out, weights)
        finish(training, out, weights)
    except OutputError as error:
        raise SystemExit(f"{error}; the same command continues from the last checkpoint in {out}") from None


if __name__ == "__main__":
    train(__doc__, MOTIF, Path("out/motif"), "motif.safetensors")
