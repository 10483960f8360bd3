"""Films in the classic manner: each frame a still, begun from the last dream; broken off and gone on with."""

import dataclasses
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hallucinate.dream.flow import Flow
from hallucinate.dream.still import iterate
from hallucinate.errors import NetworkError, SettingsError
from hallucinate.frame import Frame, Picture, to_picture, to_tensor
from hallucinate.networks.registry import NetworkOptions
from hallucinate.settings import Settings
from hallucinate.studio.commands import check_manner
from hallucinate.studio.likes import LIKES, carried_on, find_like, led_back
from hallucinate.studio.manners import Classic, dreamers
from hallucinate.studio.order import Order
from hallucinate.studio.render import begin, render
from hallucinate.studio.sitting import Ask, easel
from tests.studio.films import EVEN, film, picture, planes

ASKED = Settings(motifs={}, layers={"second": 1.0})


def order_of(like: str, source: Path = Path(), out: Path = Path()) -> Order:
    return Order(source, out, Ask(ASKED, like, 2, 0.02, device="cpu", seed=3))


def frame(n: int) -> Frame:
    return Frame(picture(3 * n), n * 40_000_000)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("like", LIKES)
def test_its_frames_are_what_the_functions_give_one_by_one(like: str) -> None:
    order = order_of(like)
    made = easel(order.ask)

    def still(start: Picture, n: int) -> Picture:
        sitting = made.sitting(start.shape[1], start.shape[0])
        x = to_tensor(start, made.device)
        manner = dataclasses.replace(made.manner, seed=3 + n)
        *_, last = iterate(dataclasses.replace(sitting, options=manner), x)
        return to_picture(x + last.detail)

    dreams, flow, wanted = dreamers(order)(order), Flow(), still(frame(0).picture, 0)
    np.testing.assert_array_equal(dreams.dream(frame(0)), wanted)
    assert np.abs(wanted.astype(int) - frame(0).picture).mean() > 1
    for n in (1, 2):
        before, start = frame(n - 1).picture, frame(n).picture
        if like == "hallucination-machine":
            start = carried_on(start, before, wanted, led_back(before, start, flow), LIKES[like])
            assert np.abs(start.astype(int) - frame(n).picture).mean() > 1
        wanted = still(start, n)
        np.testing.assert_array_equal(dreams.dream(frame(n)), wanted)
    assert made.manner.iterations == 2
    assert (made.settings.octaves, made.settings.jitter) == (LIKES[like].knobs["octaves"], 32)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("like", LIKES)
def test_put_down_and_taken_up_it_dreams_on_the_same(like: str) -> None:
    order = order_of(like)
    one, other = (Classic(easel(order.ask), find_like(like)) for _ in range(2))
    for n in range(2):
        one.dream(frame(n))
    tensors, values = one.saved()
    assert set(tensors) == ({"frame", "dreamed"} if find_like(like).carries else set())
    other.restore(tensors, values)
    np.testing.assert_array_equal(one.dream(frame(2)), other.dream(frame(2)))


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("like", LIKES)
def test_broken_off_and_gone_on_with_it_has_the_same_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, like: str
) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:14], sound=None)
    # Without loss, so that parts that end elsewhere show the same.
    unbroken = dataclasses.replace(order_of(like, source, tmp_path / "unbroken.mp4"), crf=0)
    order = dataclasses.replace(unbroken, out=tmp_path / "out.mp4")
    # In one part, where nothing is taken up again.
    render(unbroken, begin(unbroken).spans, dreamers(unbroken), lambda count: None)
    monkeypatch.setattr(Classic, "part", 5)
    for last in (7, 12, 99):
        seen: list[int] = []

        def watch(count: int, last: int = last, seen: list[int] = seen) -> None:
            seen.append(count)
            if count == last:
                raise KeyboardInterrupt

        with nullcontext() if last == 99 else pytest.raises(KeyboardInterrupt):
            render(order, begin(order).spans, dreamers(order), watch)
    assert seen[:2] == [10, 11]
    one, other = planes(unbroken.out), planes(order.out)
    assert len(one) == 14
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("tiny")
def test_it_says_how_it_was_dreamed(tmp_path: Path) -> None:
    order = order_of("notebook", film(tmp_path / "in.mp4", EVEN[:2], sound=None), tmp_path / "out.mp4")
    made = render(order, begin(order).spans, dreamers(order), lambda count: None)
    assert (made.frames, made.manner) == (2, "like notebook, 2 iterations on each octave")


def test_what_means_nothing_to_it_is_refused() -> None:
    cases = {
        "--iterations is for --like": ("", 5, Settings(), "auto"),
        "--dream-width means nothing": ("notebook", None, Settings(dream_width=320), "auto"),
        "--where means nothing": ("notebook", None, Settings(where="moving"), "auto"),
        "--panorama equirect": ("notebook", None, Settings(), "equirect"),
    }
    for words, (like, iterations, settings, panorama) in cases.items():
        with pytest.raises(SettingsError, match=words):
            check_manner(like, {"--iterations": iterations, "--step-size": None}, settings, panorama)
    check_manner("", {"--iterations": None}, Settings(where="moving", dream_width=320), "equirect")
    check_manner("notebook", {"--iterations": 5}, Settings(octaves=2), "flat")
    with pytest.raises(SettingsError, match="did you mean 'notebook'"):
        dreamers(order_of("notbook"))


@pytest.mark.parametrize("like", ["", "notebook"])
def test_weights_by_file_are_for_films_in_either_manner(tmp_path: Path, like: str) -> None:
    weights = tmp_path / "other.safetensors"
    save_file({"stem": torch.zeros(1)}, weights)
    order = Order(Path(), Path(), Ask(Settings(), like, device="cpu", given=NetworkOptions(weights)))
    with pytest.raises(NetworkError, match=r"other\.safetensors"):
        dreamers(order)
    with pytest.raises(NetworkError, match="--weights"):
        dreamers(dataclasses.replace(order, ask=dataclasses.replace(order.ask, network="some.pt2")))
