"""The types of event that come in; a JSON Schema or a mapping declared for one."""

import re
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.contact.api import type_documents as documents
from services.contact.api.context import mark_of, schema_of, site_of
from services.contact.declared import observed
from services.contact.declared.commands import Change, declare, rule_of, shown
from services.contact.declared.following import Following
from services.contact.declared.mapping import Mapped
from services.contact.declared.schema import Check, Mode
from services.contact.declared.versions import MAPPING, SCHEMA, Author, Document, Kind, Version
from services.contact.queries import types
from services.contact.trying import tried
from services.contact.types import TYPES
from shared import telemetry
from shared.auth import Key, require
from shared.clock import now, rfc3339
from shared.cursors import Cursors
from shared.documents import answers
from shared.errors import BadRequest, NotFound
from shared.http import json_response, page
from shared.parameters import Page, Parameters
from shared.service import Site

router = APIRouter(tags=["types"])
Operator = Annotated[Key, Depends(require("ops"))]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The ETag of the version that is to be replaced; left out where there is none.",
    ),
]
_TAG = re.compile(r'"(\d{1,9})"')


class Seen(Page):
    """What part of the types."""

    undeclared: bool = Field(
        False, description="Only types that are not known, and have no schema and no mapping."
    )


class Sampled(Parameters):
    """One type."""

    sample: int = Field(200, ge=1, le=1000, description="Latest events whose fields are listed.")


class Tried(Parameters):
    """Whether to declare or to try."""

    dry_run: bool = Field(False, description="Try it on events that are there; declare nothing.")
    sample: int = Field(1000, ge=1, le=50_000, description="Latest events that a dry run looks at.")


class SchemaDeclared(BaseModel):
    """A JSON Schema (draft 2020-12 unless it says otherwise) for the data of a type."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [documents.SCHEMA_DECLARED]}
    )

    json_schema: dict[str, Any] = Field(
        alias="schema",
        description="Of `data` without channel, direction and identifiers. Nothing is fetched.",
    )
    mode: Mode = Field(
        description="observe: what does not fit is accepted and counted; enforce: it is refused "
        "into the quarantine."
    )


class MappingDeclared(BaseModel):
    """How a foreign type becomes one of ours."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [documents.RULE]})

    type: str = Field(max_length=128, description="One of the known types.")
    identifiers: list[dict[str, Any]] = Field(
        [], max_length=20, description="Each with `kind`, `value` (where it stands), `namespace`."
    )
    fields: dict[str, Any] = Field(
        {},
        description="By name a JSON pointer into the payload, or an object with `at`, `each` or "
        "`constant`; `convert` is text, number or minor_units, the last with a `currency`.",
    )
    time: str | None = Field(None, max_length=1024, description="Where the time stands.")


@router.get(
    "/v1/types",
    summary="Types of event that came in",
    responses=answers(documents.TYPES),
    response_class=Response,
)
async def all_types(
    request: Request, parameters: Annotated[Seen, Query()], key: Operator
) -> Response:
    """Types by name: how many events, first and last day (UTC), and what is declared for each."""
    site, following = site_of(request), await _following(request)
    schema = await schema_of(site, parameters.min_position)
    name = f"types {parameters.undeclared}"
    mark = mark_of(site, name, parameters.cursor)
    standing = {kind: following.versions.standing(kind) for kind in (SCHEMA, MAPPING)}
    without = [*TYPES, *standing[SCHEMA], *standing[MAPPING]] if parameters.undeclared else None
    after, limit = mark[0] if mark else None, parameters.limit
    rows = await types.page(site.pool, schema, after, without, limit + 1)
    cursor = Cursors(site.secret).write(name, [rows[limit - 1]["type"]]) if rows[limit:] else None
    shown_rows = [msgspec.json.encode(_row(row, following)).decode() for row in rows[:limit]]
    return Response(page(shown_rows, cursor), media_type="application/json")


def _row(row: dict[str, Any], following: Following) -> dict[str, Any]:
    schema, mapping = _standing(following, row["type"])
    return row | {
        "known": row["type"] in TYPES,
        "schema": schema and {"version": schema.number, "mode": (schema.document or {})["mode"]},
        "mapping": mapping
        and {"version": mapping.number, "type": (mapping.document or {})["type"]},
    }


@router.get(
    "/v1/types/{type:path}",
    summary="One type: its fields as observed, an example, what is declared",
    responses=answers(documents.TYPE, 404),
    response_class=Response,
)
async def one_type(
    request: Request, type: str, parameters: Annotated[Sampled, Query()], key: Operator
) -> Response:
    """Which fields the latest events of a type have, the latest of them, and all declarations."""
    site, following = site_of(request), await _following(request)
    schema = await schema_of(site, parameters.min_position)
    row = await types.one(site.pool, schema, type)
    versions = {kind: following.versions.of(kind, type) for kind in (SCHEMA, MAPPING)}
    if row is None and not any(versions.values()):
        raise NotFound("No event of this type came in, and nothing is declared for it.")
    latest = await types.Latest(site.pool, schema, type).page(parameters.sample)
    return json_response(
        {
            **(row or {"type": type, "events": 0, "first": None, "last": None}),
            "known": type in TYPES,
            "observed": observed.fields(record for _, record in latest),
            "example": msgspec.Raw(latest[0][1].encode()) if latest else None,
            "schema": [shown(version) for version in versions[SCHEMA]],
            "mapping": [shown(version) for version in versions[MAPPING]],
        }
    )


