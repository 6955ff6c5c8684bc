"""The views of leads: the rows that events come to, and how the rows of each table merge."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, assert_never

import msgspec
from msgspec import UNSET

from services.leads import tables
from services.leads.events import (
    LEAD_EVENTS,
    LeadAbsorbed,
    LeadAssigned,
    LeadCaptured,
    LeadDescribed,
    LeadDisqualified,
    LeadEvent,
    LeadHeated,
    LeadInquired,
    LeadLost,
    LeadMerged,
    LeadMoved,
    LeadNoted,
    LeadPrequalified,
    LeadReleased,
    LeadReopened,
    LeadScored,
    LeadUnmerged,
    LeadVisited,
    LeadWon,
    PipelineChanged,
    PipelineDefined,
    PipelineRetired,
    ScoringDefined,
)
from services.leads.inbound import Belongs, Interaction
from services.leads.part import Part
from shared.literals import Row
from shared.merging import Merge, Rows, earliest, greatest, latest, least, summed
from shared.projection import Event, Projection, Queue

_CELL = """l.pipeline, l.stage, coalesce(l.currency, ''),
    -- the low 32 bits choose the partition: 48 is a multiple of 4 and of 12, as there mostly are
    ('x' || right(l.subject::text, 8))::bit(32)::bigint % 48, coalesce(l.amount, 0)"""
_STANDING = "l.state = 'open' AND l.pipeline IS NOT NULL AND l.stage IS NOT NULL"

# What is selected is as it was before the statement: `changed` are the new rows, `leads` the old.
_TALLY = f"""
INSERT INTO {{s}}.tallies AS t (pipeline, stage, currency, shard, leads, amount)
SELECT pipeline, stage, currency, shard, sum(n), sum(n * amount)
FROM (SELECT {_CELL}, 1 FROM changed l WHERE {_STANDING}
      UNION ALL
      SELECT {_CELL}, -1 FROM {{s}}.leads l
      WHERE l.lead IN (SELECT lead FROM changed) AND {_STANDING})
     c (pipeline, stage, currency, shard, amount, n)
GROUP BY pipeline, stage, currency, shard HAVING sum(n) <> 0 OR sum(n * amount) <> 0
ORDER BY pipeline, stage, currency, shard
ON CONFLICT (pipeline, stage, currency, shard)
DO UPDATE SET leads = t.leads + excluded.leads, amount = t.amount + excluded.amount
"""

TALLIED = f"""
SELECT pipeline, stage, currency, shard, count(*) AS leads, sum(amount) AS amount
FROM (SELECT {_CELL} FROM {{s}}.leads l WHERE {_STANDING})
     c (pipeline, stage, currency, shard, amount)
GROUP BY pipeline, stage, currency, shard
"""
"""What `tallies` must be, but for rows that came to nothing."""

LEADS = Merge(
    tables.leads,
    latest("begun", "pipeline", "subject", "source", "channel", "captured"),
    latest("stood", "state"),
    latest("placed", "stage", "since"),
    latest(
        *("closed", "closed_at", "won_amount", "won_currency", "reason", "competitor"),
        "merged_into",
    ),
    latest("titled", "title"),
    latest("chosen", "product"),
    latest("priced", "amount", "currency"),
    latest("expected", "expected_close"),
    latest("owned", "owner", "rule"),
    latest("warmed", "heated"),
    latest("judged", "prequalified"),
    summed("inquiries"),
    greatest("version", "touched", "reached"),
    then=_TALLY,
)
FIELDS = Merge(tables.fields, latest("version", "value"))
PIPELINES = Merge(
    tables.pipelines, latest("revision", "definition"), least("retired"), greatest("version")
)
SCORINGS = Merge(tables.scorings)
TRAITS = Merge(tables.traits)
STAYS = Merge(tables.stays)


_OF_LEADS = tuple(LEAD_EVENTS.values())


def record(event: Event) -> tuple[str, Row] | None:
    """The row by which an event is remembered, and its table."""
    if isinstance(event.body, Interaction):
        return "activity", _activity(event, event.body)
    return None if event.envelope.stream is None else ("decided", _decided(event))


def project(parts: Sequence[Part], events: Sequence[Event]) -> Rows:
    """The rows that events which count come to."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for event in events:
        _of_parts(parts, event, rows)
        body, envelope = event.body, event.envelope
        if envelope.stream is not None:
            rows["reached"].append((event.record.place.partition, int(envelope.sequence)))
        match body:
            case Belongs():
                subject, customer = str(body.subject), str(body.customer)
                rows["belonging"].append((subject, customer, body.revision))
                rows["belonged"].append((subject, body.revision, envelope.recordedtime, customer))
            case Interaction():
                rows["traits"] += _traits(event, body)
            case PipelineDefined() | PipelineChanged() | PipelineRetired():
                rows["pipelines"].append(_pipeline(event, body))
            case ScoringDefined():
                rows["scorings"].append((body.version, body.at, _json(body.rules)))
            case _ if isinstance(body, _OF_LEADS):
                rows["leads"].append(_lead(event, body))
                rows["fields"] += _fields(event, body)
                rows["stays"] += _stays(event, body)
            case _:
                pass  # in the history alone, as the events of routing
    return rows


