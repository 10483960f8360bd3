"""What a source is called where people see it: in the terminal, in the log, on the pages, under everybody's picture."""

from __future__ import annotations

from pathlib import PurePath

from hallucinate.plain_text import START, printable, public_address


def public_name(spec: str) -> str:
    """The name of what somebody wrote after ``--source``, on one line, without secrets.

    Of an address its scheme and host; of a file its own name, without the folders that it is in. All else is a name
    already. Nothing but this is to be shown of a source.

    >>> public_name("rtsp://admin:secret@192.168.1.9/live?key=1")
    'rtsp://***@192.168.1.9/…'
    >>> public_name("/home/jane/sea.mp4"), public_name("zoom:/home/jane/sea.png"), public_name("camera:0")
    ('sea.mp4', 'zoom:sea.png', 'camera:0')
    """
    if "://" in spec or START.match(spec):
        return printable(public_address(spec))
    kind = "zoom:" if spec.startswith("zoom:") else ""
    path = spec.removeprefix(kind)
    return printable(kind + (PurePath(path).name or path))
