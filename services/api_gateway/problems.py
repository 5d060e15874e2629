"""The one place where exceptions meet HTTP: RFC 9457 problems with a stable code, and never a word of the input."""

import logging
import re
from collections.abc import Iterable, Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from libs.bus.errors import BusError, DeadlineExceeded, HandlerFailed, InvalidParams, Overloaded, Unavailable
from libs.contracts.api import FieldProblem, Problem
from libs.domain.errors import HiddenGemError, InvalidInput, NotFound
from libs.storage.engine import StorageUnavailable

log = logging.getLogger(__name__)

REQUEST_ID = "hiddengem.request_id"
"""Where the gate leaves the request's id in the ASGI scope."""
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
_MEDIA_TYPE = "application/problem+json"
_HTTP_CODES = {
    400: ("http.bad_request", "The request cannot be read"),
    401: ("auth.unauthenticated", "An API key is needed: Authorization: Bearer hgk_…"),
    403: ("auth.forbidden", "This key's role may not do this"),
    404: ("http.not_found", "There is nothing here"),
    405: ("http.method_not_allowed", "This method is not answered here"),
    408: ("http.timeout", "The request took too long to arrive"),
    413: ("http.body_too_large", "The body is larger than 256 KiB"),
    415: ("http.unsupported_media_type", "The body must be JSON"),
    421: ("http.unknown_host", "This server is not known under that host name"),
    500: ("internal", "Something failed here; the log has the story under the request id"),
}
_UNANSWERED: tuple[tuple[type[HiddenGemError], int], ...] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (InvalidParams, 422),
    (DeadlineExceeded, 504),
    (Overloaded, 503),
    (Unavailable, 503),
    (StorageUnavailable, 503),
)


class UnknownSymbol(InvalidInput):
    """No stored data mentions this symbol."""

    code = "symbol.unknown"


def problem(
    request_id: str, status: int, code: str, title: str, errors: Sequence[FieldProblem] | None = None
) -> Response:
    """A problem as a response."""
    body = Problem(
        type=f"urn:hiddengem:problem:{code}",
        title=title,
        status=status,
        code=code,
        request_id=request_id,
        errors=list(errors) if errors else None,
    )
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    if status == 503:
        headers["Retry-After"] = "1"
    return Response(body.model_dump_json(exclude_none=True), status, headers, _MEDIA_TYPE)


def http_problem(request_id: str, status: int) -> Response:
    """The problem that stands for a bare HTTP status."""
    code, title = _HTTP_CODES.get(status, (f"http.{status}", "The request was refused"))
    return problem(request_id, status, code, title)


def status_of(error: HiddenGemError) -> int:
    """The HTTP status that says what kind of failure this is."""
    if isinstance(error, HandlerFailed):
        return _remote_status(error)
    for kind, status in _UNANSWERED:
        if isinstance(error, kind):
            return status
    return 502 if isinstance(error, BusError) else 500


def code_of(error: HiddenGemError) -> str:
    """The stable code a caller sees: the one of the service that refused, where one did."""
    return error.remote_code if isinstance(error, HandlerFailed) else error.code


def fields_of(error: HiddenGemError) -> list[FieldProblem]:
    """The fields an error names."""
    match error:
        case InvalidInput():
            return [FieldProblem(field=error.field, rule=error.code)]
        case InvalidParams():
            named = (text.partition(": ") for text in error.problems)
            return [FieldProblem(field=field, rule=rule or "invalid") for field, _, rule in named]
        case HandlerFailed() if "field" in error.detail:
            return [FieldProblem(field=error.detail["field"], rule=error.remote_code)]
        case _:
            return []


def field_name(location: Iterable[object]) -> str:
    """A field's place; the name of one that does not exist came from the caller and is cut to what a name may be."""
    return ".".join(_NOT_A_NAME.sub("_", str(part))[:64] for part in location)


def title_of(error: HiddenGemError) -> str:
    """The constant sentence of the error's class; its own text stays here."""
    if isinstance(error, HandlerFailed):
        return "The desk refused this"
    return (type(error).__doc__ or error.code).strip().splitlines()[0].rstrip(".")


def install(app: FastAPI) -> None:
    """Answer every exception of this application with a problem."""

    @app.exception_handler(HiddenGemError)
    async def _ours(request: Request, error: HiddenGemError) -> Response:
        status = status_of(error)
        if status >= 500:
            log.warning("request failed", extra={"code": code_of(error), "status": status, "reason": str(error)})
        return problem(_id(request), status, code_of(error), title_of(error), _placed(request, fields_of(error)))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        found = [FieldProblem(field=field_name(e["loc"]), rule=str(e["type"])) for e in error.errors()[:20]]
        return problem(_id(request), 422, "input.invalid", "The request does not fit its description", found)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        response = http_problem(_id(request), error.status_code)
        for name, value in (error.headers or {}).items():
            response.headers[name] = value
        return response

    @app.exception_handler(Exception)
    async def _unknown(request: Request, _: Exception) -> Response:
        return http_problem(_id(request), 500)


def _placed(request: Request, found: Sequence[FieldProblem]) -> list[FieldProblem]:
    """A parameter that was refused further inside is named as one that is refused at the door."""
    asked = request.query_params
    return [
        problem.model_copy(update={"field": f"query.{problem.field}"}) if problem.field in asked else problem
        for problem in found
    ]


def _remote_status(error: HandlerFailed) -> int:
    if error.remote_code == NotFound.code or error.remote_code.endswith((".not_found", ".unknown_agent")):
        return 404
    if error.remote_code == InvalidInput.code or "field" in error.detail:
        return 422
    return 503 if error.remote_retryable else 409


def _id(request: Request) -> str:
    return str(request.scope.get(REQUEST_ID, "unknown"))
