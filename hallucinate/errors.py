"""What can go wrong at the edges. Every message names what was given, what is allowed, and the mend.

HallucinateError
├── SettingsError    a knob that does not exist, or a value out of its range
├── SourceError      a camera, film, address or picture that cannot be read
│   └── SourceUnavailable   ... and trying again will not help: refuse at the start
├── OutputError      a film, folder or picture that cannot be written, or is there already
├── PanoramaError    a panorama whose shape or layout is not what was said
├── LensError        a lens file that cannot be read, or pictures that no lens can be found from
├── NetworkError     a network, layer, motif or weights file that is not there
│   ├── WeightsError      ... weights that cannot be had: another network goes on meanwhile
│   └── LoadingError      ... another one is being loaded: wait for it
├── TlsError         a certificate or key that cannot be used
├── OfferError       an SDP offer that cannot be answered
└── BusyError        one viewer or guest more than there is room for
"""


class HallucinateError(Exception):
    """An error whose text is one line for a person: what was given, what is allowed, the mend."""


class SettingsError(HallucinateError):
    """A knob that does not exist, or a value of the wrong type or out of its range."""


class SourceError(HallucinateError):
    """A source that cannot be read now. The loop retries it with back-off."""


class SourceUnavailable(SourceError):  # noqa: N818 - it reads as a state, and is one
    """A source that will not work however often it is tried: no such file, not a film."""


class OutputError(HallucinateError):
    """A file that cannot be written, cannot hold what it should, or is there already."""


class PanoramaError(HallucinateError):
    """A projection, layout or shape of a panorama that does not exist or does not fit."""


class LensError(HallucinateError):
    """A lens file that lacks something or is for another size, or pictures that no lens can be found from."""


class NetworkError(HallucinateError):
    """A network, layer, motif or weights file that is not there or does not fit."""


class WeightsError(NetworkError):
    """Weights that are nowhere on this machine and cannot be fetched now."""


class LoadingError(NetworkError):
    """A network is being loaded, and the next has to wait for it."""


class TlsError(HallucinateError):
    """A certificate or key that cannot be read, used or kept."""


class OfferError(HallucinateError):
    """An SDP offer that cannot be answered."""


class BusyError(HallucinateError):
    """One viewer or guest more than there is room for."""
