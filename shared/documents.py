"""Answers as the documentation of every API shows them: what is given, and the problems."""

from collections.abc import Mapping
from typing import Any

_TITLES = {
    304: "The caller has this already (If-None-Match)",
    400: "The body cannot be read",
    401: "No key, or a key that is not known",
    403: "The key does not have the scope",
    404: "Nothing is known here",
    408: "The body did not come in time",
    409: "The present state does not allow this",
    412: "Another version stands than the one in If-Match",
    413: "The body is over a limit",
    415: "This Content-Type is not taken here",
    422: "A parameter or field is not as it must be; `errors` names it",
    428: "Name the version that stands in If-Match",
    429: "More events than the rate of the key allows; Retry-After says when to try again",
    503: "Not there yet, or what we rest on is away; Retry-After says when to try again",
}

_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    408: "too_slow",
    409: "conflict",
    412: "stale",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    428: "if_match_required",
    429: "rate",
    503: "not_ready",
}

_LIMIT = {
    "pointer": "/query/limit",
    "code": "less_than_equal",
    "detail": "Input should be less than or equal to 200",
}

_PARTICULARS: dict[int, Mapping[str, Any]] = {422: {"errors": [_LIMIT]}}


def problem(status: int, particulars: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A problem as documentation shows it; `particulars` are members that differ here."""
    given = _PARTICULARS.get(status, {}) if particulars is None else particulars
    code = given.get("code", _CODES[status])
    example: dict[str, Any] = {
        "type": f"urn:rapport:problem:{code}",
        "title": _TITLES[status],
        "status": status,
        "detail": _TITLES[status],
        "code": code,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "errors": [],
        **given,
    }
    content = {"application/problem+json": {"schema": {"type": "object"}, "example": example}}
    return {"description": _TITLES[status], "content": content}


def answers(
    example: Mapping[str, Any],
    *statuses: int,
    success: int = 200,
    particulars: Mapping[int, Mapping[str, Any]] | None = None,
) -> dict[int | str, Any]:
    """The `responses` of an operation: what it gives, and the problems it may give instead."""
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    special = particulars or {}
    return {
        success: {"description": "As asked", "content": content},
        **{
            status: {"description": _TITLES[304]}
            if status == 304
            else problem(status, special.get(status))
            for status in (401, 403, *statuses, 422, 503)
        },
    }