_DECLARED = answers(documents.DECLARED, 400, 409, 412, 413, 428)
_FORGOTTEN = answers(documents.DECLARED, 400, 404, 409, 412, 428)


@router.put(
    "/v1/types/{type:path}/schema",
    summary="Declare a schema for a type",
    responses=_DECLARED,
    response_class=Response,
)
async def declare_schema(
    request: Request,
    type: str,
    body: SchemaDeclared,
    parameters: Annotated[Tried, Query()],
    key: Operator,
    if_match: IfMatch = None,
) -> Response:
    """Declare what the data of a type look like; it holds for what comes in within 5 s.

    It is an event on the topic `declarations`: every version is kept. `dry_run=true` checks the
    latest events of the type and answers how many fail and why; nothing is declared.
    """
    document = {"schema": body.json_schema, "mode": body.mode}
    return await _declare(request, SCHEMA, type, document, parameters, key, if_match)


@router.put(
    "/v1/types/{type:path}/mapping",
    summary="Map a foreign type onto one of ours",
    responses=_DECLARED,
    response_class=Response,
)
async def declare_mapping(
    request: Request,
    type: str,
    body: MappingDeclared,
    parameters: Annotated[Tried, Query()],
    key: Operator,
    if_match: IfMatch = None,
) -> Response:
    """Say how a foreign type becomes one of ours; it holds for what comes in from then on.

    Places are JSON pointers into the payload: `data.body` of a foreign one, else `data`. What is
    mapped keeps its payload whole under `data.body`, and `data.mapped` names type and version.
    What cannot be mapped is refused into the quarantine. `dry_run=true` maps the latest events of
    the type and shows what they would become; nothing is declared.
    """
    document = body.model_dump(exclude_unset=True)
    return await _declare(request, MAPPING, type, document, parameters, key, if_match)


@router.delete(
    "/v1/types/{type:path}/schema",
    summary="Take the schema of a type back",
    responses=_FORGOTTEN,
    response_class=Response,
)
async def forget_schema(
    request: Request, type: str, key: Operator, if_match: IfMatch = None
) -> Response:
    """From then on the data of this type are not checked; its versions are kept."""
    return await _declare(request, SCHEMA, type, None, None, key, if_match)


@router.delete(
    "/v1/types/{type:path}/mapping",
    summary="Take the mapping of a type back",
    responses=_FORGOTTEN,
    response_class=Response,
)
async def forget_mapping(
    request: Request, type: str, key: Operator, if_match: IfMatch = None
) -> Response:
    """From then on this type is kept as it comes; what was mapped stays mapped."""
    return await _declare(request, MAPPING, type, None, None, key, if_match)


async def _following(request: Request) -> Following:
    found: Following = request.app.state.declared
    await found.look()
    return found


def _standing(following: Following, type_: str) -> tuple[Version | None, Version | None]:
    versions = following.versions
    return versions.standing(SCHEMA).get(type_), versions.standing(MAPPING).get(type_)


async def _declare(
    request: Request,
    kind: Kind,
    type_: str,
    document: Document | None,
    parameters: Tried | None,
    key: Key,
    if_match: str | None,
) -> Response:
    site, following = site_of(request), await _following(request)
    rule = rule_of(kind, type_, document) if document is not None else None
    if parameters is not None and parameters.dry_run and rule is not None:
        return await _try(site, type_, rule, parameters, key)
    if document is None and not following.versions.of(kind, type_):
        raise NotFound(f"No {kind} is declared for this type.")
    author = Author(key.name, key.principal, rfc3339(now()), telemetry.trace.get())
    change = Change(kind, type_, document, _expected(if_match))
    version = await declare(following, change, author)
    answer = {"type": type_, "kind": kind, **(shown(version) or {})}
    return json_response(answer, headers={"ETag": f'"{version.number}"'})


def _expected(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    match = _TAG.fullmatch(if_match.strip())
    if match is None:
        raise BadRequest('If-Match is one ETag as it was answered, such as "3".')
    return int(match[1])


async def _try(
    site: Site, type_: str, rule: Check | Mapped, parameters: Tried, key: Key
) -> Response:
    schema = await schema_of(site, parameters.min_position)
    found = await tried(
        *(site.pool, schema, type_, rule, parameters.sample), secret=site.secret, key=key
    )
    return json_response({"type": type_, "dry_run": True, **found.as_dict()})
