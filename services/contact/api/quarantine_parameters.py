"""What the operations of the quarantine take."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.contact.patching import MOST_STEPS, Fix
from services.contact.queries.quarantine import Chosen
from shared.parameters import Line, Moment, Page, Parameters

State = Literal["open", "driven", "discarded"]
Reason = Annotated[Line, StringConstraints(min_length=1)]
_Header = Annotated[
    str,
    StringConstraints(pattern=r"^(content-type|content-encoding|ce-[a-z0-9]{1,20})$"),
]
_Value = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[\x20-\x7e]*$")]

_KEY = Field(None, description="Name of the key that sent it.")
_CODE = Field(None, description="Code of the first reason.")
_SOURCE = Field(None, description="The source that the event names; else that of its key.")
_EARLIEST = Field(None, alias="from", description="First received at or after this time.")
_LATEST = Field(None, alias="to", description="First received before this time.")


class Refused(Page):
    """What part of the quarantine."""

    key: Line | None = _KEY
    code: Line | None = _CODE
    source: Line | None = _SOURCE
    state: State | None = Field(None, description="Left out: any.")
    since: Moment | None = _EARLIEST
    until: Moment | None = _LATEST

    def chosen(self) -> Chosen:
        return Chosen(self.since, self.until, self.key, self.source, self.code, self.state)


class DryRun(Parameters):
    """Whether to do it or to try it."""

    dry_run: bool = Field(False, description="Say what would become of it; store nothing.")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class Drive(_Body):
    """What is changed before it is sent again; nothing: as it is."""

    patch: list[dict[str, Any]] | None = Field(
        None, max_length=MOST_STEPS, description="JSON Patch (RFC 6902), at most 64 KiB."
    )
    headers: dict[_Header, _Value | None] | None = Field(
        None, max_length=32, description="Headers by name; null takes one away."
    )

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"patch": [{"op": "add", "path": "/data/amount", "value": 4990}]}]
        },
    )

    def fix(self) -> Fix:
        return Fix(self.patch, self.headers)


class _Which(_Body):
    """Which of the open items."""

    code: Reason = Field(description="Code of the first reason.")
    key: Line | None = _KEY
    source: Line | None = _SOURCE
    since: Moment | None = _EARLIEST
    until: Moment | None = _LATEST
    limit: int = Field(100, ge=1, le=200, description="Items at most in this step.")

    def chosen(self) -> Chosen:
        return Chosen(self.since, self.until, self.key, self.source, self.code)


class DriveAll(Drive, _Which):
    """Which items are driven, and what is changed of each."""

    cursor: Annotated[str, StringConstraints(max_length=2048)] | None = Field(
        None, description="`next_cursor` of the step before."
    )

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "required",
                    "key": "shop",
                    "patch": [{"op": "add", "path": "/data/currency", "value": "EUR"}],
                }
            ]
        },
    )


class Discard(_Body):
    """Why it is given up."""

    reason: Reason = Field(description="Kept for ever.")

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "A test of the shop"}]})


class DiscardAll(Discard, _Which):
    """Which items are given up, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "not_json", "reason": "A broken till"}]}
    )
