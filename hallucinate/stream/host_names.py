"""What a machine is called: names as they are in a Host header, in an origin and in a certificate."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import idna

from hallucinate.errors import OptionError

LONGEST_NAME = 253
"""Characters, without the dot at the end (RFC 1035, section 2.3.4)."""

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
"""Letters, digits, hyphens (RFC 1123, section 2.1), and the underscores that local networks have."""


@dataclass(frozen=True)
class Names:
    """What a machine is called: host names, and addresses as text."""

    hosts: tuple[str, ...]
    addresses: tuple[str, ...]


def plain_name(text: str) -> str | None:
    """A host name as a Host header has it: lower case, in ASCII, without the dot at its end. None for anything else.

    What is not ASCII becomes Punycode as browsers write it (IDNA 2008 by UTS 46).
    """
    name = text.strip().removesuffix(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    labels = name.split(".")
    # A name whose last label is a number would be an address (URL standard, "ends in a number").
    fits = len(name) <= LONGEST_NAME and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()
    return name if fits else None


def plain_address(text: str) -> str | None:
    """An IP address as text in its shortest form, brackets removed; None for anything else."""
    try:
        return str(ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]")))
    except ValueError:
        return None


def name_in(host: str) -> str:
    """The name or address in a Host header, without its port, lower case; "" where there is none."""
    try:
        found = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
    return plain_address(found) or found.removesuffix(".")


def read_host_name(option: str, text: str) -> str:
    """What somebody wrote for a name, as ``plain_name`` has it, or an address. Raises OptionError, one line."""
    found = plain_address(text) or plain_name(text)
    if found is None:
        start = text if "//" in text else f"//{text}"
        meant = plain_name(name_in(start.partition("//")[2]))
        what = f"did you mean {meant}? a name is alone" if meant else "give a host name such as dream.example.org"
        raise OptionError(f"{option} {without_user(text)!r}: {what}, without scheme, port, path or *")
    return found


def without_user(text: str) -> str:
    """What somebody wrote, short enough for a message, and without a password that may be before an @."""
    return re.sub(r"[^/@]*@", "…@", text)[:80]


def split_names(names: Iterable[str]) -> Names:
    """Names and addresses that ``read_host_name`` returned, each on its own side."""
    found = tuple(dict.fromkeys(names))
    return Names(
        tuple(name for name in found if plain_address(name) is None),
        tuple(name for name in found if plain_address(name) is not None),
    )


def machine_names() -> tuple[str, ...]:
    """localhost, and what this machine calls itself, where that is a host name at all."""
    name = plain_name(socket.gethostname())
    return tuple(dict.fromkeys(("localhost", name, f"{name.partition('.')[0]}.local"))) if name else ("localhost",)


def covers(pattern: str, name: str) -> bool:
    """Whether a certificate's name is this one. ``*.example.org`` stands for one label (RFC 9525, section 6.3).

    ``*.org`` stands for nothing: whoever has a name below it could point that at this machine.
    """
    if not pattern.startswith("*."):
        return pattern == name
    label, _, rest = name.partition(".")
    return bool(label) and "." in rest and rest == pattern[2:]