def _of_parts(parts: Sequence[Part], event: Event, rows: dict[str, list[Row]]) -> None:
    for part in parts:
        rows_of = part.project.get(type(event.body))
        for table, row in rows_of(event) if rows_of else ():
            rows[table].append(row)


def _decided(event: Event) -> Row:
    envelope = event.envelope
    return (
        *(envelope.partitionkey, envelope.event, envelope.stream, envelope.streamversion),
        *(int(envelope.sequence), envelope.type, envelope.happened, envelope.actor),
        *(event.record.place.position(), event.record.value.decode()),
    )


def _activity(event: Event, body: Interaction) -> Row:
    envelope = event.envelope
    return (
        *(envelope.partitionkey, envelope.event, envelope.happened, envelope.recordedtime),
        *(envelope.type, body.channel, body.purpose, body.product),
        event.record.place.position(),
    )


def _traits(event: Event, body: Interaction) -> list[Row]:
    subject, stamp = event.envelope.partitionkey, event.envelope.stamp
    return [
        (subject, name, stamp, None if bytes(value) == b"null" else bytes(value).decode())
        for name, value in body.traits.items()
    ]


def _pipeline(event: Event, body: PipelineDefined | PipelineChanged | PipelineRetired) -> Row:
    version = event.envelope.streamversion
    if isinstance(body, PipelineRetired):
        return PIPELINES.row(name=body.name, retired=body.at, version=version)
    return PIPELINES.row(name=body.name, revision=version, definition=_json(body), version=version)


def _lead(event: Event, body: LeadEvent) -> Row:
    envelope = event.envelope
    return LEADS.row(
        lead=envelope.stream,
        version=envelope.streamversion,
        touched=body.at,
        **_changed(body, envelope.streamversion),
    )


def _changed(body: LeadEvent, version: int) -> Mapping[str, Any]:  # noqa: C901  (a table)
    """The columns of a lead that an event writes."""
    match body:
        case LeadCaptured():
            return _captured(body, version)
        case LeadInquired():
            return {"inquiries": 1}
        case LeadDescribed():
            return _described(body, version)
        case LeadMoved():
            return _placed(body, version)
        case LeadAssigned():
            return {"owned": version, "owner": body.owner, "rule": body.rule}
        case LeadWon():
            return _closed(body.at, version, "won") | {
                "won_amount": body.amount,
                "won_currency": body.currency,
            }
        case LeadLost():
            ended = {"reason": body.reason, "competitor": body.competitor}
            return _closed(body.at, version, "lost") | ended
        case LeadMerged():
            return _closed(body.at, version, "merged") | {"merged_into": body.into}
        case LeadReopened():
            return _opened(version) | _placed(body, version)
        case LeadUnmerged():
            return _opened(version)
        case LeadHeated():
            return {"warmed": version, "heated": body.at}
        case LeadPrequalified() | LeadDisqualified():
            return {"judged": version, "prequalified": isinstance(body, LeadPrequalified)}
        case LeadScored():
            return {"reached": body.reached}
        case LeadAbsorbed() | LeadReleased() | LeadNoted() | LeadVisited():
            return {}
        case _:
            assert_never(body)


