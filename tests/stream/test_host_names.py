"""What counts as a name, in an option, a Host header and a certificate."""

import pytest

from hallucinate.stream.host_names import machine_names, name_in, plain_name, read_host_name
from tests.refusals import refused


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dream.example.org", "dream.example.org"),
        (" Dream.Example.ORG. ", "dream.example.org"),
        ("studio", "studio"),
        ("my_box.lan", "my_box.lan"),
        ("3com.example", "3com.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),  # as browsers write it; IDNA 2003 had fass.de
        ("例え.テスト", "xn--r8jz45g.xn--zckzah"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.168.1.5", "192.168.1.5"),
        ("[2001:DB8::0:1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        (f"{'a' * 63}.example", f"{'a' * 63}.example"),
    ],
)
def test_a_name_as_browsers_write_it(text: str, name: str) -> None:
    assert read_host_name("--name", text) == name


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("https://dream.example.org", "dream.example.org"),
        ("https://dream.example.org:8443/watch?x=1", "dream.example.org"),
        ("dream.example.org:8765", "dream.example.org"),
        ("dream.example.org/", "dream.example.org"),
        ("", ""),
        (".", ""),
        ("*.example.org", ""),
        ("*", ""),
        ("two words", ""),
        ("a..b", ""),
        ("-dash.example", ""),
        ("1.2.3", ""),
        ("300.1.1.1", ""),
        ("http://me:hunter2@b.example", "b.example"),
        ("line\nbreak", ""),
        ("x" * 64, ""),
        (".".join(["a" * 60] * 5), ""),
        ("http://[", ""),
        ("\udcff.example", ""),
        ("[b]bold[/b]", ""),
    ],
)
def test_what_is_not_a_name_is_refused_in_one_line(text: str, meant: str) -> None:
    with refused("option_invalid", "--name", meant) as caught:
        read_host_name("--name", text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("LocalHost:8765", "localhost"),
        ("[::1]:8765", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("dream.example.org.:80", "dream.example.org"),
        ("", ""),
        ("[::1", ""),
        (":80", ""),
    ],
)
def test_the_name_in_a_host_header(host: str, name: str) -> None:
    assert name_in(host) == name


@pytest.mark.parametrize("odd", ["Ernie's Mac", "\udcffbox", "", "a" * 64, "studio box"])
def test_a_machine_whose_own_name_is_not_one(monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: odd)
    assert machine_names() == ("localhost",)
    assert plain_name(odd) is None
