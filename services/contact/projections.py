"""The history: the rows that events come to, and how the rows of each table merge."""

from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Sequence

import msgspec
from prometheus_client import Counter

from services.contact import tables
from services.contact.inbound import (
    Belongs,
    Discarded,
    Driven,
    Interaction,
    Reason,
    Refused,
    RefusedAgain,
)
from services.contact.words import words_of
from shared.database import Connection, in_schema
from shared.literals import Row
from shared.merging import Merge, Rows, earliest, latest, least, summed
from shared.projection import Event, Projection

_conflicts = Counter(
    "rapport_contact_conflicts",
    "Events whose source and id were seen under another subject already.",
)

_CONFLICTS = """
SELECT count(*) FROM unnest($1::uuid[], $2::uuid[]) g (subject, event)
JOIN {s}.interactions i ON i.event = g.event AND i.subject <> g.subject
"""


def record(event: Event) -> tuple[str, Row] | None:
    """The row by which an event is remembered, and its table.

    Of everything else there is nothing to remember: told again it changes no row.
    """
    if isinstance(event.body, Interaction):
        return "interactions", _interaction(event, event.body)
    return None


def _interaction(event: Event, body: Interaction) -> Row:
    envelope, record = event.envelope, event.record
    return (
        envelope.partitionkey,
        envelope.event,
        envelope.happened,
        envelope.type,
        body.channel,
        body.direction,
        record.place.position(),
        record.value.decode(),
        words_of(body),
    )


def project(events: Sequence[Event]) -> Rows:
    """The rows that events which count come to."""
    rows: dict[str, list[Row]] = defaultdict(list)
    days: Tally[Row] = Tally()
    for event in events:
        envelope = event.envelope
        match event.body:
            case Interaction() as body:
                day = envelope.happened[:10]
                days[event.record.place.partition, day, body.channel, envelope.type] += 1
            case Belongs(subject, customer, revision):
                rows["belonging"].append((str(subject), str(customer), revision))
            case Refused() as body:
                rows["quarantine"].append(_refused(event, body))
            case Driven() | Discarded() | RefusedAgain() as body:
                rows["quarantine"].append(_became(event, body))
            case _:
                pass  # kept as it is
    rows["daily"] = [(*key, n) for key, n in days.items()]
    return rows


def _refused(event: Event, body: Refused) -> Row:
    """A refused item. The stamp ends in its place, so that of two copies the first stands."""
    envelope, place = event.envelope, event.record.place
    sent = {"headers": body.headers, "around": body.around, "vouched": body.vouched}
    return _QUARANTINE.row(
        id=envelope.id,
        stamp=f"{envelope.recordedtime}{place.offset:020}",
        received=envelope.receivedtime or envelope.recordedtime,
        key=envelope.ingestkey,
        actor=envelope.actor,
        path=body.path,
        source=body.event_source,
        type=body.event_type,
        content_type=body.content_type,
        size=body.size,
        sent=_json(sent),
        position=place.position(),
        bytes=body.bytes,
        **_reasons(event, body.reasons),
    )


def _became(event: Event, body: Driven | Discarded | RefusedAgain) -> Row:
    id, envelope = str(body.refused), event.envelope
    if isinstance(body, RefusedAgain):
        return _QUARANTINE.row(id=id, **_reasons(event, body.reasons))
    driven = isinstance(body, Driven)
    outcome = {"events": body.events} if isinstance(body, Driven) else _given_up(body)
    return _QUARANTINE.row(
        id=id,
        bytes="",
        closing=f"{'2' if driven else '1'}{envelope.recorded_stamp}",
        state="driven" if driven else "discarded",
        closed=envelope.recordedtime,
        closed_by=envelope.actor,
        outcome=_json(outcome),
    )


def _given_up(body: Discarded) -> dict[str, str]:
    return {"reason": body.reason, **({"detail": body.detail} if body.detail else {})}


def _reasons(event: Event, reasons: Sequence[Reason]) -> dict[str, str]:
    return {
        "reasoned": event.envelope.recorded_stamp,
        "code": reasons[0].code if reasons else "",
        "reasons": _json(reasons),
    }


def _json(content: object) -> str:
    return msgspec.json.encode(content).decode()


_QUARANTINE = Merge(
    tables.quarantine,
    earliest(
        *("stamp", "received", "key", "actor", "path", "source", "type", "content_type"),
        *("size", "sent", "position"),
    ),
    least("bytes"),
    latest("reasoned", "code", "reasons"),
    latest("closing", "state", "closed", "closed_by", "outcome"),
)

_DAYS = """
SELECT split_part(position, '/', 2)::integer AS partition, (time AT TIME ZONE 'UTC')::date AS day,
       channel, type, 1 AS n
FROM {s}.interactions
"""


async def _count_conflicts(connection: Connection, schema: str, events: Sequence[Event]) -> None:
    happened = [event.envelope for event in events if isinstance(event.body, Interaction)]
    if happened:
        subjects = [envelope.partitionkey for envelope in happened]
        names = [envelope.event for envelope in happened]
        _conflicts.inc(await connection.fetchval(in_schema(_CONFLICTS, schema), subjects, names))


PROJECTION = Projection(
    memory=(tables.interactions,),
    record=record,
    project=project,
    tables=(
        Merge(tables.daily, summed("n"), source=_DAYS),
        Merge(tables.belonging, latest("revision", "customer")),
        _QUARANTINE,
    ),
    notice=_count_conflicts,
)
