"""The colours of picture files: from a file's samples and profile to 8-bit sRGB, and a dream back into them."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from hallucinate.frame import Picture
from hallucinate.sources.tone import Volume

INTENT, FLAGS = ImageCms.Intent.RELATIVE_COLORIMETRIC, ImageCms.Flags.BLACKPOINTCOMPENSATION
"""How profiles are converted, as browsers do: colours that both have stay, others are clipped."""

SAME_WITHIN = 2
"""A profile that moves no colour of a coarse cube by more than so many of 255 is sRGB under another name."""

CONVERTED = "its colours are converted to sRGB"

SRGB_GAMMA, SRGB_POINTS = 1 / 2.2, (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""What a PNG's gAMA and cHRM say where it is sRGB (PNG specification, 11.3.2.5): x and y of white, red, green, blue."""

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

Samples = npt.NDArray[Any]


@dataclass(frozen=True)
class Colours:
    """A picture as its file stores it. straight: uint8 RGB (H, W, 3). alpha: uint8 (H, W), None where all is opaque."""

    straight: Picture
    alpha: Picture | None = None

    def over_black(self) -> Picture:
        """uint8 RGB (H, W, 3): alpha over black."""
        if self.alpha is None:
            return self.straight
        opacity = cv2.merge([self.alpha] * 3)
        return np.asarray(cv2.multiply(self.straight, opacity, scale=1 / 255), np.uint8)


@dataclass(frozen=True)
class Profiled:
    """A picture in its file's own RGB profile, which is not sRGB.

    own: uint8 (H, W, 3) in the profile. seen: the same in sRGB, which is what is dreamed of. profile: the ICC profile.
    """

    own: Picture
    seen: Picture
    profile: bytes

    def with_dream(self, after: Picture) -> Picture:
        """A dream of ``seen``, uint8 RGB (H, W, 3) in sRGB, brought into the profile: what it added, added to ``own``.

        What is not dreamed stays as it was, colours outside of sRGB too.
        """
        transform = ImageCms.buildTransform(SRGB, _profile(self.profile), "RGB", "RGB", INTENT, FLAGS)
        new, old = (np.asarray(_applied(transform, picture), np.int16) for picture in (after, self.seen))
        return np.asarray((new - old + self.own).clip(0, 255), np.uint8)


def colours_of(image: Image.Image) -> Colours:
    """The samples of a loaded picture of any mode in its own colours: CMYK by rule of thumb, deep ones as 8 bits."""
    if image.mode.startswith(("I", "F")):
        return Colours(np.asarray(cv2.merge([to_8_bits(np.asarray(image))] * 3), np.uint8))
    if image.mode != "LAB" and ({"A", "a"} & set(image.getbands()) or "transparency" in image.info):
        array = np.asarray(image.convert("RGBA"))
        return Colours(np.ascontiguousarray(array[..., :3]), np.ascontiguousarray(array[..., 3]))
    if image.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        image = _applied(ImageCms.buildTransform(lab, SRGB, "LAB", "RGB", INTENT), image)
    return Colours(np.asarray(image.convert("RGB"), np.uint8))


