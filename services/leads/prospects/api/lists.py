"""Target lists: defined, filled by import or from the profile, closed."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import ValidationError

from services.leads.api.capturing import IdempotencyKey
from services.leads.api.context import (
    answer,
    cursors_of,
    handler_of,
    moment,
    origin_of,
    schema_of,
    site_of,
)
from services.leads.prospects import commands
from services.leads.prospects.api import bodies, examples, filling
from services.leads.prospects.api.context import (
    IfMatch,
    Operator,
    Reader,
    Writer,
    each_of,
    is_new,
    keep,
    place,
    prospect,
    shown_list,
    target_list,
)
from services.leads.prospects.api.prospects import kept_as
from services.leads.prospects.decider import PROSPECT, TARGET_LIST
from services.leads.prospects.decider.lists import stream_of
from services.leads.prospects.queries import lists
from shared.auth import Key
from shared.deciding.command_handler import Handled
from shared.documents import answers
from shared.errors import Unprocessable
from shared.http import (
    conditional,
    expected_version,
    field_errors,
    json_response,
    page,
    version_tag,
)
from shared.idempotency import once
from shared.parameters import Page

router = APIRouter(tags=["prospects"])
Name = Annotated[str, Path(min_length=1, max_length=64)]


@router.get(
    "/v1/target-lists",
    summary="All target lists",
    responses=answers(examples.LISTS, 304),
    response_class=Response,
)
async def all_lists(
    request: Request, parameters: Annotated[Page, Query()], key: Reader
) -> Response:
    """By name. `state` is `filling` until all of the profile that matches was looked at, then
    `ready`, or `closed`; `seen` customers of the profile, of whom `kept` were no prospects yet."""
    site = site_of(request)
    schema = await schema_of(site, parameters.min_position)
    after = cursors_of(site).read("/v1/target-lists", parameters.cursor)
    async with site.pool.acquire() as connection:
        rows = await lists.page(
            connection, schema, str(after[0]) if after else None, parameters.limit
        )
    found = rows[: parameters.limit]
    more = len(rows) > parameters.limit
    cursor = cursors_of(site).write("/v1/target-lists", [found[-1][0]]) if more else None
    return conditional(request, page([row[1] for row in found], cursor))


@router.get(
    "/v1/target-lists/{name}",
    summary="One target list",
    responses=answers(examples.LIST, 404),
    response_class=Response,
)
async def one_list(request: Request, name: Name, key: Reader) -> Response:
    """As it stands, with how many prospects stand on it, by their states; who they are:
    `GET /v1/prospects?filter[list][eq]=`."""
    kept = await target_list(request, name)
    site = site_of(request)
    schema = await schema_of(site)
    async with site.pool.acquire() as connection:
        standing = await lists.standing(connection, schema, name)
    document = shown_list(kept.version, kept.state) | {"prospects": standing}
    return json_response(document, headers={"ETag": version_tag(kept.version)})


@router.put(
    "/v1/target-lists/{name}",
    summary="Define a target list",
    responses=answers(examples.CHANGED_LIST, 400, 409, 413),
    response_class=Response,
)
async def define(
    request: Request,
    name: Name,
    body: bodies.ListBody,
    key: Operator,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """For a purpose. With `filters` it is then filled step by step with `fill`; import adds
    prospects to any. The same again is no news; 409 `list_exists` where another has that name."""

    async def run() -> Response:
        command = commands.DefineList(
            name=name, purpose=body.purpose, filters=body.filters, at=moment()
        )
        stream = stream_of(name)
        handled = await handler_of(request).carry_out(
            TARGET_LIST, stream, command, origin_of(key), partitionkey=stream
        )
        return _answer(request, handled)

    return await once(site_of(request).pool, key, request, run)


@router.post(
    "/v1/target-lists/{name}/close",
    summary="Close a target list",
    responses=answers(examples.CHANGED_LIST | {"state": "closed"}, 400, 404, 412, 413, 428),
    response_class=Response,
)
async def close(
    request: Request,
    name: Name,
    body: bodies.Because,
    key: Operator,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Nobody comes onto it any more; who stands on it stays, and may be promoted."""

    async def run() -> Response:
        expected = expected_version(request)
        kept = await target_list(request, name)
        command = commands.CloseList(reason=body.reason, at=moment())
        handled = await handler_of(request).carry_out(
            *(TARGET_LIST, kept.stream, command, origin_of(key)),
            partitionkey=kept.stream,
            expected=expected,
        )
        return _answer(request, handled)

    return await once(site_of(request).pool, key, request, run)


