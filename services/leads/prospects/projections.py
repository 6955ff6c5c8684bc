"""The views of prospects: the rows that their events come to."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from services.leads.part import Rows
from services.leads.prospects import tables
from services.leads.prospects.events import (
    ProspectBarred,
    ProspectDescribed,
    ProspectDropped,
    ProspectDue,
    ProspectKept,
    ProspectListed,
    ProspectPromoted,
    ProspectPutOff,
    ProspectReleased,
    ProspectUnlisted,
    TargetListClosed,
    TargetListDefined,
    TargetListFilled,
)
from shared.deciding.due import merged, scheduled, settled
from shared.literals import Row
from shared.merging import Merge, earliest, greatest, latest, least, summed
from shared.projection import Event

COME_BACK = "come-back"
"""The name of the moment that a prospect waits for."""

PROSPECTS = Merge(
    tables.prospects,
    earliest("begun", "subject"),
    latest("kept_by", "source", "kept"),
    latest("stood", "state", "reason"),
    latest("led", "lead"),
    latest("named", "name"),
    latest("affiliated", "organisation"),
    latest("planned", "come_back", "due"),
    greatest("version", "touched"),
)
FIELDS = Merge(tables.fields, latest("version", "value"))
LISTED = Merge(tables.listed, latest("version", "there"))
LISTS = Merge(
    tables.lists,
    latest("defined", "purpose", "filters", "since"),
    latest("filled", "cursor"),
    summed("seen", "kept", "steps"),
    least("closed"),
    greatest("version"),
)
DUE = merged(tables.due)
TABLES = (PROSPECTS, FIELDS, LISTED, LISTS, DUE)


def _prospect(event: Event, **columns: Any) -> tuple[str, Row]:
    envelope, body = event.envelope, event.body
    at: str = body.at  # type: ignore[attr-defined]
    version = envelope.streamversion
    row = PROSPECTS.row(
        prospect=envelope.stream,
        begun=version,
        subject=envelope.partitionkey,
        version=version,
        touched=at,
        **{group: version for group in columns.keys() & _GROUPS},
        **{name: value for name, value in columns.items() if name not in _GROUPS},
    )
    return "prospects", row


_GROUPS = frozenset({"kept_by", "stood", "led", "named", "affiliated", "planned"})
"""Columns that say which version wrote those beside them: named where they are written."""


def _planned(event: Event, come_back: str | None) -> tuple[str, Row]:
    row = scheduled(event, COME_BACK, come_back) if come_back else settled(event, COME_BACK)
    return "prospect_due", row


def _fields(event: Event, fields: Mapping[str, object]) -> Rows:
    stream, version = event.envelope.stream, event.envelope.streamversion
    for name, value in fields.items():
        json = None if value is None else msgspec.json.encode(value).decode()
        yield "prospect_fields", (stream, name, version, json)


def _kept(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, ProspectKept)
    yield _prospect(
        event,
        **dict.fromkeys(("kept_by", "stood", "named", "affiliated", "planned")),
        source=body.source,
        kept=body.at,
        state="waiting",
        name=body.name,
        organisation=body.organisation,
        come_back=body.come_back,
    )
    yield _planned(event, body.come_back)
    yield from _fields(event, body.fields)


def _described(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, ProspectDescribed)
    changed: dict[str, Any] = {}
    if body.name is not UNSET:
        changed |= {"named": None, "name": body.name}
    if body.organisation is not UNSET:
        changed |= {"affiliated": None, "organisation": body.organisation}
    yield _prospect(event, **changed)
    yield from _fields(event, body.fields)


def _put_off(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, ProspectPutOff)
    yield _prospect(event, planned=None, come_back=body.come_back)
    yield _planned(event, body.come_back)


def _due(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, ProspectDue)
    yield _prospect(event, planned=None, come_back=body.come_back, due=body.at)
    yield _planned(event, None)


def _barred(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, ProspectBarred)
    yield _prospect(event, stood=None, state="barred", reason=body.reason)
    yield _planned(event, None)


def _released(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, ProspectReleased)
    yield _prospect(event, stood=None, state="waiting", planned=None, come_back=body.come_back)
    yield _planned(event, body.come_back)


def _promoted(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, ProspectPromoted)
    columns = {"state": "promoted", "lead": body.lead}
    yield _prospect(event, **dict.fromkeys(("stood", "led", "planned")), **columns)
    yield _planned(event, None)


def _dropped(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, ProspectDropped)
    yield _prospect(event, stood=None, planned=None, state="dropped", reason=body.reason)
    yield _planned(event, None)


def _standing(event: Event) -> Rows:
    body, version = event.body, event.envelope.streamversion
    assert isinstance(body, ProspectListed | ProspectUnlisted)
    there = isinstance(body, ProspectListed)
    yield "prospect_lists", (body.list, event.envelope.stream, version, there)
    yield _prospect(event)


def _list_defined(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, TargetListDefined)
    filters = msgspec.json.encode(dict(sorted(body.filters.items()))).decode()
    row = LISTS.row(
        name=body.name,
        defined=event.envelope.streamversion,
        purpose=body.purpose,
        filters=filters,
        since=body.at,
        version=event.envelope.streamversion,
    )
    return [("target_lists", row)]


def _list_filled(event: Event) -> Rows:
    body, version = event.body, event.envelope.streamversion
    assert isinstance(body, TargetListFilled)
    row = LISTS.row(
        name=body.name,
        filled=version,
        cursor=body.cursor,
        seen=body.seen,
        kept=body.kept,
        steps=1,
        version=version,
    )
    return [("target_lists", row)]


def _list_closed(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, TargetListClosed)
    row = LISTS.row(name=body.name, closed=body.at, version=event.envelope.streamversion)
    return [("target_lists", row)]


PROJECT: Mapping[type, Callable[[Event], Rows]] = {
    ProspectKept: _kept,
    ProspectDescribed: _described,
    ProspectPutOff: _put_off,
    ProspectDue: _due,
    ProspectBarred: _barred,
    ProspectReleased: _released,
    ProspectPromoted: _promoted,
    ProspectDropped: _dropped,
    ProspectListed: _standing,
    ProspectUnlisted: _standing,
    TargetListDefined: _list_defined,
    TargetListFilled: _list_filled,
    TargetListClosed: _list_closed,
}
