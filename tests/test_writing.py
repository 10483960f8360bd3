"""Every writer: what cannot be written is found before the first step, and an error says its true cause."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from hallucinate import writing
from hallucinate.files import NAME_BYTES, part_path, write_bytes, write_json
from hallucinate.still.photos import write_photo
from hallucinate.still.sequences import check_sequence, durations_ms, write_sequence
from hallucinate.writing import FIXES, cannot_write, check_output_file, check_writable, write_whole
from tests.offline import scene
from tests.refusals import refused

ENDINGS = (".png", ".jpg")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_check_leaves_nothing_behind(tmp_path: Path) -> None:
    check_output_file("-o", tmp_path / "a.png", ENDINGS, False, [tmp_path / "a.png.part", tmp_path / "a.png.parts"])
    assert names(tmp_path) == []


@pytest.mark.parametrize("length", [NAME_BYTES, NAME_BYTES - 3, NAME_BYTES + 1])
@pytest.mark.parametrize("letter", ["n", "ñ", "🜂"])
def test_a_name_that_fits_is_written_and_one_that_does_not_is_refused(tmp_path: Path, length: int, letter: str) -> None:
    stem = letter * ((length - 4) // len(letter.encode()))
    path = tmp_path / f"{stem}{'x' * (length - 4 - len(stem.encode()))}.png"
    assert len(path.name.encode()) == length
    if length > NAME_BYTES:
        with refused("option_invalid", os.strerror(errno.ENAMETOOLONG)):
            check_writable("-o", path, False)
        return
    check_writable("-o", path, False)
    write_photo(path, scene(8, 8))
    assert names(tmp_path) == [path.name]
    # What is written beside it on the path there has a longer name.
    with refused("option_invalid", os.strerror(errno.ENAMETOOLONG)):
        check_writable("-o", path, True, [path.with_name(f"{path.name}.parts")])


def links(folder: Path) -> dict[str, Path]:
    (folder / "there.png").write_bytes(b"there")
    targets = {"dangling": folder / "gone" / "x.png", "new": folder / "new.png", "old": folder / "there.png"}
    found = {name: folder / f"{name}-link.png" for name in [*targets, "loop"]}
    for name, link in found.items():
        link.symlink_to(targets.get(name, link))
    return found


def test_links_are_followed_and_stay(tmp_path: Path) -> None:
    found = links(tmp_path)
    with refused("folder_missing", tmp_path / "gone"):
        check_writable("-o", found["dangling"], False)
    with refused("option_invalid", os.strerror(errno.ELOOP)):
        check_writable("-o", found["loop"], False)
    with refused("output_exists", found["old"]):
        check_writable("-o", found["old"], False)
    for name in ("new", "old"):
        check_writable("-o", found[name], True)
        write_whole(found[name], lambda part: part.write_bytes(b"written"))
        assert found[name].is_symlink()
    assert (tmp_path / "new.png").read_bytes() == (tmp_path / "there.png").read_bytes() == b"written"


def test_devices_pipes_and_folders_are_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "full.png").symlink_to("/dev/full")
    (tmp_path / "folder.png").mkdir()
    for name, words in (("pipe.png", "device"), ("full.png", "device"), ("folder.png", "folder")):
        with refused("option_invalid", tmp_path / name, words):
            check_writable("-o", tmp_path / name, True)
    with refused("option_invalid", "/dev/null"):
        check_output_file("-o", Path("/dev/null"), ENDINGS, True)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EPERM])
def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(
    tmp_path: Path, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    # A full disk still has names for empty files.
    monkeypatch.setattr(os, "fsync" if code in (errno.ENOSPC, errno.EDQUOT) else "open", fail)
    with refused("option_invalid", tmp_path / "a.png", os.strerror(code), FIXES[code]):
        check_writable("-o", tmp_path / "a.png", False)
    assert names(tmp_path) == []


@pytest.mark.parametrize("code", sorted(FIXES))
def test_an_error_says_its_true_cause(tmp_path: Path, code: int) -> None:
    message = str(cannot_write(tmp_path / "a.mov", OSError(code, os.strerror(code)), "all is in b"))
    assert os.strerror(code) in message
    assert ("disk is full" in message) == (code == errno.ENOSPC)
    assert message.endswith("all is in b")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("of\ntwo lines"),
        struct.error("too large"),
        SyntaxError(),
        KeyError(0),
        OverflowError(),
        MemoryError(),
    ],
)
def test_whatever_an_encoder_raises_becomes_one_line(tmp_path: Path, error: Exception) -> None:
    def fail(part: Path) -> None:
        part.write_bytes(b"half")
        raise error

    with refused("output_failed", tmp_path / "a.png") as caught:
        write_whole(tmp_path / "a.png", fail)
    assert "full" not in str(caught.value)
    assert names(tmp_path) == []


def test_an_error_of_ffmpeg_is_not_called_a_full_disk(tmp_path: Path) -> None:
    def fail(part: Path) -> None:
        av.open(str(part), "w", format="mp4", container_options={"movflags": "nonsense"}).start_encoding()

    with refused("output_failed", tmp_path / "a.mp4") as caught:
        write_whole(tmp_path / "a.mp4", fail)
    assert "full" not in str(caught.value)


def test_a_folder_that_vanishes_on_the_path_there_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    check_writable("-o", folder / "a.png", False)
    folder.rmdir()
    with refused("output_failed", folder / "a.png", "folder is gone"):
        write_photo(folder / "a.png", scene(8, 8))


@pytest.mark.parametrize("write", [write_bytes, write_json])
def test_what_breaks_off_leaves_nothing_half_written(
    tmp_path: Path, write: Callable[[Path, object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "no")))
    with pytest.raises(OSError, match="no"):
        write(tmp_path / "a", b"1" if write is write_bytes else 1)
    assert names(tmp_path) == []


LARGE = """
import resource, sys
from pathlib import Path
import numpy as np
from hallucinate.errors import OutputError
from hallucinate.still.photos import write_photo
from hallucinate.still.sequences import write_sequence
pictures = [np.random.default_rng(n).integers(0, 255, (96, 128, 3), np.uint8) for n in range(6)]

