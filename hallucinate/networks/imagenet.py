"""The thousand things that ImageNet's networks tell apart, in a few families for people who look for one.

The order is that of the challenge (Russakovsky et al. 2015), in which animals and most else are in runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

RUNS = (
    (0, "fish"),
    (7, "birds"),
    (25, "frogs and newts"),
    (33, "reptiles"),
    (69, "sea life"),  # a trilobite
    (70, "spiders"),
    (80, "birds"),
    (101, "mammals"),
    (107, "sea life"),
    (127, "birds"),
    (147, "mammals"),
    (151, "dogs"),
    (269, "wolves and foxes"),
    (281, "cats"),
    (294, "mammals"),
    (300, "insects"),
    (327, "sea life"),
    (330, "mammals"),
    (389, "fish"),
    (398, "things"),
    (924, "food"),
    (970, "landscapes"),
    (981, "people"),
    (984, "plants"),
    (991, "fungi"),
    (998, "plants"),
    (999, "things"),
)
"""Where each run begins."""

CLASSES = 1000

BUILT = """
altar apiary bakery barbershop barn beacon bell_cote boathouse bookshop breakwater butcher_shop castle church
cinema cliff_dwelling confectionery dam dock dome drilling_platform fountain greenhouse grocery_store
home_theater library lumbermill megalith mobile_home monastery mosque obelisk palace patio pier planetarium
prison restaurant shoe_shop stage steel_arch_bridge stone_wall stupa suspension_bridge thatch tile_roof
tobacco_shop totem_pole toyshop triumphal_arch viaduct water_tower yurt
"""
"""Buildings and places, which are scattered among the things; a space is written as _."""


def families(names: Sequence[str]) -> Mapping[str, str]:
    """A family for each name, in ImageNet's order; none at all where these are not its thousand."""
    if len(names) != CLASSES:
        return {}
    found = {}
    for (begin, family), (end, _) in zip(RUNS, (*RUNS[1:], (CLASSES, "")), strict=True):
        found.update(dict.fromkeys(names[begin:end], family))
    built = {name.replace("_", " ") for name in BUILT.split()}
    return {name: "buildings" if name in built else family for name, family in found.items()}


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each of them once: what is there twice is distinguished by the number of its class."""
    times = Counter(names)
    return tuple(name if times[name] == 1 else f"{name} (class {k})" for k, name in enumerate(names))


def class_names(classes: int) -> tuple[str, ...]:
    """ImageNet's names where there are as many classes; else their numbers."""
    if classes != CLASSES:
        return tuple(f"class {k}" for k in range(classes))
    # Here, because torchvision takes as long to import as torch, and the network in the box needs none of it.
    from torchvision.models import GoogLeNet_Weights

    return distinct(GoogLeNet_Weights.IMAGENET1K_V1.meta["categories"])
