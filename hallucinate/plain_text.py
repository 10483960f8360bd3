"""Text as people may see it: a name stays on its line and does nothing to a terminal, an address has no secrets in it.

Names of files come from cameras, downloads and other people's disks, and addresses have passwords in them. Whatever is
printed, logged, served or raised is made of text that has passed through here.
"""

from __future__ import annotations

import re
import unicodedata

HIDDEN = "***"
"""What is shown in the place of a secret."""

HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of what moves the cursor, turns the direction of writing, ends a line, or is no character."""

JOINERS = "\u200c\u200d"
"""Harmless ones among them: Persian is written with the one, families of emoji with the other."""

STREAMING = "rtsps?|rtspu|rtmp[a-z]{0,2}|https?|srt|udp|tcp|rtp|mmsh?|wss?|s?ftps?|ray"
"""Schemes of what is opened over a network. A path that was made of an address has one slash after them."""

START = re.compile(rf"\b(?:[A-Za-z][A-Za-z0-9+.-]+://|(?i:{STREAMING}):/)(?=[^\s/])")
"""Where an address begins in a text."""

HOST = r"(?:\[[^\s\[\]/?#@]+\]|[^\s:/?#@\[\]\\]+)(?::\d{0,5})?"
"""A host and its port, as RFC 3986 (3.2) has them after the user's name and password."""

SURE_HOST = re.compile(r"(?:(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]|localhost)(?::\d{0,5})?|[\w-]+(?:\.[\w-]+)+)")
"""What cannot be a user's name and the beginning of a password: an IP address, or a name with dots and no port."""

CLOSING = "'\"`)]}>,;:."
"""What may follow an address in a sentence."""


def printable(text: str) -> str:
    """The text on one line, with what is harmful escaped as Python writes it: ``\\n``, ``\\x1b``, ``\\u202e``.

    A byte of a name that is not UTF-8 is shown as that byte, ``\\xff``.
    """
    return "".join(_escaped(c) if unicodedata.category(c) in HARMFUL and c not in JOINERS else c for c in text)


def is_utf8(name: str) -> bool:
    """Whether a file's name is UTF-8, and not bytes that Python holds as lone surrogates (PEP 383)."""
    return not any("\ud800" <= c <= "\udfff" for c in name)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # what Python makes of such a byte (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def public_address(address: str) -> str:
    """``rtsp://me:secret@cam:554/live?key=1`` -> ``rtsp://***@cam:554/…``.

    The scheme and the host alone: names and passwords, paths and queries hold secrets, each of some maker's cameras or
    of some web server's. Of an address that is written badly, so that nobody can say where its password ends, only the
    scheme is shown. What was made public already stays as it is.
    """
    scheme, slashes, rest = re.split("(:/+)", address, maxsplit=1)
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    beyond = rest[len(authority) :]
    _, login, host = authority.rpartition("@")
    if re.fullmatch(HOST, host):
        unsure = "@" in beyond and (login or not SURE_HOST.fullmatch(host))
    else:  # a / or # in a password ended what was taken for the host
        login, host = "@", rest.rpartition("@")[2]
        host, beyond = (host, "") if not (end := re.search(r"[/?#\\]", host)) else (host[: end.start()], "/…")
        unsure = "@" not in rest or not SURE_HOST.fullmatch(host)
    if unsure:
        return f"{scheme}{slashes}{HIDDEN}"
    return f"{scheme}{slashes}{HIDDEN + '@' if login else ''}{host}{beyond if beyond in ('', '/') else '/…'}"


def without_secrets(text: str) -> str:
    """The text, with each address in it as ``public_address`` shows it.

    The page of a web server, ``https://host/path``, stays whole where it has neither a user's name nor a query.
    """
    parts, at = list[str](), 0
    while start := START.search(text, at):
        end = _end(text, start)
        address = text[start.start() : end]
        body = address.rstrip(CLOSING)
        plain = re.match(r"https?://", body) and not re.search(r"[@?#]", body) and public_address(body)[-3:] != HIDDEN
        parts += [text[at : start.start()], body if plain else public_address(body), address[len(body) :]]
        at = end
    return "".join([*parts, text[at:]])


def _end(text: str, start: re.Match[str]) -> int:
    """Where an address ends that begins in a text: at the next space, unless that is in its password."""
    token = re.compile(r"\S*").match(text, start.end())
    assert token is not None
    authority = re.split(r"[/?#\\]", token[0], maxsplit=1)[0].rstrip(CLOSING)
    last = text.rfind("@")
    if "@" in token[0] or last < token.end() or re.fullmatch(HOST, authority):
        return token.end()
    tail = re.compile(r"\S*").match(text, last)
    assert tail is not None
    return tail.end()
