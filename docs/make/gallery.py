"""The pictures and pages of the network in the box, all made by this code.

    python -m docs.make.gallery [out/motif]

writes the pages' thumbnails (web/motifs), the README's picture, and the model card with its sheets (docs). With the
folder of a network that ``hallucinate.motifs.train`` trained, it first copies that one's weights (hallucinate/networks)
and its log. It writes into the checkout that it is part of.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from safetensors import safe_open

from hallucinate.calibrate.clips import render_clip
from hallucinate.dream.strength_calibration import read_strength_calibration
from hallucinate.files import shipped, write_bytes
from hallucinate.frame import Frame, Picture, to_picture
from hallucinate.motifs import MOTIFS, Pen
from hallucinate.motifs.drawing import ellipse, over, segment, smooth
from hallucinate.networks import Network
from hallucinate.networks.registry import MOTIF_WEIGHTS, open_motif
from hallucinate.settings import Settings
from hallucinate.sources.scene import filmed

FPS = 24
ROOT = Path(__file__).parent.parent.parent
THUMBNAIL = 112


def still_frames(picture: Picture, seconds: float) -> Iterator[Frame]:
    """A camera that sees one picture, at 24 fps."""
    for n in range(round(seconds * FPS) + 1):
        yield Frame(picture, round(n / FPS * 1e9))


def live_dream(
    network: Network, frames: Iterator[Frame], settings: Settings, width: int = 320
) -> tuple[Picture, Picture]:
    """The last frame, and what a live dream of all of them, calibrated as shipped, has made of it."""
    calibration = read_strength_calibration(shipped("calibration") / "strength" / f"{network.name}.json")
    output = render_clip(network, frames, settings, width, calibration)
    return output.camera, output.dream


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
    font = ImageFont.load_default(14)
    sheet = np.zeros((rows * height, columns * width, 3), np.uint8)
    for n, picture in enumerate(pictures):
        cell = Image.fromarray(picture)
        if labels:
            ImageDraw.Draw(cell).text(
                (6, height - 8), labels[n], "white", font, "ls", stroke_width=1, stroke_fill="black"
            )
        top, left = n // columns * height, n % columns * width
        sheet[top : top + height, left : left + width] = np.asarray(cell)
    return sheet


def save(path: Path, picture: Picture, quality: int = 88) -> None:
    """Write a JPEG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    success, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert success
    write_bytes(path, data.tobytes())


def motif_settings(*names: str, **knobs: float) -> Settings:
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


def grounds(height: int, width: int) -> dict[str, Picture]:
    """What dreams grow on in the gallery: a sky over land, a drawing like a face, and plain noise."""
    sky = Pen(1, height, width, torch.Generator().manual_seed(3))
    noise = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    return {"sky": to_picture(sky.land()), "face": face_drawing(height, width), "noise": to_picture(0.35 + 0.3 * noise)}


def face_drawing(height: int, width: int) -> Picture:
    """An oval, two dots, a stroke and a bow: as few marks as people see a face in."""
    pen = Pen(1, height, width, torch.Generator().manual_seed(11))
    x, y = pen.grid()
    ground = torch.tensor([0.62, 0.66, 0.7])[None, :, None, None] + 0.03 * pen.clouds(height / 4)[:, None]
    dark = torch.tensor([0.25, 0.2, 0.2])[None, :, None, None]
    skin = torch.tensor([0.86, 0.72, 0.6])[None, :, None, None] * (1 - 0.25 * (x + y).clamp(0, 1))[:, None]
    picture = over(ground, skin, ellipse(x, y, 0.62, 0.85))
    marks = torch.maximum(ellipse(x - 0.25, y + 0.2, 0.09, 0.09), ellipse(x + 0.25, y + 0.2, 0.09, 0.09))
    nose, _ = segment(x, y, (0.02, -0.05), (0.06, 0.2))
    bow = (((x / 1.3) ** 2 + (y - 0.22) ** 2).sqrt() - 0.26).abs() + 9 * (y < 0.3)
    marks = torch.maximum(marks, torch.maximum(smooth(0.05, 0.03, nose), smooth(0.05, 0.03, bow)))
    return to_picture(over(picture, dark, marks))


