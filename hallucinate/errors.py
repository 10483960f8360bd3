"""What can go wrong at the edges. Each error has a message for a person and a stable code for a program.

A message is one line: what was received, what is allowed, and the fix. The command line prints it and exits with 2;
the HTTP API answers ``{"error": message, "code": code}``. Messages may be reworded, codes stay. A class has a code of
its own; where one class covers several cases, what raises it passes a narrower one, which is listed below its class.

HallucinateError        error
│                         device_unavailable, address_unavailable
├── SettingsError       setting_invalid: a value of the wrong type or form
│   │                     setting_unknown, setting_out_of_range, settings_conflict: two that exclude each other,
│   │                     motif_unknown, layer_unknown, channel_out_of_range, preset_unknown,
│   │                     picture_missing: no guide or mask yet
│   └── OptionError     option_invalid: on the command line, what is not a setting
│                         option_unknown, option_missing, command_unknown, folder_missing, program_missing
├── SourceError         source_failed: a camera, film, address or picture that cannot be read now; it is tried again
│   └── SourceUnavailable   source_unavailable: ... and trying again will not help, so it is refused at the start
│                         file_missing, file_empty, film_invalid: not a film or stream, video_missing: sound alone,
│                         films_missing: a folder without one, film_is_picture,
│                         picture_broken_off: too little of it is there,
│                         picture_unsupported: of a kind that nothing here decodes, e.g. HEIC,
│                         address_invalid: a password is to be escaped in it
├── OutputError         output_failed: a film, folder or picture that cannot be written, or is there already
│                         output_exists, output_is_source, outputs_collide, folder_missing, ending_unknown,
│                         picture_too_large: for its format or the memory, container_unsuitable,
│                         work_differs: unfinished work of another command
├── PanoramaError       panorama_invalid: a panorama whose shape or layout does not exist or does not fit
├── LensError           lens_invalid: a lens file that cannot be read or does not fit
│                         board_invalid, board_not_found, pictures_missing, pictures_differ, pictures_too_few,
│                         pictures_from_one_angle, pictures_disagree, lens_not_dual, lenses_do_not_overlap
├── NetworkError        network_invalid: a network, layer, motif or weights file that is missing or does not fit
│   │                     network_unknown
│   ├── WeightsError        weights_unavailable: ... weights that cannot be had: another network goes on meanwhile
│   └── LoadingError        network_loading: ... another one is being loaded: wait for it
├── MeasurementError    measurement_failed: the server or the browser ended, or reported nothing
├── TlsError            tls_invalid: a certificate or key that cannot be used
│                         option_missing, certificate_missing, certificate_expired, certificate_not_yet_valid,
│                         certificate_not_saved, key_missing, key_encrypted, key_differs: not the certificate's
├── OfferError          offer_invalid: an SDP offer that cannot be answered
│                         codec_unsupported, videos_too_many
└── BusyError           no_room: one viewer or guest more than there is room for
                          encoders_in_use, server_stopping
"""

from __future__ import annotations

from hallucinate.plain_text import printable, without_secrets


class HallucinateError(Exception):
    """An error whose text is one line for a person: what was received, what is allowed, the fix.

    Whatever was received, the line stays one, and has no password in it: see ``plain_text``.

    code: what programs and tests compare, in snake_case.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(without_secrets(printable(message)))
        if code is not None:
            self.code = code


class SettingsError(HallucinateError):
    """A setting that does not exist, or a value of the wrong type or out of its range."""

    code = "setting_invalid"


class OptionError(SettingsError):
    """An option, argument or command that does not exist, or a value that it cannot take."""

    code = "option_invalid"


class SourceError(HallucinateError):
    """A source that cannot be read now. The loop retries it with back-off."""

    code = "source_failed"


class SourceUnavailable(SourceError):  # noqa: N818 - it reads as a state, and is one
    """A source that will not work however often it is tried: no such file, not a film."""

    code = "source_unavailable"


class OutputError(HallucinateError):
    """A file that cannot be written, cannot hold what it should, or is there already."""

    code = "output_failed"


class PanoramaError(HallucinateError):
    """A projection, layout or shape of a panorama that does not exist or does not fit."""

    code = "panorama_invalid"


class LensError(HallucinateError):
    """A lens file that lacks something or is for another size, or pictures that no lens can be found from."""

    code = "lens_invalid"


class NetworkError(HallucinateError):
    """A network, layer, motif or weights file that is not there or does not fit."""

    code = "network_invalid"


class WeightsError(NetworkError):
    """Weights that are nowhere on this machine and cannot be fetched now."""

    code = "weights_unavailable"


class LoadingError(NetworkError):
    """A network is being loaded, and the next has to wait for it."""

    code = "network_loading"


class MeasurementError(HallucinateError):
    """A measurement that could not be made: what was to be measured ended, or reported nothing."""

    code = "measurement_failed"


class TlsError(HallucinateError):
    """A certificate or key that cannot be read, used or stored."""

    code = "tls_invalid"


class OfferError(HallucinateError):
    """An SDP offer that cannot be answered."""

    code = "offer_invalid"


class BusyError(HallucinateError):
    """One viewer or guest more than there is room for."""

    code = "no_room"
