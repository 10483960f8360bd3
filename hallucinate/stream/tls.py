"""TLS: a certificate that is made and stored for this machine's names and addresses, or one's own, checked.

Browsers give headsets (WebXR) and cameras only to pages of https, or of this machine itself.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aioice.ice import get_host_addresses
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hallucinate.errors import TlsError
from hallucinate.files import read_file
from hallucinate.stream.host_names import Names, machine_names, plain_name, split_names
from hallucinate.writing import cannot_write

LASTS = timedelta(days=397)
"""Longer than 398 days, and Safari refuses it whatever its user says (Apple HT211025)."""

RENEWED_BEFORE_END = timedelta(days=30)


@dataclass(frozen=True)
class Tls:
    """What https is served with: the context, and the host names of the certificate, some of them ``*.example.org``."""

    context: ssl.SSLContext
    hosts: tuple[str, ...]


def own_names(more: Sequence[str] = ()) -> Names:
    """Names and IPv4 addresses of this machine, and more; those of IPv6 change by the day, and nobody types them."""
    found = sorted(get_host_addresses(use_ipv4=True, use_ipv6=False))
    return split_names((*machine_names(), "127.0.0.1", "::1", *found, *more))


def context_of(path: Path, key: Path | None = None) -> ssl.SSLContext:
    """What a server needs, from PEM files that were checked; without ``key`` it is in ``path`` too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(path, key)
    return context


def own_certificate(certificate: Path, key: Path, now: datetime) -> Tls:
    """Somebody's own certificate and key, PEM, without a password; behind the certificate its chain.

    Raises TlsError, one line, when one cannot be read, they do not belong together, or it is out of date.
    """
    found = _certificate(certificate, _read("--tls-cert", certificate))
    private = _read("--tls-key", key)
    try:
        secret = load_pem_private_key(private, None)
    except TypeError:
        raise TlsError(
            f"--tls-key {key}: has a password; take it off with: openssl pkey -in {key} -out …", code="key_encrypted"
        ) from None
    except ValueError:
        raise TlsError(
            f"--tls-key {key}: holds no private key in PEM (-----BEGIN PRIVATE KEY-----)", code="key_missing"
        ) from None
    until, since = found.not_valid_after_utc, found.not_valid_before_utc
    if now >= until:
        raise TlsError(f"--tls-cert {certificate}: expired on {until:%Y-%m-%d}; renew it", code="certificate_expired")
    if now < since:
        raise TlsError(
            f"--tls-cert {certificate}: is valid from {since:%Y-%m-%d} on; is this machine's clock right?",
            code="certificate_not_yet_valid",
        )
    if _public(found.public_key()) != _public(secret.public_key()):
        raise TlsError(
            f"--tls-key {key}: does not belong to the certificate in {certificate}; give the pair", code="key_differs"
        )
    try:
        return Tls(context_of(certificate, key), certified_hosts(found))
    except (ssl.SSLError, OSError) as error:
        raise TlsError(f"--tls-cert {certificate}: cannot be served ({error.strerror or error})") from None


def certified_hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    """The host names that a certificate is for, as ``plain_name`` has them; what cannot be read as one is left out.

    A certificate without alternative names has one in its subject, at most: browsers refuse it today, programs may not.
    """
    try:
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = named.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        found = [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    except ValueError:
        return ()  # not encoded as it should be; TLS itself does not read it
    plain = [(each[:2] if each.startswith("*.") else "", plain_name(each.removeprefix("*."))) for each in found]
    return tuple(dict.fromkeys(star + name for star, name in plain if name))


def self_signed(path: Path, names: Names, now: datetime) -> ssl.SSLContext:
    """The certificate in ``path``, made anew when it is not there, lacks a name, or nears its end.

    It is signed by itself, so browsers warn, once: it speaks for this machine, and can sign for no other. Raises
    TlsError when it cannot be written.
    """
    try:
        if not _still_good(path, names, now):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_private(path, _made(names, now))
        path.chmod(0o600)
        return context_of(path)
    except (OSError, ssl.SSLError) as error:
        raise TlsError(
            f"--tls: {cannot_write(path, error)}",
            code="certificate_not_saved",
        ) from None


def _still_good(path: Path, names: Names, now: datetime) -> bool:
    try:
        data = path.read_bytes()
        certificate, key = x509.load_pem_x509_certificate(data), load_pem_private_key(data, None)
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return False  # not there, or not what we write: it is ours, and made anew
    hosts = set(named.get_values_for_type(x509.DNSName))
    addresses = {str(address) for address in named.get_values_for_type(x509.IPAddress)}
    return (
        hosts >= set(names.hosts)
        and addresses >= set(names.addresses)
        and certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEWED_BEFORE_END
        and _public(certificate.public_key()) == _public(key.public_key())
    )


def _made(names: Names, now: datetime) -> bytes:
    """A new key and its certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hallucinate on this machine")])
    others: Sequence[x509.GeneralName] = [
        *(x509.DNSName(host) for host in names.hosts),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in names.addresses),
    ]
    certificate = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # a headset's clock may be behind
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName(others), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret + certificate.public_bytes(Encoding.PEM)


def _write_private(path: Path, data: bytes) -> None:
    """Whole or not at all, and never readable by others, not for a moment."""
    part = path.with_name(f"{path.name}.part")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        os.fsync(file.fileno())
    os.replace(part, path)


def _read(option: str, path: Path) -> bytes:
    try:
        return read_file(path)
    except OSError as error:
        raise TlsError(f"{option} {path}: cannot be read ({error.strerror}); give a PEM file") from None


def _certificate(path: Path, data: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(data)
    except ValueError:
        raise TlsError(
            f"--tls-cert {path}: holds no certificate in PEM (-----BEGIN CERTIFICATE-----)", code="certificate_missing"
        ) from None


def _public(key: object) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return encoded


def choose_tls(
    own: bool, certificate: Path | None, key: Path | None, keep_in: Path, names: Sequence[str] = ()
) -> Tls | None:
    """What the command line chose: None for plain http. Raises TlsError.

    names: more of this machine's, for the certificate that is made.
    """
    if (certificate is None) != (key is None):
        received, missing = ("--tls-cert", "--tls-key") if key is None else ("--tls-key", "--tls-cert")
        raise TlsError(
            f"{received} needs {missing} beside it; or give --tls alone, and a certificate is made",
            code="option_missing",
        )
    if certificate is not None and key is not None:
        return own_certificate(certificate, key, datetime.now(UTC))
    if not own:
        return None
    named = own_names(names)
    return Tls(self_signed(keep_in, named, datetime.now(UTC)), named.hosts)
