"""What a request is answered with that cannot be followed: ``{"error": one line for a person, "code": for a program}``.

Whoever reads it in a browser's window gets the line alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web

from hallucinate.errors import BusyError, HallucinateError, LoadingError
from hallucinate.plain_text import printable, without_secrets
from hallucinate.stream.access import Refused
from hallucinate.stream.sdp import CodecError

RETRY_AFTER_S = "10"

ANSWERED = (Refused, HallucinateError, web.HTTPException, web.RequestPayloadError)
"""What may go wrong with a request; anything else is a fault of ours."""

HTTP_CODES = {
    400: "request_invalid",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "content_type_unsupported",
}


def refusal(request: web.Request, error: Exception, max_bytes: int) -> web.Response:
    """The answer to a request that ended in ``error``. max_bytes: how large its body may be."""
    match error:
        case Refused():
            headers = {hdrs.WWW_AUTHENTICATE: "Bearer"} if error.status == 401 else {}
            return _answer(request, error.status, str(error), error.code, headers)
        case HallucinateError():
            headers = {hdrs.RETRY_AFTER: RETRY_AFTER_S} if isinstance(error, BusyError) else {}
            return _answer(request, _status(error), str(error), code_of(error), headers)
        case web.HTTPRequestEntityTooLarge():
            return _answer(request, 413, f"the body is larger than {max_bytes // 1024} KiB", HTTP_CODES[413])
        case web.HTTPException():
            says = {name: error.headers[name] for name in ("Allow", "Accept-Post") if name in error.headers}
            code = HTTP_CODES.get(error.status, f"http_{error.status}")
            return _answer(request, error.status, error.text or error.reason, code, says)
        case web.RequestPayloadError():
            reason = "the body cannot be read; is it what its Content-Encoding says?"
            return _answer(request, 400, reason, "body_unreadable")
    return _answer(request, 500, "something broke in the server; its log says what", "internal_error")


def code_of(error: HallucinateError) -> str:
    """The error's stable name, for programs."""
    return error.code


def one_line(text: str) -> str:
    """Whatever it was, on one line, without secrets."""
    return without_secrets(printable(text))


def _status(error: HallucinateError) -> int:
    if isinstance(error, CodecError) or error.code == "videos_too_many":
        return 422  # well formed, and not to be answered (RFC 9725, "No Partially Successful Answers")
    if isinstance(error, LoadingError):
        return 409
    return 503 if isinstance(error, BusyError) else 400


def _answer(
    request: web.Request, status: int, reason: str, code: str, headers: Mapping[Any, str] | None = None
) -> web.Response:
    if "text/html" in request.headers.get(hdrs.ACCEPT, ""):
        return web.Response(status=status, text=one_line(reason) + "\n", headers=headers)
    return web.json_response({"error": one_line(reason), "code": code}, status=status, headers=headers)
