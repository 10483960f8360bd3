"""Motifs: nameable things, each drawn by a formula. All that the network in the box has ever seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hallucinate.motifs import animals, built, coats, constants, eyes, faces, minerals, plants, surfaces
from hallucinate.motifs.constants import Drawn
from hallucinate.motifs.drawing import Pen


class Motif(NamedTuple):
    """A family, for people, and what draws a batch of it."""

    family: str
    draw: Callable[[Pen], Drawn]


FAMILIES: dict[str, dict[str, Callable[[Pen], Drawn]]] = {
    "form constants": {
        "spiral": constants.spiral,
        "tunnel": constants.tunnel,
        "rays": constants.rays,
        "lattice": constants.lattice,
        "checkerboard": constants.checkerboard,
        "honeycomb": constants.honeycomb,
        "web": constants.web,
        "zigzag": constants.zigzag,
        "phosphenes": constants.phosphenes,
    },
    "coats": {
        "scales": coats.scales,
        "fur": coats.fur,
        "feather": coats.feather,
        "leopard": coats.leopard,
        "giraffe": coats.giraffe,
        "zebra": coats.zebra,
    },
    "surfaces": {
        "coral": surfaces.coral,
        "cracks": minerals.cracks,
        "bark": surfaces.bark,
        "leaf": surfaces.leaf,
        "ripples": surfaces.ripples,
        "flames": surfaces.flames,
        "clouds": surfaces.clouds,
        "lace": surfaces.lace,
        "knit": surfaces.knit,
        "mosaic": minerals.mosaic,
        "crystal": minerals.crystal,
    },
    "plants": {
        "flower": plants.flower,
        "mushroom": plants.mushroom,
        "tree": plants.tree,
        "fern": plants.fern,
    },
    "animals": {
        "shell": plants.shell,
        "jellyfish": animals.jellyfish,
        "fish": animals.fish,
        "butterfly": animals.butterfly,
        "bird": animals.bird,
        "snake": animals.snake,
        "lizard": animals.lizard,
    },
    "built": {
        "arches": built.arches,
        "tower": built.tower,
        "window": built.window,
        "stairs": built.stairs,
        "wheel": built.wheel,
        "gear": built.gear,
        "clock": built.clock,
        "keyhole": built.keyhole,
    },
    "eyes and faces": {
        "eye": eyes.eye,
        "insect-eye": eyes.insect_eye,
        "dog": faces.dog,
        "cat": faces.cat,
        "owl": faces.owl,
        "mask": faces.mask,
        "hand": faces.hand,
    },
}
"""What is drawn, by family."""

MOTIFS: dict[str, Motif] = {
    name: Motif(family, draw) for family, drawn in FAMILIES.items() for name, draw in drawn.items()
}
"""Every motif by name, in the order of the network's outputs."""

__all__ = ["FAMILIES", "MOTIFS", "Drawn", "Motif", "Pen"]