def write(out):
    if out.suffix in (".mp4", ".gif"):
        write_sequence(out, pictures, 12, len(pictures))
    else:
        write_photo(out, pictures[0])

for name in ("a.png", "a.jpg", "a.webp", "a.tiff", "a.gif", "a.mp4"):
    out = Path(sys.argv[1], name)
    write(out)
    size = out.stat().st_size
    for limit in (100, size // 2, size - 1):
        out.unlink()
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            write(out)
        except OutputError as error:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            print(error, [each.name for each in out.parent.iterdir()])
        else:
            print(name, "was cut short without a word")
        out.touch()
    out.unlink()
"""


def test_a_file_larger_than_its_disk_allows_is_never_cut_short(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LARGE, str(tmp_path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 18
    for line in lines:
        assert os.strerror(errno.EFBIG) in line
        assert "full" not in line
        assert line.endswith("[]")


def test_a_part_has_another_name_that_fits() -> None:
    for name in ("a.png", "n" * 255, "ñ" * 127, "🜂" * 63):
        part = part_path(Path("folder") / name)
        assert len(os.fsencode(part.name)) <= NAME_BYTES
        assert part.parent == Path("folder")
        assert part.name != name


@pytest.mark.parametrize("fps", [1, 10, 12, 24, 29.97, 30, 50])
def test_a_gif_plays_as_fast_as_it_should(fps: float) -> None:
    count = 200
    spans = durations_ms(fps, count)[:-1]
    assert all(span % 10 == 0 and span >= 20 for span in spans)
    assert sum(spans) == pytest.approx(1000 * (count - 1) / fps, abs=10)


@pytest.mark.parametrize("name", ["a.gif", "a.mp4"])
@pytest.mark.parametrize("size", [(1, 1), (33, 97), (5000, 40), (40, 5000), (4097, 3001)])
def test_sequences_of_any_size_are_written_and_what_they_change_is_named(
    tmp_path: Path, name: str, size: tuple[int, int]
) -> None:
    notes = check_sequence("-o", tmp_path / name, *size, 12, 2)
    pictures = [np.full((size[1], size[0], 3), value, np.uint8) for value in (40, 200)]
    write_sequence(tmp_path / name, pictures, 12, 2)
    with av.open(str(tmp_path / name)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 2
    found = frames[0].width, frames[0].height
    assert (found == size) == (not notes)
    assert all(f"{found[0]}×{found[1]}" in note and name in note for note in notes)


def test_what_a_gif_cannot_hold_is_refused_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refused("option_invalid", "-o", "a.gif", 60, 50, ".mp4"):
        check_sequence("-o", tmp_path / "a.gif", 64, 64, 60, 9)
    with refused("picture_too_large", "a.gif", 10**8, ".mp4"):
        check_sequence("-o", tmp_path / "a.gif", 640, 360, 24, 10**8)
    assert not check_sequence("-o", tmp_path / "a.mp4", 640, 360, 60, 10**8)


def test_ones_own_work_counts_as_writing() -> None:
    with refused("output_failed", "a.json"), writing.writing(Path("a.json")):
        raise OSError(errno.EIO, "no")
