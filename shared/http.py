"""What every HTTP API here has in common: problems, pages, waiting, conditional reads."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from shared import errors, telemetry
from shared.clock import monotonic
from shared.database import ERRORS, is_transient
from shared.errors import FieldError, NotReady, Problem
from shared.messages import Place, parse_position
from shared.parameters import SAID

WAIT = 2.0
"""Seconds that a read waits for `min_position`."""

PROBLEM = "application/problem+json"
_VERSION = re.compile(r'"[1-9]\d{0,9}"')
_logger = logging.getLogger("rapport.http")


def current_trace_id() -> str:
    """The trace id of the request that is being answered; a new one outside of requests."""
    return (telemetry.trace.get() or telemetry.new_traceparent())[3:35]


# Problems


def json_response(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A response of anything that msgspec encodes."""
    return Response(msgspec.json.encode(content), status, headers, "application/json")


def problem_response(problem: Problem) -> Response:
    """A problem as its `application/problem+json` answer."""
    body = problem.body(current_trace_id())
    return Response(msgspec.json.encode(body), problem.status, problem.headers, PROBLEM)


def away(what: str, code: str) -> NotReady:
    """The answer while something we rest on is away."""
    return NotReady(what, code=code, headers={"Retry-After": "2"})


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(error)


async def _on_bug(_: Request, error: Exception) -> Response:
    return problem_response(Problem())


async def _on_log_away(_: Request, error: Exception) -> Response:
    return problem_response(away("The log does not answer; try again.", "log_unavailable"))


async def _on_database(request: Request, error: Exception) -> Response:
    if isinstance(error, errors.DatabaseUnavailable) or is_transient(error):
        _logger.warning("the database is away: %r", error)
        return problem_response(
            away("The database does not answer; try again.", "database_unavailable")
        )
    _logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem_response(Problem())


_BY_STATUS: dict[int, type[Problem]] = {
    400: errors.BadRequest,
    401: errors.Unauthenticated,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.TooLarge,
    415: errors.UnsupportedMedia,
    422: errors.Unprocessable,
}


async def _on_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    problem = _BY_STATUS.get(error.status_code, errors.BadRequest)(
        str(error.detail) if error.status_code not in (404, 405) else "",
        headers=headers,
    )
    problem.status = error.status_code
    return problem_response(problem)


def _methods(request: Request) -> list[str]:
    """The methods of all operations on a path, handshakes apart; the framework names those of the
    first."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found - {"OPTIONS"})


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    wrong = field_errors(found)
    if any(e["type"] == "json_invalid" for e in found):
        return problem_response(errors.BadRequest("The body is not JSON.", errors=wrong))
    return problem_response(errors.Unprocessable(wrong[0].detail if wrong else "", errors=wrong))


_TYPES = frozenset({"str", "int", "float", "bool"})
"""What pydantic puts behind the place of a value that may be of several types."""


def field_errors(found: Iterable[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """The errors of a pydantic ValidationError, each once."""
    return tuple(dict.fromkeys(map(_field_error, found)))


def _field_error(found: Mapping[str, Any]) -> FieldError:
    """What pydantic found, in words of people where it has none."""
    where, code, said = found["loc"], found["type"], found["msg"]
    if code == "string_pattern_mismatch":
        said = SAID.get(found["ctx"]["pattern"], said)
    elif code == "value_error":
        said = str(found["ctx"]["error"])
    elif code == "extra_forbidden":
        said = f"There is no such {'parameter' if where[0] == 'query' else 'field'}."
    elif len(where) > 2 and where[-1] in _TYPES and code.removesuffix("_type") != code:
        where, code, said = where[:-1], "type", "Text, a number, true or false."
    return FieldError(pointer(where), code, said)


_ANSWERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    Problem: _on_problem,
    RequestValidationError: _on_invalid,
    HTTPException: _on_framework,
    errors.LogUnavailable: _on_log_away,
    **dict.fromkeys((errors.DatabaseUnavailable, *ERRORS), _on_database),
}


def install(app: FastAPI) -> None:
    """Answer every error of an application with a problem."""
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(Exception, _on_bug)  # which raises it again, for the log


async def answer_to(request: Request, error: Exception) -> Response:
    """The answer to an error outside of an application. Raises what is a bug."""
    answer = next((_ANSWERS[kind] for kind in type(error).__mro__ if kind in _ANSWERS), None)
    if answer is None:
        raise error
    return await answer(request, error)


def pointer(location: Sequence[int | str]) -> str:
    """A JSON pointer into the body; `/query/limit` and `/path/customer` for what is not there."""
    parts = location[1:] if location and location[0] == "body" else location
    return "".join("/" + escape(str(part)) for part in parts)


def escape(part: str) -> str:
    """One part of a JSON pointer (RFC 6901)."""
    return part.replace("~", "~0").replace("/", "~1")


def wrong_parameter(name: str, code: str, detail: str) -> errors.Unprocessable:
    """A query parameter that is not as it must be."""
    return errors.Unprocessable(detail, errors=(FieldError(f"/query/{name}", code, detail),))


# Reads


async def wait_until(
    position: str | None, reached: Callable[[Place], Awaitable[bool]], bound: float = WAIT
) -> None:
    """Wait until a view has a position.

    Raises NotReady after 2 s, Unprocessable for what is no position.
    """
    if position is None:
        return
    try:
        place = parse_position(position)
    except ValueError:
        raise wrong_parameter("min_position", "position", "This is not a position.") from None
    deadline, pause = monotonic() + bound, 0.01
    while not await reached(place):
        if monotonic() >= deadline:
            raise NotReady(
                "The view has not reached this position yet.",
                code="not_yet",
                headers={"Retry-After": "1"},
            )
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def conditional(
    request: Request, body: bytes, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON with an ETag of its bytes; 304 where the caller has them already."""
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    known = request.headers.get("if-none-match", "")
    fields = {"ETag": tag, **(headers or {})}
    if tag in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=fields)
    return Response(body, headers=fields, media_type="application/json")


def version_tag(version: int) -> str:
    """The ETag of a stream: its version."""
    return f'"{version}"'


def expected_version(request: Request) -> int:
    """The version that a command names in If-Match.

    Raises PreconditionRequired where it names none, PreconditionFailed for what is no version.
    """
    header = request.headers.get("if-match")
    if header is None:
        raise errors.PreconditionRequired(
            "Send the ETag of what you read as If-Match: a command holds for that version alone."
        )
    tag = header.strip().removeprefix("W/")
    if not _VERSION.fullmatch(tag):
        raise errors.PreconditionFailed(
            'If-Match names no version: it is one number in double quotes, as in "2", the ETag of '
            "what you read."
        )
    return int(tag[1:-1])


def page(items: Sequence[str], next_cursor: str | None) -> bytes:
    """A page of a list from the JSON texts of its items."""
    cursor = msgspec.json.encode(next_cursor)
    return b'{"data":[' + ",".join(items).encode() + b'],"next_cursor":' + cursor + b"}"
