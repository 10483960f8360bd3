"""A certificate for this machine, or one's own; a real TLS client, with the certificate as its authority."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
import stat
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from hallucinate.control.live_settings import LiveSettings
from hallucinate.stream.access import WRONG_CODES, WRONG_WITHIN_S, Access, Refused
from hallucinate.stream.host_names import Names
from hallucinate.stream.listening import Listening, spoken
from hallucinate.stream.peers import Limits
from hallucinate.stream.server import make_app
from hallucinate.stream.serving import run
from hallucinate.stream.tls import LASTS, Tls, choose_tls, own_certificate, own_names, self_signed
from tests.refusals import refused
from tests.stream.foreign import SOON, Http, ScriptedLoop

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NAMES = Names(("localhost", "box.local"), ("127.0.0.1", "192.168.1.5"))


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Somebody's own certificate and key, in files of their own."""
    self_signed(tmp_path / "own.pem", NAMES, NOW)
    data = (tmp_path / "own.pem").read_text()
    key, cert = data.split("-----BEGIN CERTIFICATE-----")
    (tmp_path / "key.pem").write_text(key)
    (tmp_path / "cert.pem").write_text("-----BEGIN CERTIFICATE-----" + cert)
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def made(folder: Path, subject: str, alternative: x509.SubjectAlternativeName | None) -> tuple[Path, Path]:
    """Somebody's certificate and key for these names."""
    folder.mkdir(exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=30))
    if alternative is not None:
        builder = builder.add_extension(alternative, critical=False)
    paths = folder / "fullchain.pem", folder / "privkey.pem"
    paths[0].write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


