"""Motifs: nameable things, each drawn by a formula. All that the network in the box has ever seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hallucinate.motifs.constants import Drawn, checkerboard, honeycomb, spiral, stripes, tunnel, web
from hallucinate.motifs.creatures import face, snake
from hallucinate.motifs.drawing import Pen
from hallucinate.motifs.surfaces import coral, feather, flames, fur, scales, spots
from hallucinate.motifs.things import arches, butterfly, eye, fish, flower, gear, mushroom


class Motif(NamedTuple):
    """A family, for people, and what draws a batch of it."""

    family: str
    draw: Callable[[Pen], Drawn]


MOTIFS: dict[str, Motif] = {
    "spiral": Motif("form constants", spiral),
    "tunnel": Motif("form constants", tunnel),
    "checkerboard": Motif("form constants", checkerboard),
    "honeycomb": Motif("form constants", honeycomb),
    "web": Motif("form constants", web),
    "stripes": Motif("form constants", stripes),
    "scales": Motif("surfaces", scales),
    "fur": Motif("surfaces", fur),
    "coral": Motif("surfaces", coral),
    "spots": Motif("surfaces", spots),
    "flames": Motif("surfaces", flames),
    "feather": Motif("surfaces", feather),
    "eye": Motif("things", eye),
    "flower": Motif("things", flower),
    "mushroom": Motif("things", mushroom),
    "butterfly": Motif("things", butterfly),
    "fish": Motif("things", fish),
    "gear": Motif("things", gear),
    "arches": Motif("things", arches),
    "face": Motif("creatures", face),
    "snake": Motif("creatures", snake),
}
"""Every motif by name, in the order of the network's outputs."""

__all__ = ["MOTIFS", "Drawn", "Motif", "Pen"]
