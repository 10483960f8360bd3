"""What is bound is what is printed: IPv4, IPv6, both, one address, none that this machine lacks."""

import contextlib
import socket

import pytest

from hallucinate.stream import listening as module
from hallucinate.stream.listening import Listening, addresses, listen, listening
from tests.refusals import refused
from tests.stream.foreign import SOON

HERE = {"192.0.2.5": 4, "172.17.0.1": 4, "169.254.7.7": 4, "2001:db8::5": 6, "fd00::5": 6}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with several addresses, one of IPv4 and one of IPv6 that lead to elsewhere."""

    def found(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [a for a, family in reversed(HERE.items()) if (use_ipv4 if family == 4 else use_ipv6)]

    route = {socket.AF_INET: "192.0.2.5", socket.AF_INET6: "2001:db8::5"}
    monkeypatch.setattr(module, "get_host_addresses", found)
    monkeypatch.setattr(module, "_address_towards_the_network", route.get)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("hosts", "here", "others"),
    [
        (["0.0.0.0"], "localhost", ["192.0.2.5", "172.17.0.1", "169.254.7.7"]),
        (["::"], "[::1]", ["[2001:db8::5]", "[fd00::5]"]),
        (
            ["0.0.0.0", "::"],
            "localhost",
            ["192.0.2.5", "172.17.0.1", "[2001:db8::5]", "[fd00::5]", "169.254.7.7"],
        ),
        (["127.0.0.1"], "localhost", []),
        (["127.0.1.1"], "127.0.1.1", []),
        (["::1"], "[::1]", []),
        (["127.0.0.1", "::1"], "localhost", []),
        (["::1", "192.0.2.5"], "[::1]", ["192.0.2.5"]),
        (["192.0.2.5"], "192.0.2.5?token", ["192.0.2.5"]),
        (["2001:db8::5"], "[2001:db8::5]?token", ["[2001:db8::5]"]),
        (["fe80::5%eth0"], "[fe80::5%25eth0]?token", ["[fe80::5%25eth0]"]),
        (["192.0.2.5", "fe80::5%eth0"], "192.0.2.5?token", ["192.0.2.5"]),
    ],
)
def test_what_was_bound_is_what_is_printed(hosts: list[str], here: str, others: list[str]) -> None:
    token, end = "se&cret", ":8765/?token=se%26cret"
    found, rest = addresses(Listening(8765, tuple(hosts)), token, "https")
    assert found == f"https://{here.removesuffix('?token')}" + (end if "?token" in here else ":8765/")
    assert rest == [f"https://{host}{end}" for host in others]
    required, _ = addresses(Listening(8765, tuple(hosts)), token, "https", required=True)
    assert required == f"https://{here.removesuffix('?token')}{end}"


def port_of(each: socket.socket) -> int:
    return int(each.getsockname()[1])


async def bound(host: str, port: int = 0) -> Listening:
    """Where somebody gets in who comes by each address of a host."""
    with contextlib.ExitStack() as owned:
        sockets = [owned.enter_context(each) for each in await listen(host, port)]
        at = listening(sockets)
        for each in at.hosts:
            here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(each, each)
            owned.enter_context(socket.create_connection((here, at.port), timeout=SOON))
        return at


@pytest.mark.parametrize(
    ("host", "hosts"),
    [
        ("", ("0.0.0.0", "::")),
        ("0.0.0.0", ("0.0.0.0",)),
        ("::", ("::",)),
        ("[::1]", ("::1",)),
        ("127.0.0.1", ("127.0.0.1",)),
        ("127.3.2.1", ("127.3.2.1",)),
    ],
)
async def test_one_port_on_every_address_of_a_host(host: str, hosts: tuple[str, ...]) -> None:
    assert (await bound(host)).hosts == hosts


async def test_all_of_one_family_is_not_the_other() -> None:
    for host, other, family in (("::", "127.0.0.1", socket.AF_INET), ("0.0.0.0", "::1", socket.AF_INET6)):
        [only] = await listen(host, 0)
        with only, socket.create_server((other, port_of(only)), family=family):
            pass


async def test_a_port_that_is_taken_on_one_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        with refused("address_unavailable", f"port {port_of(taken)}", "--port"):
            await listen("", port_of(taken))
        # A free port is looked for until it is free on both.
        real, first = socket.create_server, [port_of(taken)]

        def unlucky(address: tuple[str, int], *, family: int, backlog: int) -> socket.socket:
            port = first.pop() if first and not address[1] else address[1]
            return real((address[0], port, *address[2:]), family=family, backlog=backlog)

        monkeypatch.setattr(socket, "create_server", unlucky)
        at = await bound("")
        assert at.hosts == ("0.0.0.0", "::")
        assert at.port != port_of(taken)


async def test_a_machine_without_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.create_server

    def without_ipv6(address: tuple[str, int], *, family: int, backlog: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(address, family=family, backlog=backlog)

    monkeypatch.setattr(socket, "create_server", without_ipv6)
    assert (await bound("")).hosts == ("0.0.0.0",)
    with refused("address_unavailable", "::1", "--host"):
        await listen("::1", 0)


@pytest.mark.parametrize(
    "host", ["203.0.113.1", "no-such-host.invalid", "http://localhost", "127.0.0.1:80", "ü" * 80, "a..b", "%"]
)
async def test_what_is_not_an_address_of_this_machine(host: str) -> None:
    with refused("address_unavailable", host, "--host"):
        await listen(host, 0)