class TestMade:
    def test_more_names_are_in_it(self, tmp_path: Path) -> None:
        tls = choose_tls(True, None, None, tmp_path / "tls.pem", ("dream.example.org", "203.0.113.7"))
        assert tls is not None
        assert "dream.example.org" in tls.hosts
        named = certificate(tmp_path / "tls.pem").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert named.get_values_for_type(x509.DNSName) == list(tls.hosts)
        assert ip_address("203.0.113.7") in named.get_values_for_type(x509.IPAddress)

    def test_a_machine_whose_own_name_is_not_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: "Ernie’s Mac")
        tls = choose_tls(True, None, None, tmp_path / "tls.pem")
        assert tls is not None
        assert tls.hosts == ("localhost",)

    def test_it_is_for_this_machines_names_and_nobody_else_reads_the_key(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "tls.pem"
        self_signed(path, NAMES, NOW)
        named = certificate(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert named.get_values_for_type(x509.DNSName) == list(NAMES.hosts)
        assert [str(a) for a in named.get_values_for_type(x509.IPAddress)] == list(NAMES.addresses)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [p.name for p in path.parent.iterdir()] == ["tls.pem"]

    def test_it_is_kept_until_it_lacks_a_name_or_nears_its_end(self, tmp_path: Path) -> None:
        path = tmp_path / "tls.pem"

        def number(names: Names, now: datetime) -> int:
            self_signed(path, names, now)
            return certificate(path).serial_number

        first = number(NAMES, NOW)
        path.chmod(0o644)
        assert number(NAMES, NOW + timedelta(days=200)) == first
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        moved = number(Names(NAMES.hosts, ("127.0.0.1", "10.0.0.7")), NOW)
        assert moved != first
        assert number(Names(NAMES.hosts, ("127.0.0.1", "10.0.0.7")), NOW + LASTS - timedelta(days=20)) != moved

    @pytest.mark.parametrize("spoilt", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
    def test_a_spoilt_one_is_made_anew(self, tmp_path: Path, spoilt: bytes) -> None:
        path = tmp_path / "tls.pem"
        path.write_bytes(spoilt)
        self_signed(path, NAMES, NOW)
        assert certificate(path).not_valid_after_utc > NOW

    def test_where_it_cannot_be_kept(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with refused("certificate_not_saved", tmp_path / "file" / "tls.pem"):
            self_signed(tmp_path / "file" / "tls.pem", NAMES, NOW)


class TestOnesOwn:
    def test_a_pair_is_taken(self, pair: tuple[Path, Path]) -> None:
        assert isinstance(own_certificate(*pair, NOW), Tls)

    @pytest.mark.parametrize(
        ("certified", "hosts"),
        [
            (["show.example.org", "*.example.org"], ("show.example.org", "*.example.org")),
            (["Show.Example.ORG", "show.example.org"], ("show.example.org",)),
            (["xn--bcher-kva.example", "my_box.lan"], ("xn--bcher-kva.example", "my_box.lan")),
            (["*", "f*.example.org", "two words", "", "show.example.org"], ("show.example.org",)),
        ],
    )
    def test_its_names_are_known(self, tmp_path: Path, certified: list[str], hosts: tuple[str, ...]) -> None:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in certified])
        assert own_certificate(*made(tmp_path, "other.example", alternative), NOW).hosts == hosts

    def test_without_alternative_names_the_subjects_counts(self, tmp_path: Path) -> None:
        assert own_certificate(*made(tmp_path, "show.example.org", None), NOW).hosts == ("show.example.org",)
        assert own_certificate(*made(tmp_path, "Somebody's certificate", None), NOW).hosts == ()
        addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("192.168.1.5"))])
        assert own_certificate(*made(tmp_path, "show.example.org", addresses), NOW).hosts == ()

    def test_its_chain_adds_no_names(self, pair: tuple[Path, Path], tmp_path: Path) -> None:
        chain = made(tmp_path / "chain", "authority.example", None)[0].read_bytes()
        pair[0].write_bytes(pair[0].read_bytes() + chain)
        assert own_certificate(*pair, NOW).hosts == NAMES.hosts

    def test_what_is_not_there(self, pair: tuple[Path, Path], tmp_path: Path) -> None:
        with refused("tls_invalid", f"--tls-cert {tmp_path / 'none.pem'}", os.strerror(errno.ENOENT)):
            own_certificate(tmp_path / "none.pem", pair[1], NOW)

    def test_what_is_something_else(self, pair: tuple[Path, Path]) -> None:
        with refused("certificate_missing", f"--tls-cert {pair[1]}"):
            own_certificate(pair[1], pair[1], NOW)
        with refused("key_missing", f"--tls-key {pair[0]}"):
            own_certificate(pair[0], pair[0], NOW)

    def test_a_key_of_another(self, pair: tuple[Path, Path]) -> None:
        other = ec.generate_private_key(ec.SECP256R1())
        pair[1].write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        with refused("key_differs", *pair):
            own_certificate(*pair, NOW)

    def test_a_key_with_a_password(self, pair: tuple[Path, Path]) -> None:
        key = load_pem_private_key(pair[1].read_bytes(), None)
        pair[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pw")))
        with refused("key_encrypted", pair[1]):
            own_certificate(*pair, NOW)

    def test_out_of_date(self, pair: tuple[Path, Path]) -> None:
        with refused("certificate_expired", pair[0], "2027-06-02"):
            own_certificate(*pair, NOW + LASTS)
        with refused("certificate_not_yet_valid", pair[0], "2026-04-30"):
            own_certificate(*pair, NOW - timedelta(days=2))

    def test_one_without_the_other(self, pair: tuple[Path, Path], tmp_path: Path) -> None:
        with refused("option_missing") as caught:
            choose_tls(True, pair[0], None, tmp_path / "tls.pem")
        assert caught.match("--tls-cert .*--tls-key ")
        with refused("option_missing") as caught:
            choose_tls(False, None, pair[1], tmp_path / "tls.pem")
        assert caught.match("--tls-key .*--tls-cert ")
        assert choose_tls(False, None, None, tmp_path / "tls.pem") is None


async def test_https_wss_and_a_cookie_for_https_alone(
    loop: ScriptedLoop, live: LiveSettings, access: Access, pages: Path, limits: Limits, tmp_path: Path
) -> None:
    path = tmp_path / "tls.pem"
    tls = self_signed(path, own_names(), datetime.now(UTC))
    app = make_app(loop, live, access, {}, pages, limits)
    ready: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    serving = asyncio.create_task(run(app, "127.0.0.1", 0, ready.set_result, stop, tls))
    base = f"https://127.0.0.1:{(await asyncio.wait_for(ready, SOON)).port}"
    trusting = ssl.create_default_context(cafile=str(path))  # checks the name, too
    async with aiohttp.ClientSession(base, connector=aiohttp.TCPConnector(ssl=trusting)) as http:
        async with http.get("/api/about") as reply:
            assert reply.status == 200
        async with http.ws_connect("/api/live") as socket:
            assert (await socket.receive_json(timeout=SOON))["type"] == "settings"
        for address in (f"/?token={access.token}", f"/{access.code}"):
            async with http.get(address, allow_redirects=False) as reply:
                assert reply.status == 303
                (cookie,) = reply.cookies.values()
                assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Strict")
    async with aiohttp.ClientSession(base) as strangers:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await strangers.get("/")
    stop.set()
    await asyncio.wait_for(serving, SOON)


def test_the_address_that_is_read_aloud() -> None:
    assert spoken("https://192.168.1.5:8765/?token=abc", "47110815") == "https://192.168.1.5:8765/47110815"


def test_codes_cannot_be_tried_one_after_the_other() -> None:
    access = Access("secret")
    wrong = str((int(access.code) + 1) % 10**8).zfill(8)
    assert not any(access.fits_code(wrong, float(n)) for n in range(WRONG_CODES))
    with pytest.raises(Refused) as refused:
        access.fits_code(access.code, 10.0)
    assert refused.value.status == 429
    assert access.fits_code(access.code, WRONG_WITHIN_S + 1)


async def test_a_wrong_code_is_refused(http: Http, access: Access) -> None:
    wrong = str((int(access.code) + 1) % 10**8).zfill(8)
    assert (await http.get(f"/{wrong}", allow_redirects=False)).status == 401
    assert (await http.get("/123")).status == 404
