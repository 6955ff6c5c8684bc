"""Every error that is shown to a caller or an operator.

RapportError
├── Fatal                 a start that cannot go on: one sentence for the operator, exit code 2
├── LogUnavailable        the log did not take or give records in time (503)
├── OffsetLost            the log lost records that were not folded yet: shout
├── DatabaseUnavailable   the database did not answer (503)
└── Problem               an answer over HTTP (RFC 9457): status, code, the wrong fields
    ├── BadRequest 400 · Unauthenticated 401 · Forbidden 403 · NotFound 404 · Conflict 409
    ├── PreconditionFailed 412 · PreconditionRequired 428
    ├── TooLarge 413 · UnsupportedMedia 415 · Unprocessable 422 · NotReady 503
"""

from dataclasses import dataclass


class RapportError(Exception):
    """The root of the tree."""


class Fatal(RapportError):
    """A start that cannot go on; the message is one sentence that says what and what to do."""


class LogUnavailable(RapportError):
    """The log did not settle an append or answer within its bound; the outcome is unknown."""


class OffsetLost(RapportError):
    """The log no longer has what comes next; going on would skip events in silence."""


class DatabaseUnavailable(RapportError):
    """The database did not answer within its bound."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is wrong: a JSON pointer, a code for programs, a sentence for people."""

    pointer: str
    code: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


class Problem(RapportError):
    """An answer over HTTP that says what is wrong (RFC 9457)."""

    status = 500
    code = "internal"
    title = "Something failed on our side"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        errors: tuple[FieldError, ...] = (),
        headers: dict[str, str] | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.code = code or type(self).code
        self.errors = errors
        self.headers = headers or {}
        self.extra = extra or {}

    def body(self, trace_id: str) -> dict[str, object]:
        """The `application/problem+json` document."""
        return {
            "type": f"urn:rapport:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "trace_id": trace_id,
            "errors": [error.as_dict() for error in self.errors],
            **self.extra,
        }


class BadRequest(Problem):
    status, code, title = 400, "bad_request", "The request cannot be read"


class Unauthenticated(Problem):
    status, code, title = 401, "unauthenticated", "No key, or a key that is not known"


class Forbidden(Problem):
    status, code, title = 403, "forbidden", "The key does not have the scope for this"


class NotFound(Problem):
    status, code, title = 404, "not_found", "There is nothing here"


class MethodNotAllowed(Problem):
    status, code, title = 405, "method_not_allowed", "This path does not take that method"


class Conflict(Problem):
    status, code, title = 409, "conflict", "The present state does not allow this"


class PreconditionFailed(Problem):
    status, code, title = 412, "stale", "Another version stands than the one in If-Match"


class PreconditionRequired(Problem):
    status, code, title = 428, "if_match_required", "Name the version that stands in If-Match"


class TooLarge(Problem):
    status, code, title = 413, "too_large", "The body is over a limit"


class UnsupportedMedia(Problem):
    status, code, title = 415, "unsupported_media_type", "This Content-Type is not taken here"


class Unprocessable(Problem):
    status, code, title = 422, "invalid", "A field is not as it must be"


class NotReady(Problem):
    status, code, title = 503, "not_ready", "Not ready yet; try again"
