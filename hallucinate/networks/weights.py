"""Where weights are, and how they get there: found in a folder, or downloaded, resumed, checked and moved in whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import rich.progress
import torch
from rich.progress import BarColumn, DownloadColumn, TransferSpeedColumn

from hallucinate.console import open_console
from hallucinate.errors import WeightsError
from hallucinate.files import cache_file, with_home
from hallucinate.progress import name_column
from hallucinate.writing import FIXES

FOLDER = "HALLUCINATE_WEIGHTS"
"""The environment variable that names a folder of weights: searched first, and downloaded into."""

WAIT_S = 20.0
CHUNK = 1 << 18

DownloadProgress = Callable[[int, int], None]
"""Called while a file is downloaded, with the bytes that are here and the bytes in all, 0 where they are unknown."""


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights. url: where it is downloaded from. size_mb: about how large.

    sha256_prefix: the first hexadecimal digits of its SHA-256.
    """

    url: str
    sha256_prefix: str
    size_mb: float

    @classmethod
    def of_torchvision(cls, file: str, size_mb: float) -> WeightsFile:
        """One of torchvision's files, whose names end in the first digits of their hash, as torch hub's do."""
        return cls(f"https://download.pytorch.org/models/{file}", file.rsplit("-", 1)[1].split(".")[0], size_mb)

    @property
    def file(self) -> str:
        """The file's name, wherever it is."""
        return self.url.rsplit("/", 1)[1]


ZOO_WEIGHTS = {
    "googlenet": WeightsFile.of_torchvision("googlenet-1378be20.pth", 49.7),
    "inception_v3": WeightsFile.of_torchvision("inception_v3_google-0cc3c7bd.pth", 103.9),
    "vgg16": WeightsFile.of_torchvision("vgg16-397923af.pth", 527.8),
    "vgg19": WeightsFile.of_torchvision("vgg19-dcbb9e9d.pth", 548.1),
    "resnet50": WeightsFile.of_torchvision("resnet50-0676ba61.pth", 97.8),
    "squeezenet1_1": WeightsFile.of_torchvision("squeezenet1_1-b8a52dc0.pth", 4.7),
    "mobilenet_v3_large": WeightsFile.of_torchvision("mobilenet_v3_large-8738ca79.pth", 21.1),
    "efficientnet_b0": WeightsFile.of_torchvision("efficientnet_b0_rwightman-7f5810bc.pth", 20.5),
    "convnext_tiny": WeightsFile.of_torchvision("convnext_tiny-983f1562.pth", 109.1),
}
"""torchvision's own files, all of its first recipe (IMAGENET1K_V1), which the field's dreams were made with. Known
without importing torchvision, which takes as long as torch; a test holds the two together."""


def weights_folders() -> list[Path]:
    """Where weights are looked for, in turn: the user's own folder, ours, torch hub's."""
    own = os.environ.get(FOLDER)
    hub = Path(torch.hub.get_dir()) / "checkpoints"
    return [*([with_home(own)] if own else []), cache_file("weights"), hub]


def find_weights(source: WeightsFile) -> Path | None:
    """Where the file is on this machine, or None. Its contents are not looked at."""
    return next((path for folder in weights_folders() if (path := folder / source.file).is_file()), None)


def ensure_weights(source: WeightsFile, progress: DownloadProgress | None = None) -> Path:
    """The file, checked; downloaded if it is nowhere yet. Raises WeightsError as ``download_weights`` does."""
    path = find_weights(source)
    if path is None:
        return download_weights(source, weights_folders()[0], progress)
    if not digest(path).startswith(source.sha256_prefix):
        raise WeightsError(
            f"{path} is not what its name says: its SHA-256 does not begin with {source.sha256_prefix}; "
            "remove it, and it is downloaded again"
        )
    return path


def download_weights(source: WeightsFile, folder: Path, progress: DownloadProgress | None = None) -> Path:
    """Download a file into a folder, on from where an earlier try broke off; its name appears when all of it is right.

    progress: None for a bar in the terminal, where there is one. Raises WeightsError, in one line, when the file cannot
    be downloaded, breaks off, is not the one that was requested, or does not fit on the disk.
    """
    path = folder / source.file
    part = path.with_name(f"{path.name}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.nullcontext(progress) if progress else bar(source.file) as report:
            _download(source, part, report)
        if not digest(part).startswith(source.sha256_prefix):
            part.unlink()
            raise WeightsError(
                f"what {source.url} sent is not the file: its SHA-256 does not begin with {source.sha256_prefix}; "
                f"try again, or {_by_hand(source, folder)}"
            )
        os.replace(part, path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            with contextlib.suppress(OSError):
                part.unlink()
            raise WeightsError(
                f"the disk of {folder} is full: {source.file} needs {source.size_mb:.0f} MB; "
                f"free some space, or name another folder with {FOLDER}"
            ) from None
        if isinstance(error, urllib.error.HTTPError):
            error.close()
            why = f"the server says {error.code} {error.reason}"
        elif isinstance(error, urllib.error.URLError):
            why = str(getattr(error.reason, "strerror", None) or error.reason)
        elif error.errno in FIXES:
            raise WeightsError(
                f"{folder} cannot be written ({error.strerror}); name another folder with {FOLDER}"
            ) from None
        else:
            why = error.strerror or str(error) or type(error).__name__
        raise WeightsError(f"{source.url} could not be downloaded ({why}); {_by_hand(source, folder)}") from None
    return path


@contextlib.contextmanager
def bar(words: str) -> Iterator[DownloadProgress]:
    """A bar on standard error, while something is downloaded; nothing where that is not a terminal."""
    console = open_console(stderr=True)
    columns = (name_column(), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with rich.progress.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task(words, total=None)
        yield lambda here, total: bars.update(task, completed=here, total=total or None)


def _by_hand(source: WeightsFile, folder: Path) -> str:
    return f"download {source.url} by hand and put it into {folder}"


def _download(source: WeightsFile, part: Path, progress: DownloadProgress) -> None:
    """Download into ``part`` what it does not hold yet. Raises OSError, a part of a file that broke off included."""
    here = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(source.url, headers={"Range": f"bytes={here}-"} if here else {})
    try:
        reply = urllib.request.urlopen(request, timeout=WAIT_S)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not here:
            raise
        error.close()
        return  # all of it was here already, or more than that; its hash will say which
    with reply:
        resumed = reply.status == http.HTTPStatus.PARTIAL_CONTENT
        here = here if resumed else 0
        length = reply.headers["Content-Length"]
        total = here + int(length) if length else 0
        with part.open("ab" if resumed else "wb") as file:
            progress(here, total)
            while chunk := _read(reply):
                file.write(chunk)
                here += len(chunk)
                progress(here, total)
    if here < total:
        raise OSError(f"it broke off after {here} of {total} bytes; the next try goes on from there")


def _read(reply: http.client.HTTPResponse) -> bytes:
    try:
        return reply.read1(CHUNK)
    except http.client.HTTPException as error:
        raise OSError(f"the connection broke: {error}") from None


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
