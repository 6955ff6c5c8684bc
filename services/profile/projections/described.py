"""What customers are said to be and to want: traits, satisfaction, consents, memberships."""

from typing import Any

import msgspec

from services.profile.inbound import ConsentBody, FeedbackBody, MembershipBody, TraitsBody
from services.profile.projections.rows import Key, Rows, in_key_order, insert
from shared.database import Statement
from shared.projection import Event


def _latest(rows: dict[Key, tuple[Any, ...]], key: Key, row: tuple[Any, ...]) -> None:
    """Keep the row whose first column, a stamp, is the greatest."""
    there = rows.get(key)
    if there is None or there[0] < row[0]:
        rows[key] = row


def fold(
    rows: Rows,
    event: Event,
    body: TraitsBody | FeedbackBody | ConsentBody | MembershipBody,
    identified: bool,
) -> None:
    match body:
        case TraitsBody():
            traits(rows, event, body)
        case FeedbackBody():
            feedback(rows, event, body)
        case ConsentBody():
            consent(rows, event, body)
        case MembershipBody():
            membership(rows, event, body, identified)


def traits(rows: Rows, event: Event, body: TraitsBody) -> None:
    """Latest by stamp, each by itself."""
    envelope = event.envelope
    for name, value in body.traits.items():
        _latest(
            rows.traits,
            (envelope.partitionkey, name),
            (
                envelope.stamp,
                bytes(value).decode(),
                envelope.event,
                event.record.place.position(),
            ),
        )


def feedback(rows: Rows, event: Event, body: FeedbackBody) -> None:
    """CSAT summed; NPS by its classes: promoters 9-10, detractors 0-6 (Reichheld 2003)."""
    sums = rows.satisfaction.setdefault(event.envelope.partitionkey, [0, 0, 0, 0, 0])
    if body.csat is not None:
        sums[0] += 1
        sums[1] += body.csat
    if body.nps is not None:
        sums[2] += 1
        sums[3] += body.nps >= 9
        sums[4] += body.nps <= 6


def consent(rows: Rows, event: Event, body: ConsentBody) -> None:
    """Latest by stamp per channel, address and purpose; a withdrawal wins where times are equal."""
    envelope = event.envelope
    granted = envelope.type == "consent.granted"
    whose = body.address_identifier
    address = whose.value if whose is not None else body.address
    choices = {"topics": body.topics, "times": body.times}
    chosen = {name: value for name, value in choices.items() if value is not None}
    stamp = f"{envelope.happened}{'0' if granted else '1'}{envelope.recorded_stamp}"
    channel = body.consent_channel or body.channel
    rows.mention(event, "consent", channel, address)
    _latest(
        rows.consents,
        (channel, address, body.purpose),
        (
            stamp,
            whose.subject if whose is not None else None,
            granted,
            msgspec.json.encode(chosen).decode() if chosen else None,
            envelope.event,
            event.record.place.position(),
        ),
    )


def membership(rows: Rows, event: Event, body: MembershipBody, identified: bool) -> None:
    """Latest role by stamp of a person in an organisation, and the organisation's latest name."""
    organisation, envelope = body.organisation, event.envelope
    if organisation is None or not identified:
        return
    key = (organisation.namespace, organisation.id)
    rows.mention(event, "organisation", *key)
    if organisation.name is not None:
        _latest(rows.organisations, key, (envelope.stamp, organisation.name))
    else:
        rows.organisations.setdefault(key, ("", None))
    _latest(
        rows.memberships,
        (*key, envelope.partitionkey),
        (envelope.stamp, body.role, body.member, envelope.event),
    )


def statements(rows: Rows) -> list[Statement]:
    return [
        *insert(
            "INSERT INTO {s}.traits AS t (subject, name, stamp, value, event, position)"
            " SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[],"
            " $5::uuid[], $6::text[])"
            " ON CONFLICT (subject, name) DO UPDATE SET stamp = excluded.stamp,"
            " value = excluded.value, event = excluded.event, position = excluded.position"
            " WHERE excluded.stamp > t.stamp",
            in_key_order(rows.traits),
        ),
        *insert(
            "INSERT INTO {s}.satisfaction AS t"
            " (subject, csat_n, csat_sum, nps_n, nps_promoters, nps_detractors)"
            " SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[],"
            " $5::bigint[], $6::bigint[])"
            " ON CONFLICT (subject) DO UPDATE SET csat_n = t.csat_n + excluded.csat_n,"
            " csat_sum = t.csat_sum + excluded.csat_sum, nps_n = t.nps_n + excluded.nps_n,"
            " nps_promoters = t.nps_promoters + excluded.nps_promoters,"
            " nps_detractors = t.nps_detractors + excluded.nps_detractors",
            in_key_order(rows.satisfaction),
        ),
        *insert(
            "INSERT INTO {s}.consents AS t"
            " (channel, address, purpose, stamp, subject, granted, choices, event, position)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[],"
            " $6::bool[], $7::text[], $8::uuid[], $9::text[])"
            " ON CONFLICT (channel, address, purpose) DO UPDATE SET stamp = excluded.stamp,"
            " subject = excluded.subject, granted = excluded.granted,"
            " choices = excluded.choices, event = excluded.event, position = excluded.position"
            " WHERE excluded.stamp > t.stamp",
            in_key_order(rows.consents),
        ),
        *insert(
            "INSERT INTO {s}.organisations AS t (namespace, number, stamp, name)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])"
            " ON CONFLICT (namespace, number) DO UPDATE SET stamp = excluded.stamp,"
            " name = excluded.name WHERE excluded.stamp > t.stamp",
            in_key_order(rows.organisations),
        ),
        *insert(
            "INSERT INTO {s}.memberships AS t"
            " (namespace, number, subject, stamp, role, member, event)"
            " SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::text[],"
            " $6::bool[], $7::uuid[])"
            " ON CONFLICT (namespace, number, subject) DO UPDATE SET stamp = excluded.stamp,"
            " role = excluded.role, member = excluded.member, event = excluded.event"
            " WHERE excluded.stamp > t.stamp",
            in_key_order(rows.memberships),
        ),
    ]
