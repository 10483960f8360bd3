"""The pictures and pages of the network in the box, all made by this code.

    python -m hallucinate.studio.gallery out/motif

takes what ``hallucinate.motifs.train`` left there, and puts in place: the weights (hallucinate/networks), the
pages' thumbnails (web/motifs), the README's picture, and the model card with its sheets (docs). It writes into
the checkout that it is run from.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors import safe_open

from hallucinate.dream.agreement import read_agreement
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.governor import OperatingPoint
from hallucinate.frame import Frame, Picture, to_picture
from hallucinate.motifs import MOTIFS, Pen
from hallucinate.networks import Network
from hallucinate.networks.registry import MOTIF_WEIGHTS, open_motif
from hallucinate.settings import Settings
from hallucinate.shipped import shipped
from hallucinate.sources.scene import filmed

FPS = 24
ROOT = Path(__file__).parent.parent.parent
THUMBNAIL = 112


def still_frames(picture: Picture, seconds: float) -> Iterator[Frame]:
    """A camera that sees one picture, at 24 fps."""
    for n in range(round(seconds * FPS) + 1):
        yield Frame(picture, round(n / FPS * 1e9))


def dreamed(network: Network, frames: Iterator[Frame], settings: Settings, width: int = 320) -> tuple[Picture, Picture]:
    """The last frame, and what a live dream of all of them, one step a frame, has made of it."""
    agreement = read_agreement(shipped("calibration") / "strength" / f"{network.name}.json")
    dreamer = Dreamer(network, torch.device("cpu"), agreement=agreement)
    camera = dream = np.zeros((1, 1, 3), np.uint8)
    for frame in frames:
        camera, dream = frame.picture, dreamer.dream(frame, settings, OperatingPoint(width, settings.steps))
    return camera, dream


def soft_ground(height: int, width: int, seed: int = 0) -> Picture:
    """Grey clouds with a little colour: nothing in particular, for a dream to make something of."""
    pen = Pen(1, height, width, torch.Generator().manual_seed(seed))
    luma = 0.5 + 0.1 * pen.clouds(height / 3)
    colour = torch.stack([0.05 * pen.noise(height / 2) for _ in range(3)], 1)
    return to_picture(luma[:, None] + colour)


def grid(pictures: Sequence[Picture], columns: int, labels: Sequence[str] = ()) -> Picture:
    """Pictures of one size in rows, each with its label in its corner."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for n, picture in enumerate(pictures):
        cell = picture.copy()
        if labels:
            for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
                cv2.putText(
                    cell, labels[n], (6, height - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, thickness, cv2.LINE_AA
                )
        top, left = n // columns * height, n % columns * width
        sheet[top : top + height, left : left + width] = cell
    return sheet


def save(path: Path, picture: Picture, quality: int = 88) -> None:
    """Write a JPEG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fine, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert fine
    part = path.with_suffix(".part")
    part.write_bytes(data.tobytes())
    os.replace(part, path)


def asking_for(*names: str, **knobs: float) -> Settings:
    """Settings that dream these motifs."""
    return Settings.model_validate({"motifs": dict.fromkeys(names, 1.0), **knobs})


def drawings_sheet() -> Picture:
    """Eight drawings of each motif: all that the network has ever seen."""
    cells, labels = [], []
    for name, motif in MOTIFS.items():
        pictures, _ = motif.draw(Pen(8, 96, 96, torch.Generator().manual_seed(7)))
        cells.append(np.hstack([to_picture(picture[None]) for picture in pictures]))
        labels.append(name)
    return grid(cells, 2, labels)


def dreams_sheet(network: Network, seconds: float) -> Picture:
    """The scene, dreamed live of each motif for so long."""
    cells = [dreamed(network, filmed(seconds), asking_for(name))[1] for name in network.motifs]
    camera = list(filmed(seconds))[-1].picture
    small = [cv2.resize(cell, (426, 240), interpolation=cv2.INTER_AREA) for cell in [camera, *cells]]
    return grid([np.asarray(cell, np.uint8) for cell in small], 3, ["the camera's picture", *network.motifs])


def layers_sheet(network: Network, seconds: float) -> Picture:
    """The scene, dreamed live by each layer."""
    cells = []
    for layer in network.layers:
        settings = Settings.model_validate({"motifs": {}, "layer": layer})
        cells.append(dreamed(network, filmed(seconds), settings)[1])
    small = [np.asarray(cv2.resize(cell, (426, 240), interpolation=cv2.INTER_AREA), np.uint8) for cell in cells]
    return grid(small, 3, network.layers)


def thumbnails(network: Network, folder: Path) -> None:
    """A small picture of each motif for the page: what it looks like when nothing else is there."""
    for name in network.motifs:
        settings = asking_for(name, strength=1.0, growth_s=0.5)
        _, dream = dreamed(network, still_frames(soft_ground(160, 160), 3.0), settings, width=160)
        middle = dream[24:-24, 24:-24]
        save(folder / f"{name}.jpg", np.ascontiguousarray(middle[:THUMBNAIL, :THUMBNAIL]))


def readme_picture(network: Network) -> Picture:
    """The scene beside three dreams of it."""
    mixes = (("eye",), ("spiral",), ("face",))
    camera, _ = dreamed(network, filmed(0.0), asking_for("eye"))
    dreams = [dreamed(network, filmed(1.0), asking_for(*mix))[1] for mix in mixes]
    return grid([camera, *dreams], 2, ["camera", *(" + ".join(mix) for mix in mixes)])


def card(facts: dict[str, str]) -> str:
    """The model card, in Markdown, from what the weights say of themselves."""
    clean, attacked, recipe = (json.loads(facts[key]) for key in ("clean", "attacked", "recipe"))
    rows = [f"| {name} | {MOTIFS[name].family} | {clean[name]:.0%} | {attacked[name]:.0%} |" for name in MOTIFS]
    rows.append(f"| *nothing* | | {clean['nothing']:.0%} | {attacked['nothing']:.0%} |")
    rows.append(f"| **all** | | **{clean['']:.0%}** | **{attacked['']:.0%}** |")
    size_mb = MOTIF_WEIGHTS.stat().st_size / 1e6
    return CARD.format(**{**recipe, **facts}, rows="\n".join(rows), size_mb=size_mb, count=len(MOTIFS))


CARD = """<!-- Written by `python -m hallucinate.studio.gallery`; change that, not this. -->
# The network in the box: `motif`

A small, fully convolutional network that says which of {count} motifs is where, at every 16th pixel of a picture. It is
made to be dreamed with: what counts is the gradient at its pixels. {size_mb:.1f} MB as float16.

## Diet

Nothing but drawings that `hallucinate/motifs` makes by formula, with their light, haze, blur and noise: no photograph,
no data set, no other network. Eight of each motif:

![Drawings of every motif](motif-drawings.jpg)

## Recipe

    {command}

Adversarial training (Madry et al. 2018): each picture is moved within an L2 ball of radius {eps} (on {size}×{size}×3
in [0, 1]) to where the network is most wrong, by {attacks} steps of projected gradient ascent; the radius grows from 0
after a tenth of the steps. Cross-entropy per place, with the share that each motif fills as its label; AdamW, peak
rate {rate}, cosine to 0; the weights shipped are a moving average. {steps} steps of {batch} pictures: {pictures}
pictures in {hours} hours on {machine}; seed {seed}; commit {commit}. [The log](motif-training.jsonl).

## Figures

Share of places named right on held-out drawings; *attacked*: by ten steps of L2 projected gradient ascent, radius
{eps}.

| motif | family | clean | attacked |
|---|---|---|---|
{rows}

## Dreams

The built-in scene after two seconds of live dreaming, one step a frame at 24 frames a second, 320 pixels wide:

![The scene, dreamed of every motif](motif-dreams.jpg)

By layer instead of by motif, shallow to deep:

![The scene, dreamed by every layer](motif-layers.jpg)

## What it can't do

It recognises its drawings, not the world: its scores say nothing about a photograph. Motifs smaller than about 10
pixels of the dream or larger than about 100 are not its own. Fur and scales come as textures, not as animals.
"""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder that hallucinate.motifs.train wrote")
    run: Path = parser.parse_args().run
    shutil.copyfile(run / "motif.safetensors", MOTIF_WEIGHTS)
    with safe_open(MOTIF_WEIGHTS, "pt") as file:
        facts: dict[str, str] = file.metadata()
    network = open_motif(torch.device("cpu"), torch.float32)
    docs = ROOT / "docs" / "networks"
    save(docs / "motif-drawings.jpg", drawings_sheet(), 80)
    save(docs / "motif-dreams.jpg", dreams_sheet(network, 2.0))
    save(docs / "motif-layers.jpg", layers_sheet(network, 2.0))
    thumbnails(network, ROOT / "web" / "motifs")
    save(ROOT / "docs" / "dream.jpg", readme_picture(network))
    shutil.copyfile(run / "training.jsonl", docs / "motif-training.jsonl")
    (docs / "motif.md").write_text(card(facts))


if __name__ == "__main__":
    main()
