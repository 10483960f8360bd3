"""High dynamic range and wide gamuts: what a screen of Rec. 709 shows of them, and where its colours are among theirs.

The chain, in light: the samples' own curve (PQ: ITU-R BT.2100 table 4; HLG: table 5 with its OOTF, gamma 1.2 at
1000 cd/m²; anything else: BT.1886), then the EETF of ITU-R BT.2390-11 §5.4.1 on the largest of the three components,
so that hue and saturation stay, then the matrix to BT.709's primaries (ITU-R BT.2087; what is outside is clipped), then
BT.1886 again. HDR's reference white of 203 cd/m² (ITU-R BT.2408) is SDR's white.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hallucinate.frame import Picture

PQ, HLG = 16, 18
"""FFmpeg's numbers of the two HDR curves (ITU-T H.273, table 3)."""

BT709, BT2020, P3 = 1, 9, 12
"""FFmpeg's numbers of primaries (ITU-T H.273, table 2). 11, the cinema's P3, is taken for P3: white stays white."""

CHROMATICITIES = {
    BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
"""x and y of red, green and blue; white is D65 (ITU-T H.273, table 2)."""

D65 = (0.3127, 0.3290)
WHITE_NITS, PEAK_NITS, TOP_NITS = 203.0, 1000.0, 10_000.0
"""In cd/m²: HDR's reference white, the peak of a film that declares none, and the most that PQ can say."""

GAMMA, SYSTEM_GAMMA = 2.4, 1.2
"""BT.1886's exponent, and that of HLG's OOTF at a peak of 1000 cd/m²."""

Codes = npt.NDArray[np.uint16]
"""uint16 R'G'B' (H, W, 3), 0 to 65535, full range, in a volume's own curve and primaries."""

Array = npt.NDArray[np.float64]

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A = 0.17883277
_B, _C = 1 - 4 * _A, 0.5 - _A * np.log(4 * _A)

_TABLE = 65536
_ROOT = 4.0
"""Light is looked up by its fourth root: fine enough in the dark, which PQ is for."""


def pq_to_nits(signal: Array) -> Array:
    """PQ's EOTF: a signal in [0, 1] -> cd/m², 0 to 10 000 (BT.2100, table 4)."""
    power = np.power(signal, 1 / _M2)
    return TOP_NITS * np.power(np.maximum(power - _C1, 0) / (_C2 - _C3 * power), 1 / _M1)


def nits_to_pq(nits: Array) -> Array:
    """The inverse of ``pq_to_nits``."""
    power = np.power(np.clip(nits, 0, TOP_NITS) / TOP_NITS, _M1)
    return np.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2)


def hlg_to_scene(signal: Array) -> Array:
    """HLG's inverse OETF: a signal in [0, 1] -> the scene's light in [0, 1] (BT.2100, table 5)."""
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)


def scene_to_hlg(light: Array) -> Array:
    """The inverse of ``hlg_to_scene``."""
    light = np.clip(light, 0, 1)
    return np.where(light <= 1 / 12, np.sqrt(3 * light), _A * np.log(np.maximum(12 * light - _B, 1e-9)) + _C)


