"""A target list: what for, how it is filled, that it is closed."""

from collections.abc import Mapping, Sequence
from typing import assert_never

from msgspec.structs import replace

from services.leads.bounds import SHORT
from services.leads.decider.checks import Wrong, name, refuse, text
from services.leads.prospects.bounds import MOST_FILLED
from services.leads.prospects.commands import CloseList, DefineList, ListCommand, NoteFilled
from services.leads.prospects.events import (
    TargetListClosed,
    TargetListDefined,
    TargetListEvent,
    TargetListFilled,
)
from services.leads.prospects.states import Closed, List, TargetList, Undefined
from shared.errors import Conflict, FieldError, NotFound
from shared.ids import event_id

_BOUNDED = ("revenue", "orders", "interactions", "last_seen", "first_seen")

FILTERS = frozenset({"currency_eq", *(f"{w}_{b}" for w in _BOUNDED for b in ("gte", "lte"))})
"""The conditions by which profile tells customers apart."""


def stream_of(list_: str) -> str:
    """The stream of the list of that name."""
    return event_id("target-list", list_)


def decide(state: List, command: ListCommand) -> Sequence[TargetListEvent]:
    match command:
        case DefineList():
            return _define(state, command)
        case NoteFilled():
            return _fill(state, command)
        case CloseList():
            return _close(state, command)
        case _:
            assert_never(command)


def _define(state: List, command: DefineList) -> Sequence[TargetListEvent]:
    """The same list again is no news; another one of the same name is refused."""
    refuse(_wrong(command))
    if isinstance(state, Undefined):
        return [
            TargetListDefined(command.name, command.purpose, dict(command.filters), at=command.at)
        ]
    there = state.was if isinstance(state, Closed) else state
    if isinstance(state, Closed) or (there.purpose, there.filters) != (
        command.purpose,
        command.filters,
    ):
        raise Conflict("There is another list of this name.", code="list_exists")
    return []


def _fill(state: List, command: NoteFilled) -> Sequence[TargetListEvent]:
    """The next step alone; at most so many customers in all."""
    there = open_list(state)
    if not there.filling or there.cursor != command.after:
        raise Conflict("Somebody else fills this list; look how far it is.", code="contended")
    room = MOST_FILLED - there.seen - command.seen
    cursor = command.cursor if room > 0 else None
    return [TargetListFilled(there.name, command.seen, command.kept, cursor, at=command.at)]


def _close(state: List, command: CloseList) -> Sequence[TargetListEvent]:
    refuse(text(command.reason or None, "/reason", SHORT))
    if isinstance(state, Closed):
        return []
    return [TargetListClosed(known(state).name, command.reason, at=command.at)]


def known(state: List) -> TargetList:
    """A list, closed or not. Raises NotFound."""
    match state:
        case Undefined():
            raise NotFound("There is no such target list.", code="unknown_list")
        case Closed(was=was):
            return was
        case TargetList():
            return state
        case _:
            assert_never(state)


def open_list(state: List) -> TargetList:
    """One that prospects come onto. Raises NotFound, Conflict."""
    if isinstance(state, Closed):
        raise Conflict("This list is closed: nobody comes onto it.", code="list_closed")
    return known(state)


def evolve(state: List, event: TargetListEvent) -> List:
    match event:
        case TargetListDefined():
            return TargetList(
                *(event.name, event.purpose, event.at),
                filters=event.filters,
                filling=bool(event.filters),
            )
        case TargetListFilled():
            there = known(state)
            return replace(
                there,
                filling=event.cursor is not None,
                cursor=event.cursor,
                seen=there.seen + event.seen,
                kept=there.kept + event.kept,
                steps=there.steps + 1,
            )
        case TargetListClosed():
            return Closed(replace(known(state), filling=False), event.reason)
        case _:
            assert_never(event)


def _wrong(command: DefineList) -> Wrong:
    yield from name(command.name, "/name")
    yield from text(command.purpose, "/purpose", SHORT)
    yield from _wrong_filters(command.filters)


def _wrong_filters(filters: Mapping[str, str]) -> Wrong:
    for each, value in filters.items():
        if each not in FILTERS:
            known_ = ", ".join(sorted(FILTERS))
            detail = f"{each!r} is none of the filters of profile: {known_}."
            yield FieldError(f"/filters/{each}", "unknown_filter", detail)
        yield from text(value, f"/filters/{each}", 64)
    by_money = {"revenue_gte", "revenue_lte"} & filters.keys()
    if by_money and "currency_eq" not in filters:
        detail = "To filter by revenue, name the currency: `currency_eq`."
        yield FieldError("/filters/currency_eq", "required", detail)