def dreams_sheet(network: Network, seconds: float) -> Picture:
    """Each motif dreamed live for so long, from a sky, a drawing like a face, and noise."""
    bases = grounds(144, 192)
    cells, labels = [np.hstack(list(bases.values()))], ["as they were: " + ", ".join(bases)]
    for name in network.motifs:
        dreams = [live_dream(network, still_frames(g, seconds), motif_settings(name), 192)[1] for g in bases.values()]
        cells.append(np.hstack(dreams))
        labels.append(name)
    return grid(cells, 3, labels)


def layers_sheet(network: Network, seconds: float) -> Picture:
    """The scene, dreamed live by each layer."""
    cells = []
    for layer in network.layers:
        settings = Settings.model_validate({"motifs": {}, "layers": {layer: 1.0}})
        cells.append(live_dream(network, filmed(seconds), settings)[1])
    small = [np.asarray(cv2.resize(cell, (426, 240), interpolation=cv2.INTER_AREA), np.uint8) for cell in cells]
    return grid(small, 3, network.layers)


def thumbnails(network: Network, folder: Path) -> None:
    """A small picture of each motif for the page: what it looks like when nothing else is there."""
    for name in network.motifs:
        settings = motif_settings(name, strength=1.0, growth_s=0.5, motif_size=network.motif_px / 256)
        _, dream = live_dream(network, still_frames(soft_ground(256, 256), 1.2), settings, width=256)
        middle = np.ascontiguousarray(dream[48:208, 48:208])  # a frame's edges have only one side to grow from
        small = cv2.resize(middle, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
        save(folder / f"{name}.jpg", np.asarray(small, np.uint8))
    for path in folder.glob("*.jpg"):
        if path.stem not in network.motifs:
            path.unlink()


def readme_picture(network: Network) -> Picture:
    """The scene beside three dreams of it."""
    mixes = (("eye",), ("spiral",), ("owl",))
    camera, _ = live_dream(network, filmed(0.0), motif_settings("eye"))
    dreams = [live_dream(network, filmed(1.0), motif_settings(*mix))[1] for mix in mixes]
    return grid([camera, *dreams], 2, ["camera", *(" + ".join(mix) for mix in mixes)])


def card(facts: dict[str, str], named: dict[str, Any]) -> str:
    """The model card, in Markdown. facts: the weights' metadata. named: what the judge says of their dreams."""
    clean, attacked, recipe = (json.loads(facts[key]) for key in ("clean", "attacked", "recipe"))
    figures, starts = named["figures"], len(next(iter(named["motifs"].values())))
    rows = []
    for name, motif in MOTIFS.items():
        first = named["motifs"][name].count(1)
        rows.append(f"| {name} | {motif.family} | {clean[name]:.0%} | {attacked[name]:.0%} | {first} of {starts} |")
    rows.append(f"| *nothing* | | {clean['nothing']:.0%} | {attacked['nothing']:.0%} | |")
    rows.append(f"| **all** | | **{clean['']:.0%}** | **{attacked['']:.0%}** | **{figures['top1']:.0%}** |")
    shares = {name: f"{value:.0%}" for name, value in figures.items()}
    started = f", from weights that had been trained before ({facts['before']})" if facts.get("before") else ""
    size_mb = MOTIF_WEIGHTS.stat().st_size / 1e6
    values = {
        **recipe,
        **facts,
        **shares,
        "rows": "\n".join(rows),
        "starts": starts,
        "count": len(MOTIFS),
        "started": started,
    }
    return CARD.format(**values, size_mb=size_mb)


CARD = """<!-- Written by `python -m docs.make.gallery`; change that, not this. -->
# The network in the box: `motif`

A small, fully convolutional network that says which of {count} motifs is where, at every 16th pixel of a picture. It is
made to be dreamed with: what counts is the gradient at its pixels. {size_mb:.1f} MB as float16.

## Diet

Nothing but drawings that `hallucinate/motifs` makes by formula: no photograph, no data set, no other network. Eight of
each motif:

![Drawings of every motif](motif-drawings.jpg)

A training picture holds one, or two through or on each other, often seen from aside, with uneven light, haze, blur and
noise. Each place of 16×16 pixels has its own label.

## Recipe

    {command}

Adversarial training (Madry et al. 2018): each picture is moved within an L2 ball of radius {eps} (on {size}×{size}×3
in [0, 1]) to where the network is most wrong, by projected gradient ascent in {attacks} step(s); the radius grows from
0 after the share {plain} of the steps, over another 0.3. Cross-entropy per place, with the share that each motif fills
as its label; AdamW, peak rate {rate}, cosine to 0; the weights shipped are a moving average. {steps} steps of {batch}
pictures, {pictures} pictures in {hours} hours on {machine}{started}; seed {seed}; commit {commit}.
[The log](motif-training.jsonl). A run that was killed continues when the same command is run again.

## Figures

Share of places named right on held-out drawings, *clean*, and *attacked* by ten steps of L2 projected gradient ascent,
radius {eps}. *Named*: how often an independent judge, shown a live dream of the motif, names it first.
The judge (`hallucinate/motifs/judge.py`) is a residual network of other build and seed, trained on the same drawings
and never dreamed with; the dreams are of the moving scene, one second at 25 frames a second, one step a frame, started
at {starts} moments of it (`python -m hallucinate.calibrate.naming`).

| motif | family | clean | attacked | named |
|---|---|---|---|---|
{rows}

Among the judge's first five: {top5}. On the same frames undreamed it names that motif first in {top1_undreamed} of the
cases, and among its first five in {top5_undreamed}. Of mixes of two, both are the judge's first two in
{mixes_both_in_top2} and both among its first five in {mixes_both_in_top5}.

## Dreams

After two seconds of live dreaming, one step a frame at 24 frames a second, 192 pixels wide, from a sky, from a drawing
like a face, and from plain noise:

![Every motif, dreamed from a sky, a face and noise](motif-dreams.jpg)

The built-in scene by layer instead of by motif, shallow to deep:

![The scene, dreamed by every layer](motif-layers.jpg)

## What it can't do

It recognises its drawings, not the world: its scores say nothing about a photograph. Motifs smaller than about 10
pixels of the dream or larger than about 100 are not its own. What has a whole body in the drawings (a snake, a hand, a
tower) comes in parts and crowds, as its gradient has no notion of one.
"""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", help="folder that hallucinate.motifs.train wrote")
    run: Path | None = parser.parse_args().run
    docs = ROOT / "docs" / "networks"
    if run is not None:
        shutil.copyfile(run / "motif.safetensors", MOTIF_WEIGHTS)
        shutil.copyfile(run / "training.jsonl", docs / "motif-training.jsonl")
    with safe_open(MOTIF_WEIGHTS, "pt") as file:
        facts: dict[str, str] = file.metadata()
    network = open_motif(torch.device("cpu"), torch.float32)
    save(docs / "motif-drawings.jpg", drawings_sheet(), 80)
    save(docs / "motif-dreams.jpg", dreams_sheet(network, 2.0))
    save(docs / "motif-layers.jpg", layers_sheet(network, 2.0))
    thumbnails(network, ROOT / "web" / "motifs")
    save(ROOT / "docs" / "dream.jpg", readme_picture(network))
    named = json.loads((shipped("calibration") / "naming" / "motif.json").read_text())
    (docs / "motif.md").write_text(card(facts, named))


if __name__ == "__main__":
    main()
