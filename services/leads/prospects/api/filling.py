"""Target lists filled from the profile: asked over HTTP, page by page, with the caller's key."""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
from fastapi import Request

from services.leads.api.context import handler_of, moment, origin_of, site_of
from services.leads.prospects.api.context import each_of, is_new, keep
from services.leads.prospects.commands import KeepProspect, NoteFilled
from services.leads.prospects.decider import TARGET_LIST
from services.leads.prospects.states import TargetList
from shared.auth import Key
from shared.deciding.command_handler import Handled
from shared.deciding.store import Kept
from shared.errors import Conflict, FieldError, Forbidden, NotReady, Problem, Unprocessable

PAGES, PAGE = 5, 200
"""Pages in a step, and customers on one."""

SOURCE = "/profile/customers"
"""The source of a prospect that was found in the profile."""


class _Customer(msgspec.Struct):
    id: str
    name: str | None = None


class _Page(msgspec.Struct):
    data: list[_Customer]
    next_cursor: str | None = None


async def step(request: Request, key: Key, kept: Kept) -> Handled:
    """Up to five pages, each noted once all of it is kept, so that a failure repeats one at most.

    Raises Conflict where it is filled by somebody else at once, NotReady where profile is away.
    """
    state: TargetList = kept.state
    if not state.filters:
        raise Conflict("This list has no filters: bring prospects to it.", code="by_import")
    handled = Handled(kept.stream, kept.version, state, (), None)
    for _ in range(PAGES):
        if not state.filling:
            break
        found = await _page(request, state)
        new = await _keep(request, key, state.name, found.data)
        noted = NoteFilled(
            after=state.cursor,
            seen=len(found.data),
            kept=new,
            cursor=found.next_cursor if found.data else None,
            at=moment(),
        )
        handled = await handler_of(request).carry_out(
            TARGET_LIST, kept.stream, noted, origin_of(key), partitionkey=kept.stream
        )
        state = handled.state
    return handled


async def _keep(request: Request, key: Key, name: str, found: list[_Customer]) -> int:
    """How many of them were no prospects yet."""
    handler, at = handler_of(request), moment()

    async def one(number: int, customer: _Customer) -> dict[str, Any]:
        command = KeepProspect(
            subject=customer.id,
            name=(customer.name or "").strip()[:200],
            source=SOURCE,
            list=name,
            at=at,
        )
        handled = await keep(handler, command, [customer.id], origin_of(key))
        return {"status": 201 if is_new(handled) else 200}

    results = await each_of(found, one)
    return sum(each["status"] == 201 for each in results)


async def _page(request: Request, state: TargetList) -> _Page:
    """The next page of customers. Raises Forbidden, Unprocessable, NotReady."""
    client = site_of(request).neighbours.client("profile")
    query = {"limit": str(PAGE), "sort": "first_seen"} | _spelt(state.filters)
    if state.cursor is not None:
        query["cursor"] = state.cursor
    headers = {"Authorization": request.headers.get("authorization", "")}
    try:
        answer = await client.get("/v1/customers", params=query, headers=headers)
        if answer.status_code == 200:
            return msgspec.json.decode(answer.content, type=_Page)
    except (httpx.HTTPError, msgspec.MsgspecError) as error:
        raise _away(repr(error)) from error
    raise _refusal(answer)


def _spelt(filters: Mapping[str, str]) -> dict[str, str]:
    """As profile's list takes them: `orders_gte` is `filter[orders][gte]`."""
    parts = {name: name.rpartition("_") for name in filters}
    return {f"filter[{parts[name][0]}][{parts[name][2]}]": filters[name] for name in filters}


def _refusal(answer: httpx.Response) -> Problem:
    if answer.status_code in (401, 403):
        detail = "Profile refuses this key: it needs the scope `read` too."
        return Forbidden(detail, code="profile_refused")
    if answer.status_code == 422:
        try:
            said = str(msgspec.json.decode(answer.content)["detail"])[:500]
        except (msgspec.MsgspecError, KeyError, TypeError):
            said = "It does not say why."
        wrong = FieldError("/filters", "filters", f"Profile refuses the filters: {said}")
        return Unprocessable(wrong.detail, code=wrong.code, errors=(wrong,))
    return _away(f"status {answer.status_code}")


def _away(why: str) -> NotReady:
    return NotReady(
        f"Profile does not answer ({why[:200]}); ask again: filling goes on where it was.",
        code="profile_unavailable",
        headers={"Retry-After": "2"},
    )
