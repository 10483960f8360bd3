"""Folders of finished pieces: continued, refused, or started anew."""

import errno
import os
from pathlib import Path

import pytest

from hallucinate.film.parts import remove_parts
from hallucinate.work_folder import claim, remove_pictures
from tests.refusals import refused

FACTS = {"seed": 0, "size": (8, 6), "guide": None}


def test_a_folder_is_continued_refused_or_started_anew(tmp_path: Path) -> None:
    folder, removed = tmp_path / "out.mp4.parts", list[Path]()
    facts = {"seed": 0, "size": [8, 6], "guide": None}
    assert claim(folder, FACTS, False, removed.append) == facts
    assert claim(folder, FACTS, True, removed.append) == facts
    assert removed == [folder]  # when it was made
    with refused("work_differs", folder, ": seed, guide ", "--force"):
        claim(folder, {**FACTS, "seed": 1, "guide": "a.png"}, False, removed.append)
    assert claim(folder, {**FACTS, "seed": 1}, True, removed.append)["seed"] == 1
    assert removed == [folder, folder]


@pytest.mark.parametrize("damaged", ["", "[]", '{"seed": 0}', "{"])
def test_a_folder_with_a_damaged_file_is_refused(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "made-from.json").write_text(damaged)
    with refused("work_differs", tmp_path, "size"):
        claim(tmp_path, FACTS, False, remove_pictures)
    assert claim(tmp_path, FACTS, True, remove_pictures)["size"] == [8, 6]


def test_of_a_folder_that_somebody_named_only_numbered_pictures_go(tmp_path: Path) -> None:
    for name in ("000001.png", "cat.png", "2024.txt"):
        (tmp_path / name).touch()
    claim(tmp_path, FACTS, True, remove_pictures)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2024.txt", "cat.png", "made-from.json"]


def test_where_no_folder_can_be_the_reason_is_named(tmp_path: Path) -> None:
    file = tmp_path / "out.mp4.parts"
    file.touch()
    for clear in (remove_pictures, remove_parts):
        with refused("output_failed", file, os.strerror(errno.EEXIST)):
            claim(file, FACTS, True, clear)