@router.post(
    "/v1/target-lists/{name}/fill",
    summary="Fill a target list from the profile, one step",
    responses=answers(examples.CHANGED_LIST | {"state": "filling"}, 400, 404, 409, 413),
    response_class=Response,
)
async def fill(
    request: Request, name: Name, key: Writer, idempotency_key: IdempotencyKey = None
) -> Response:
    """The next 1,000 customers that match its filters come to be prospects on it.

    Ask again until `state` is `ready`: it goes on where it was, also after a failure, and brings
    nobody twice; at most 10,000 customers. The customers are asked of profile with the caller's own
    key, which therefore needs the scope `read` too: 403 `profile_refused`. Those who are barred
    stay barred. 503 where profile is away.
    """

    async def run() -> Response:
        kept = await target_list(request, name, is_open=True)
        handled = await filling.step(request, key, kept)
        return _answer(request, handled)

    return await once(site_of(request).pool, key, request, run)


@router.post(
    "/v1/target-lists/{name}/prospects",
    summary="Bring prospects to a target list",
    responses=answers(examples.MANY_KEPT, 400, 404, 409, 413),
    response_class=Response,
)
async def bring(
    request: Request,
    name: Name,
    body: bodies.Import,
    key: Writer,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Up to 1,000, each kept as if alone, with a result for each, in order.

    201: kept now; 200: was kept already (`state` says whether it is barred); 422 with pointers to
    what is wrong. `kept` counts the 201. The same request again changes nothing.
    """

    async def run() -> Response:
        await target_list(request, name, is_open=True)

        async def one(number: int, item: dict[str, Any]) -> dict[str, Any]:
            return await _bring(request, key, name, item)

        found = await each_of(body.items, one)
        kept = sum(each["status"] == 201 for each in found)
        return json_response({"data": found, "kept": kept})

    return await once(site_of(request).pool, key, request, run)


async def _bring(request: Request, key: Key, name: str, item: dict[str, Any]) -> dict[str, Any]:
    try:
        body = bodies.Keep.model_validate(item)
    except ValidationError as error:
        errors = field_errors(error.errors())
        raise Unprocessable(errors[0].detail, errors=errors) from None
    command, subjects = kept_as(request, key, body, name)
    handled = await keep(handler_of(request), command, subjects, origin_of(key))
    return {
        "status": 201 if is_new(handled) else 200,
        "id": handled.stream,
        "state": type(handled.state).__name__.lower(),
        **place(request, handled, handled.state.person.subject),
    }


@router.post(
    "/v1/target-lists/{name}/remove",
    summary="Take prospects off a target list",
    responses=answers(examples.TAKEN_OFF, 400, 404, 413),
    response_class=Response,
)
async def take_off(
    request: Request,
    name: Name,
    body: bodies.Off,
    key: Writer,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Up to 1,000 by id, with a result for each: 200, also where it stood there no more; 404."""

    async def run() -> Response:
        await target_list(request, name)
        command = commands.UnlistProspect(list=name, at=moment())

        async def one(number: int, id: str) -> dict[str, Any]:
            kept = await prospect(request, id)
            handled = await handler_of(request).carry_out(
                *(PROSPECT, id, command, origin_of(key)), partitionkey=str(kept.partitionkey)
            )
            return {"status": 200, **place(request, handled, str(kept.partitionkey))}

        ids = [*dict.fromkeys(str(id) for id in body.ids)]
        found = await each_of(ids, one, "ids")
        data = [{"id": id} | each for id, each in zip(ids, found, strict=True)]
        return json_response({"data": data})

    return await once(site_of(request).pool, key, request, run)


def _answer(request: Request, handled: Handled) -> Response:
    document = shown_list(handled.version, handled.state)
    return answer(request, handled, handled.stream, document)