def eetf(nits: Array, peak: float, target: float = WHITE_NITS) -> Array:
    """Light of a screen of ``peak`` cd/m² -> that of one of ``target``, both black at 0 (BT.2390-11, §5.4.1)."""
    if peak <= target:
        return np.minimum(nits, target)
    top = float(nits_to_pq(np.array(peak)))
    most = float(nits_to_pq(np.array(target))) / top
    knee = 1.5 * most - 0.5
    before = np.clip(nits_to_pq(nits) / top, 0, 1)
    t = (before - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return pq_to_nits(np.where(before < knee, before, spline) * top)


@dataclass(frozen=True)
class Volume:
    """What samples mean in light. transfer, primaries: FFmpeg's numbers. peak_nits: the brightest that is there."""

    transfer: int
    primaries: int
    peak_nits: float = PEAK_NITS

    @classmethod
    def of(cls, transfer: int, primaries: int, peak_nits: float | None = None) -> Volume:
        """From a film's or a picture's tags. HDR of unnamed primaries is BT.2020's; 601's count as 709's."""
        if transfer not in (PQ, HLG):
            transfer, peak_nits = BT709, None
        elif primaries in (0, 2):
            primaries = BT2020
        primaries = {BT2020: BT2020, P3: P3, 11: P3}.get(primaries, BT709)
        peak = PEAK_NITS if transfer == HLG or not peak_nits else min(max(peak_nits, WHITE_NITS), TOP_NITS)
        return cls(transfer, primaries, peak)

    @property
    def is_hdr(self) -> bool:
        """Whether it is tone mapped to be seen."""
        return self.transfer in (PQ, HLG)

    @property
    def is_plain(self) -> bool:
        """Whether its samples are seen as they are."""
        return not self.is_hdr and self.primaries == BT709

    def to_sdr(self, codes: Codes) -> Picture:
        """R'G'B' of this volume, uint16 (H, W, 3) -> what a screen of Rec. 709 shows of it, uint8 RGB (H, W, 3)."""
        tables = _tables(self)
        light: Any = np.take(tables.light, codes)
        if self.is_hdr:
            largest = cv2.max(cv2.max(light[..., 0], light[..., 1]), light[..., 2])
            if self.transfer == HLG:
                luma = cv2.transform(light, luminance(self.primaries)[None].astype(np.float32))
                ootf = cv2.pow(luma.reshape(largest.shape), SYSTEM_GAMMA - 1) * np.float32(PEAK_NITS / WHITE_NITS)
                largest = largest * ootf
            gain = np.take(tables.gain, _by_root(largest, TOP_NITS / WHITE_NITS))
            if self.transfer == HLG:
                gain *= ootf
            light = cv2.multiply(light, cv2.merge([gain] * 3))
        if self.primaries != BT709:
            light = cv2.transform(light, primaries_matrix(self.primaries, BT709).astype(np.float32))
        seen = cv2.pow(np.clip(light, 0, 1), 1 / GAMMA)
        return np.asarray(cv2.convertScaleAbs(seen, alpha=255), np.uint8)

    def from_sdr(self, picture: Picture) -> Codes:
        """uint8 RGB (H, W, 3) of Rec. 709 -> where BT.2408 §5.1 places it: its white at 203 cd/m², nothing expanded.

        uint16 R'G'B' of this volume, (H, W, 3).
        """
        light: Any = np.take(np.power(np.arange(256) / 255, GAMMA).astype(np.float32), picture)
        if self.primaries != BT709:
            light = cv2.transform(light, primaries_matrix(BT709, self.primaries).astype(np.float32))
        light = np.clip(light, 0, 1)
        if self.transfer == HLG:
            # Light of the screen -> light of the scene: BT.2100's OOTF inverted.
            luma = cv2.transform(light, luminance(self.primaries)[None].astype(np.float32)).reshape(light.shape[:2])
            share = np.maximum(luma * np.float32(WHITE_NITS / PEAK_NITS), np.float32(1e-9))
            light = light * (np.power(share, 1 / SYSTEM_GAMMA - 1) * np.float32(WHITE_NITS / PEAK_NITS))[..., None]
        return np.asarray(np.take(_tables(self).codes, _by_root(light, 1.0)), np.uint16)


@dataclass(frozen=True)
class _Tables:
    """light: by code; of the screen in units of WHITE_NITS, HLG's of the scene. gain: what the EETF multiplies by, by
    the root of the largest component. codes: by the root of light in the same units as ``light``."""

    light: npt.NDArray[np.float32]
    gain: npt.NDArray[np.float32]
    codes: Codes


@functools.lru_cache(maxsize=8)
def _tables(volume: Volume) -> _Tables:
    """All in float64, once for each volume."""
    signal = np.linspace(0, 1, _TABLE)
    roots = signal**_ROOT
    if volume.transfer == PQ:
        light, codes = pq_to_nits(signal) / WHITE_NITS, nits_to_pq(roots * WHITE_NITS)
    elif volume.transfer == HLG:
        light, codes = hlg_to_scene(signal), scene_to_hlg(roots)
    else:
        light, codes = signal**GAMMA, roots ** (1 / GAMMA)
    nits = np.maximum(roots * TOP_NITS, 1e-9)  # brighter than the peak too: it is tagged by people
    gain = eetf(nits, volume.peak_nits) / nits
    return _Tables(light.astype(np.float32), gain.astype(np.float32), np.round(codes * (_TABLE - 1)).astype(np.uint16))


def _by_root(light: Any, top: float) -> Codes:
    """Where light is in a table by its root; ``top``: what the table's end stands for."""
    roots = cv2.pow(np.clip(light / np.float32(top), 0, 1), 1 / _ROOT)
    return np.asarray(roots * np.float32(_TABLE - 1) + np.float32(0.5), np.uint16)


def primaries_matrix(source: int, to: int) -> Array:
    """(3, 3): linear RGB of one set of primaries -> that of another. White stays white."""
    return np.linalg.inv(_to_xyz(to)) @ _to_xyz(source)


def luminance(primaries: int) -> Array:
    """(3,): what red, green and blue of these primaries add to luminance; together 1."""
    return np.asarray(_to_xyz(primaries)[1])


def _to_xyz(primaries: int) -> Array:
    """(3, 3): linear RGB -> CIE XYZ (SMPTE RP 177)."""
    corners = np.array([(x / y, 1, (1 - x - y) / y) for x, y in CHROMATICITIES[primaries]]).T
    white = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    return np.asarray(corners * np.linalg.solve(corners, white))
