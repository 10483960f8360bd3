"""Folders of what is done: gone on with, refused, or begun anew."""

from pathlib import Path

import pytest

from hallucinate.errors import OutputError
from hallucinate.studio.kept import claim, remove_pictures
from hallucinate.studio.parts import clear

FACTS = {"seed": 0, "size": (8, 6), "guide": None}


def test_a_folder_is_gone_on_with_refused_or_begun_anew(tmp_path: Path) -> None:
    folder, removed = tmp_path / "out.mp4.parts", list[Path]()
    told = {"seed": 0, "size": [8, 6], "guide": None}
    assert claim(folder, FACTS, False, removed.append) == told
    assert claim(folder, FACTS, True, removed.append) == told
    assert removed == [folder]  # when it was made
    with pytest.raises(OutputError, match=r"holds what was done of another: seed, guide differ; .* --force") as refused:
        claim(folder, {**FACTS, "seed": 1, "guide": "a.png"}, False, removed.append)
    assert "\n" not in str(refused.value)
    assert claim(folder, {**FACTS, "seed": 1}, True, removed.append)["seed"] == 1
    assert removed == [folder, folder]


@pytest.mark.parametrize("damaged", ["", "[]", '{"seed": 0}', "{"])
def test_a_folder_that_says_nothing_of_use_is_refused(tmp_path: Path, damaged: str) -> None:
    (tmp_path / "made-from.json").write_text(damaged)
    with pytest.raises(OutputError, match="size differ"):
        claim(tmp_path, FACTS, False, remove_pictures)
    assert claim(tmp_path, FACTS, True, remove_pictures)["size"] == [8, 6]


def test_of_a_folder_that_somebody_named_only_numbered_pictures_go(tmp_path: Path) -> None:
    for name in ("000001.png", "cat.png", "2024.txt"):
        (tmp_path / name).touch()
    claim(tmp_path, FACTS, True, remove_pictures)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2024.txt", "cat.png", "made-from.json"]


def test_where_no_folder_can_be_the_mend_is_said(tmp_path: Path) -> None:
    file = tmp_path / "out.mp4.parts"
    file.touch()
    for begun_anew in (remove_pictures, clear):
        with pytest.raises(OutputError, match=r"cannot be written to \(File exists\); make room or name another"):
            claim(file, FACTS, True, begun_anew)