def to_8_bits(samples: Samples) -> Picture:
    """Integers or floats of any depth -> uint8 of the same shape.

    Unsigned 16 bits are full at 65535. Of others nothing says where white is: at 1, 255, 65535 or 2³² − 1, the first
    that no sample exceeds. What is not a number is black.
    """
    if samples.dtype == np.uint8:
        return samples
    values = np.nan_to_num(np.asarray(samples, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    floats = samples.dtype.kind == "f"
    steps = ([1.0, 255.0] if floats else []) + [65535.0, 2.0**32 - 1]
    top = float(values.max(initial=0.0))
    white = next((step for step in steps if top <= step), top)
    return np.asarray(np.rint(values.clip(0, white) * (255 / white)), np.uint8)


def encoded(light: Samples) -> Samples:
    """Linear light, float, 1 is white -> sRGB's curve, float in [0, 1] (IEC 61966-2-1); brighter is clipped."""
    clipped = np.nan_to_num(light, nan=0.0).clip(0, 1)
    return np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * np.power(clipped, 1 / 2.4) - 0.055)


def to_srgb(image: Image.Image, colours: Colours, file: bytes) -> tuple[Colours, bytes | None, list[str]]:
    """A picture's colours in sRGB; its RGB profile, None where it has none or that is sRGB; and notes in words.

    HDR and wide gamuts that are tagged by numbers (CICP, ITU-T H.273) become Rec. 709 as films do, see ``tone``. Any
    other picture is converted by its ICC profile; one without is taken for sRGB.
    """
    volume = cicp(file)
    if volume is not None and not volume.is_plain:
        seen = volume.to_sdr(colours.straight.astype(np.uint16) * np.uint16(257))
        what = "high dynamic range is tone mapped to sRGB" if volume.is_hdr else CONVERTED
        return Colours(seen, colours.alpha), None, [what]
    icc = image.info.get("icc_profile")
    if not icc:
        by_gamma = by_numbers(image, colours.straight)
        return (colours, None, []) if by_gamma is None else (Colours(by_gamma, colours.alpha), None, [CONVERTED])
    try:
        profile = _profile(icc)
        space = profile.profile.xcolor_space.strip()
        source = _for_profile(image, colours, space)
        if source is None:
            other = ["its colour profile is for RGB, which it is not, and is omitted"] if space == "RGB" else []
            return colours, None, other
        if space == "RGB" and _is_srgb(profile):
            return colours, None, []
        transform = ImageCms.buildTransform(profile, SRGB, source.mode, "RGB", INTENT, FLAGS)
        seen = np.asarray(_applied(transform, source), np.uint8)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return colours, None, ["its colour profile cannot be read, and its colours are taken for sRGB"]
    return Colours(seen, colours.alpha), icc if space == "RGB" else None, []


def by_numbers(image: Image.Image, straight: Picture) -> Picture | None:
    """A PNG's samples, uint8 RGB (H, W, 3), in sRGB by its gAMA and cHRM, as browsers convert them; None where it has
    no gamma, or that and its primaries are sRGB's (PNG specification, 11.3.2.1 and 11.3.2.2)."""
    gamma, points = image.info.get("gamma"), image.info.get("chromaticity", SRGB_POINTS)
    if image.format != "PNG" or "srgb" in image.info or not isinstance(gamma, float) or not 0.01 <= gamma <= 10:
        return None
    plain = np.abs(np.subtract(points, SRGB_POINTS)).max() < 0.005 or min(points) <= 0
    if plain and abs(gamma - SRGB_GAMMA) < 0.02:
        return None
    curve = np.power(np.arange(256) / 255, 1 / gamma)
    if plain:
        return np.asarray(cv2.LUT(straight, np.rint(encoded(curve) * 255).astype(np.uint8)), np.uint8)
    light: Any = np.take(curve.astype(np.float32), straight)
    matrix = np.linalg.inv(_to_xyz(SRGB_POINTS)) @ _to_xyz(points)
    return np.asarray(np.rint(encoded(cv2.transform(light, matrix.astype(np.float32))) * 255), np.uint8)


def _to_xyz(points: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """(3, 3): linear RGB of these primaries -> CIE XYZ (SMPTE RP 177), from x and y of white, red, green and blue."""
    white, *corners = [np.array([x / y, 1, (1 - x - y) / y]) for x, y in zip(points[::2], points[1::2], strict=True)]
    columns = np.array(corners).T
    return np.asarray(columns * np.linalg.solve(columns, white))


def _for_profile(image: Image.Image, colours: Colours, space: str) -> Image.Image | None:
    """The picture's samples as a profile of this colour space takes them; None where it is for other samples."""
    if space == "CMYK":
        return image if image.mode == "CMYK" else None
    if image.mode in ("CMYK", "LAB"):
        return None
    if space == "GRAY":
        grey = image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I")
        return Image.fromarray(np.ascontiguousarray(colours.straight[..., 0])) if grey else None
    return Image.fromarray(colours.straight) if space == "RGB" else None


def _profile(icc: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(icc))


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(9, 81, 3)
    transform = ImageCms.buildTransform(profile, SRGB, "RGB", "RGB", INTENT, FLAGS)
    return int(np.abs(np.asarray(_applied(transform, cube), np.int16) - cube).max()) <= SAME_WITHIN


def _applied(transform: ImageCms.ImageCmsTransform, picture: Image.Image | Picture) -> Image.Image:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    changed = ImageCms.applyTransform(image, transform)
    assert changed is not None  # None is for a change in place
    return changed


def cicp(file: bytes) -> Volume | None:
    """What a file's CICP numbers say of its samples: of an AVIF's ``nclx`` box or a PNG's ``cICP`` chunk; else None."""
    head = file[: 1 << 16]
    if head[4:8] == b"ftyp":
        at = head.find(b"colrnclx")
        return None if at < 0 else Volume.of(*reversed(struct.unpack_from(">HH", head.ljust(at + 12, b"\0"), at + 8)))
    at, pixels = head.find(b"cICP"), head.find(b"IDAT")
    if head.startswith(b"\x89PNG") and 0 < at < (pixels if pixels > 0 else len(head)) and at + 6 <= len(head):
        return Volume.of(head[at + 5], head[at + 4])
    return None