def _captured(body: LeadCaptured, version: int) -> dict[str, Any]:
    named = {name: getattr(body, name) for name in ("pipeline", "subject", "source", "channel")}
    known = {
        "titled": version,
        "title": body.title,
        "chosen": version,
        "product": body.product,
        "priced": version,
        "amount": body.amount,
        "currency": body.currency,
        "owned": version,
        "owner": body.owner,
    }
    opened = _opened(version) | _placed(body, version)
    return {"begun": version, "captured": body.at, "inquiries": 1} | named | known | opened


def _described(body: LeadDescribed, version: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for group, names in _GROUPS.items():
        given = {name: getattr(body, name) for name in names if getattr(body, name) is not UNSET}
        if given:
            found |= {group: version} | given
    return found


_GROUPS = {
    "titled": ("title",),
    "chosen": ("product",),
    "priced": ("amount", "currency"),
    "expected": ("expected_close",),
}


def _placed(body: LeadCaptured | LeadMoved | LeadReopened, version: int) -> dict[str, Any]:
    return {"placed": version, "stage": body.stage, "since": body.at}


def _opened(version: int) -> dict[str, Any]:
    return {"stood": version, "state": "open", "closed": version}


def _closed(at: str, version: int, state: str) -> dict[str, Any]:
    return {"stood": version, "state": state, "closed": version, "closed_at": at}


def _fields(event: Event, body: object) -> list[Row]:
    if not isinstance(body, LeadCaptured | LeadDescribed):
        return []
    lead, version = event.envelope.stream, event.envelope.streamversion
    return [
        (lead, name, version, None if value is None else _json(value))
        for name, value in body.fields.items()
    ]


def _stays(event: Event, body: object) -> list[Row]:
    lead, version = event.envelope.stream, event.envelope.streamversion
    match body:
        case LeadCaptured() | LeadMoved() | LeadReopened():
            return [(lead, version, "entered", body.stage, body.at)]
        case LeadWon() | LeadLost() | LeadMerged():
            return [(lead, version, "ended", None, body.at)]
        case LeadUnmerged():
            return [(lead, version, "resumed", None, body.at)]
        case _:
            return []


def to_look_at(events: Sequence[Event]) -> Sequence[Row]:
    """Whose scores, and whose interest in products, may come to something by these events."""
    found: dict[Any, bool] = {}
    for event in events:
        match event.body:
            case Interaction(identifiers=identifiers, product=product) if identifiers:
                subject, interested = event.envelope.partitionkey, product is not None
            case LeadCaptured() | LeadReopened() | LeadUnmerged() | ScoringDefined():
                subject, interested = event.envelope.partitionkey, False
            case Belongs(customer=customer):
                subject, interested = str(customer), True
            case _:
                continue
        found[subject] = found.get(subject, False) or interested
    return [*found.items()]


ALL_TO_LOOK_AT = """
INSERT INTO {s}.pending (subject, interested)
SELECT subject, bool_or(interested) FROM (
    SELECT subject, false FROM {s}.leads WHERE state = 'open' AND subject IS NOT NULL
    UNION ALL SELECT DISTINCT subject, true FROM {s}.activity WHERE product IS NOT NULL
) a (subject, interested) GROUP BY subject
"""
"""Everybody of whom something may come: after a rebuild, and by other rules."""


def _json(content: object) -> str:
    return msgspec.json.encode(content).decode()


def projection(parts: Sequence[Part]) -> Projection:
    """How events become rows: those of leads, and those of the parts."""
    return Projection(
        memory=(tables.decided, tables.activity),
        record=record,
        project=partial(project, parts),
        tables=(
            LEADS,
            FIELDS,
            STAYS,
            PIPELINES,
            SCORINGS,
            TRAITS,
            Merge(tables.belonging, latest("revision", "customer")),
            Merge(tables.belonged, earliest("told", "customer")),
            *(table for part in parts for table in part.tables),
            Merge(tables.reached, greatest("sequence")),
        ),
        queue=Queue(tables.pending, to_look_at, ALL_TO_LOOK_AT),
        closing=(f"TRUNCATE {{s}}.tallies; INSERT INTO {{s}}.tallies {TALLIED}",),
    )
