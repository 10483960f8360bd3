"""Boards to calibrate lenses with: printed at true scale, and found in pictures."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from hallucinate.errors import LensError, OptionError
from hallucinate.files import write_bytes
from hallucinate.frame import Picture
from hallucinate.panorama.projections import Array
from hallucinate.writing import writing

MODULES = 8
"""Modules to a square: a ChArUco marker of 4×4 bits has six, its black border among them, and one of white around."""

PAPERS_MM = {"A4": (297.0, 210.0), "A3": (420.0, 297.0), "A2": (594.0, 420.0), "A1": (841.0, 594.0)}
MARGIN_MM = 8.0
MM_PER_POINT = 25.4 / 72
PNG_DPI = 300


@dataclass(frozen=True)
class Board:
    """A checkerboard of ``columns`` × ``rows`` squares of ``square_mm``; ChArUco has a marker in each white one.

    Its corners are those between four squares: (columns − 1) × (rows − 1).
    """

    kind: Literal["charuco", "checkerboard"] = "charuco"
    columns: int = 10
    rows: int = 7
    square_mm: float = 25.0

    def __post_init__(self) -> None:
        if self.columns < 4 or self.rows < 4 or self.columns * self.rows > 2000 or not 1 <= self.square_mm <= 1000:
            raise LensError(
                f"a board of {self.columns}×{self.rows} squares of {self.square_mm:g} mm is not allowed; give at most "
                "2000 squares, at least 4 to a side, of 1 to 1000 mm",
                code="board_invalid",
            )

    @property
    def corners(self) -> int:
        """How many corners all of the board has."""
        return (self.columns - 1) * (self.rows - 1)

    @cached_property
    def _charuco(self) -> Any:
        markers = self.columns * self.rows // 2
        sizes = {50: "DICT_4X4_50", 100: "DICT_4X4_100", 250: "DICT_4X4_250", 1000: "DICT_4X4_1000"}
        name = next(name for count, name in sizes.items() if count >= markers)
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))
        return cv2.aruco.CharucoBoard((self.columns, self.rows), float(MODULES), MODULES - 2.0, dictionary)

    def modules(self) -> Picture:
        """The board, a pixel to a module: uint8 (rows · 8, columns · 8), 0 or 255."""
        if self.kind == "charuco":
            size = (self.columns * MODULES, self.rows * MODULES)
            # Drawn larger and thinned out: at a pixel to a module OpenCV resamples its markers.
            large = self._charuco.generateImage((size[0] * 10, size[1] * 10), marginSize=0, borderBits=1)
            return np.asarray(np.where(large[5::10, 5::10] > 127, 255, 0), np.uint8)
        y, x = np.indices((self.rows, self.columns))
        squares = np.where((x + y) % 2, 255, 0).astype(np.uint8)
        return np.kron(squares, np.ones((MODULES, MODULES), np.uint8))

    def find(self, picture: Picture) -> tuple[Array, Array]:
        """The corners in a picture, uint8 (H, W, 3) or (H, W): where on the board in mm (n, 2), and pixels (n, 2)."""
        grey = picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)
        across = self.columns - 1
        if self.kind == "checkerboard":
            flags = cv2.CALIB_CB_ACCURACY | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE
            found, corners = cv2.findChessboardCornersSB(grey, (across, self.rows - 1), flags=flags)
            ids = np.arange(self.corners if found else 0)
        else:
            corners, ids = self._find_charuco(grey)
        if not len(ids):
            return np.empty((0, 2)), np.empty((0, 2))
        on_board = np.stack([ids % across + 1, ids // across + 1], -1) * self.square_mm
        return on_board.astype(np.float64), np.asarray(corners, np.float64).reshape(-1, 2)

    def _find_charuco(self, grey: Picture) -> tuple[Any, Any]:
        detection = cv2.aruco.DetectorParameters()
        detection.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
        detector = cv2.aruco.CharucoDetector(self._charuco, cv2.aruco.CharucoParameters(), detection)
        corners, ids, _, _ = detector.detectBoard(grey)
        if ids is None or not len(ids):
            return (), ()
        corners = np.asarray(corners, np.float32).reshape(-1, 1, 2)
        # The window ends before the markers, which would pull: half a module and more from the corner.
        apart = np.linalg.norm(corners[:, None, 0] - corners[None, :, 0], axis=-1)
        np.fill_diagonal(apart, np.inf)
        window = int(np.clip(np.median(apart.min(0)) / MODULES * 0.9, 2, 9)) if len(corners) > 1 else 3
        criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 40, 0.001)
        return cv2.cornerSubPix(grey, corners, (window, window), (-1, -1), criteria), np.asarray(ids).ravel()

    def write(self, path: Path, paper: str = "A4") -> str:
        """Write the board as a PDF, or as a PNG that knows its size; returns what to do with it, in words.

        Raises LensError when it does not fit on the paper, OutputError when the file cannot be written.
        """
        width, height = self.columns * self.square_mm, self.rows * self.square_mm
        page = PAPERS_MM[paper]
        if width > page[0] - 2 * MARGIN_MM or height > page[1] - 2 * MARGIN_MM:
            most = min((page[0] - 2 * MARGIN_MM) / self.columns, (page[1] - 2 * MARGIN_MM) / self.rows)
            raise LensError(
                f"a board of {width:g}×{height:g} mm does not fit on {paper} ({page[0]:g}×{page[1]:g} mm): "
                f"give --square-mm {int(most)} or less, or a larger --paper: {', '.join(PAPERS_MM)}",
                code="board_invalid",
            )
        if path.suffix.lower() not in (".pdf", ".png"):
            raise OptionError(f"--out {path}: a board is written as .pdf or .png; name a file that ends so")
        with writing(path):
            write_bytes(path, self._pdf(page) if path.suffix.lower() == ".pdf" else self._png())
        return (
            f"{path}: {self.kind}, {self.columns}×{self.rows} squares of {self.square_mm:g} mm. Print it at 100 %, "
            "measure a square, and glue it to something flat."
        )

    def _pdf(self, page_mm: tuple[float, float]) -> bytes:
        """One page with the black modules as rectangles: sharp at any size, and no viewer can smooth them."""
        module = self.square_mm / MODULES
        black = self.modules() == 0
        start = (page_mm[0] - self.columns * self.square_mm) / 2
        top = (page_mm[1] + self.rows * self.square_mm) / 2
        scale = f"{1 / MM_PER_POINT:.8f}"
        drawing = [f"{scale} 0 0 {scale} 0 0 cm"]
        for row, line in enumerate(black):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
            drawing += [
                f"{start + a * module:.4f} {top - (row + 1) * module:.4f} {(b - a) * module:.4f} {module:.4f} re"
                for a, b in edges.reshape(-1, 2)
            ]
        label = f"{self.kind} {self.columns} x {self.rows}, squares of {self.square_mm:g} mm: print at 100 %"
        drawing.append(f"f BT /F 3 Tf {start:.2f} 3 Td ({label}) Tj ET")
        stream = zlib.compress("\n".join(drawing).encode())
        box = " ".join(f"{side / MM_PER_POINT:.3f}" for side in page_mm)
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {box}] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> "
            ">>".encode(),
            f"<< /Length {len(stream)} /Filter /FlateDecode >>\nstream\n".encode() + stream + b"\nendstream",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        ]
        out, places = b"%PDF-1.4\n", []
        for n, body in enumerate(objects, 1):
            places.append(len(out))
            out += f"{n} 0 obj\n".encode() + body + b"\nendobj\n"
        table = "".join(f"{place:010d} 00000 n \n" for place in places)
        size = len(objects) + 1
        tail = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
        return out + f"xref\n0 {size}\n0000000000 65535 f \n{table}{tail}".encode()

    def _png(self) -> bytes:
        """A whole number of pixels to a module, with how many make a metre (the pHYs chunk)."""
        module_mm = self.square_mm / MODULES
        pixels = max(1, round(module_mm * PNG_DPI / 25.4))
        large = np.kron(self.modules(), np.ones((pixels, pixels), np.uint8))
        border = pixels * MODULES // 2
        data = cv2.imencode(".png", np.pad(large, border, constant_values=255))[1].tobytes()
        per_metre = round(pixels * 1000 / module_mm)
        body = b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)
        chunk = struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body))
        return data[:33] + chunk + data[33:]  # after the signature and IHDR
