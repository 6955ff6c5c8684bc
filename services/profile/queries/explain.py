"""Why a profile says what it says: the events behind a value, newest first, and those that lost."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from services.profile.belonging_sql import COUNTS
from services.profile.queries import explain_rules as rules
from services.profile.queries.explain_parts import Seen
from services.profile.queries.explain_rules import Rule
from services.profile.queries.profiles import NEWEST_FIRST, PROFILE
from services.profile.queries.sql import MINE, PRESENT, moment
from services.profile.queries.timeline import Mark
from shared.database import Connection, in_schema

WALK = 1_000
"""Events that are looked at for one page, at most, whether they give anything or not."""

FIELDS = rules.FIELDS


class Explained(NamedTuple):
    """A value undecoded, the rule that makes it, and a page of the events behind it.

    Each event says what it `contributed`, and whether that `stands`; if not, the `reason`.
    """

    customer: str
    value: msgspec.Raw | None
    rule: str
    events: list[dict[str, Any]]
    following: Mark | None


def is_field(field: str) -> bool:
    """Whether there is such a field; whether anything is said of it is another matter."""
    return rules.rule_of(field) is not None


async def explain(
    connection: Connection,
    schema: str,
    subject: str,
    field: str,
    limit: int,
    after: Mark | None = None,
) -> Explained | None:
    """A field (`is_field`) of the present customer of a subject; None where nothing is known of it.

    A page may hold fewer events than the limit, even none: it is the last where nothing follows.
    """
    found = rules.rule_of(field)
    assert found is not None
    rule, rest = found
    profile = await connection.fetchval(in_schema(PROFILE, schema), subject, 0)
    if profile is None:
        return None
    whole = msgspec.json.decode(profile, type=dict[str, msgspec.Raw])
    value, thing = _value(whole, rule, rest)
    page = _Page(connection, schema, subject, rule, rest, _criteria(rule, rest, value, thing))
    events, following = await page.read(limit, after)
    customer = msgspec.json.decode(whole["id"], type=str)
    return Explained(customer, value, rule.sentence, events, following)


Space = tuple[str | None, str | None]
"""Namespace and number of the one thing that a field is about."""

_NONE: Space = (None, None)


def _value(
    whole: Mapping[str, msgspec.Raw], rule: Rule, rest: str
) -> tuple[msgspec.Raw | None, Space]:
    """What the profile says, undecoded, and the thing that it says it of."""
    names = ("channel", "address", "purpose") if rule.source == rules.CONSENTS else _NUMBERED
    if rule.source in _THINGS:
        return _of_list(whole[rule.name], names, rest)
    value: msgspec.Raw | None = whole[rule.name.partition(".")[0]]
    for name in _steps(rule, rest):
        if value is None:
            break
        value = msgspec.json.decode(value, type=dict[str, msgspec.Raw]).get(name)
    return value, _NONE


def _steps(rule: Rule, rest: str) -> list[str]:
    """The names that lead from a part of the profile to the value."""
    inside = rule.name.split(".")[1:]
    if rule.name == "revenue":
        return [*inside, *rest.split(".")]
    return [*inside, rest] if rest else inside


def _of_list(
    given: msgspec.Raw, names: tuple[str, ...], rest: str
) -> tuple[msgspec.Raw | None, Space]:
    """The one of a list whose names, with dots between, are asked for."""
    for each in msgspec.json.decode(given, type=list[msgspec.Raw]):
        fields = msgspec.json.decode(each, type=dict[str, msgspec.Raw])
        found = [msgspec.json.decode(fields[name], type=str) for name in names]
        if ".".join(found) == rest:
            return each, (found[0], found[1])
    first, _, second = rest.partition(".")
    return None, (first, second)


class _Criteria(NamedTuple):
    """What an event must be like; None: anything."""

    types: list[str] | None
    at: datetime | None
    channel: str | None
    namespace: str | None
    number: str | None


def _criteria(rule: Rule, rest: str, value: msgspec.Raw | None, thing: Space) -> _Criteria:
    types = [rest] if rule.name == "interactions.by_type" else [*rule.types] or None
    channel = rest if rule.name == "interactions.by_channel" else None
    at = msgspec.json.decode(value, type=datetime | None) if rule.at and value else None
    space = _NONE if rule.source == rules.CONSENTS else thing
    return _Criteria(types, at, channel, *space)


class _Page:
    """Reads events until a page is full, or enough of them were looked at."""

    def __init__(
        self,
        connection: Connection,
        schema: str,
        subject: str,
        rule: Rule,
        rest: str,
        criteria: _Criteria,
    ) -> None:
        self._connection = connection
        self._sql = in_schema(_SQL[rule.source], schema)
        self._subject = subject
        self._rule = rule
        self._rest = rest
        self._criteria = criteria

    async def read(
        self, limit: int, after: Mark | None
    ) -> tuple[list[dict[str, Any]], Mark | None]:
        shown: list[dict[str, Any]] = []
        looked_at = 0
        while looked_at < WALK:
            rows = await self._rows(limit + 1, after)
            for row in rows[:limit]:
                event = self._event(row)
                if event is not None and len(shown) == limit:
                    return shown, after
                after = Mark(*row[:5])
                shown += [event] if event is not None else []
            looked_at += limit
            if len(rows) <= limit:
                return shown, None
        return shown, after

    async def _rows(self, limit: int, after: Mark | None) -> list[Any]:
        mark = after or (None,) * 5
        named = [self._rest] if "$13" in self._sql else []
        rows: list[Any] = await self._connection.fetch(
            self._sql, self._subject, limit, *mark, *self._criteria, *named
        )
        return rows

    def _event(self, row: Any) -> dict[str, Any] | None:
        """An event as it is shown; None where it gives nothing to the field."""
        fields = dict(row)
        data = msgspec.json.decode(fields.pop("data"), type=dict[str, msgspec.Raw])
        thing = msgspec.json.decode(fields.pop("thing") or "{}", type=dict[str, Any])
        shown = {name: fields[name] for name in _SHOWN}
        part = self._rule.part(Seen(shown, data, thing), self._rest)
        if part is None:
            return None
        return shown | {
            "contributed": part.contributed,
            "stands": part.lost is None,
            "reason": part.lost,
        }


_NUMBERED = ("namespace", "number")
_THINGS = (rules.SUBSCRIPTIONS, rules.PRODUCTS, rules.CONSENTS, rules.MEMBERSHIPS)
_SHOWN = ("event", "subject", "source", "id", "type", "time", "recorded", "position", "key")
_STAMP = (
    f"{moment('e.time')} || {moment('e.recorded')} || e.source || chr(31) || e.id"
    " || chr(31) || e.subject"
)
_EVENT = """e.subject, e.event, e.time, e.recorded, e.type, e.channel, e.source, e.id, e.key,
           e.position, e.data"""

_OWN = f"""
    SELECT {_EVENT}, NULL AS namespace, NULL AS number, NULL::json AS thing
    FROM {{s}}.events e WHERE e.subject = {MINE}"""

_TRAITS = f"""
    SELECT {_EVENT}, NULL AS namespace, NULL AS number,
           (SELECT json_build_object('event', t.event, 'by', t.subject)
            FROM {{s}}.traits t WHERE t.subject = {MINE} AND t.name = $13
            ORDER BY t.stamp DESC LIMIT 1) AS thing
    FROM {{s}}.events e WHERE e.subject = {MINE}"""


def _of(kind: str, table: str, columns: str) -> str:
    """The events that mention a thing of the customer's, and what became of it."""
    return f"""
    SELECT {_EVENT}, t.namespace, t.number, json_build_object({columns}) AS thing
    FROM {{s}}.{table} t
    JOIN {{s}}.mentions m
        ON m.kind = '{kind}' AND m.namespace = t.namespace AND m.number = t.number
    JOIN {{s}}.events e ON e.subject = m.subject AND e.event = m.event
    WHERE t.subject = {MINE}"""


_CONSENTS = f"""
    SELECT {_EVENT}, t.channel AS namespace, t.address AS number,
           json_build_object('purpose', t.purpose, 'position', t.position) AS thing
    FROM {{s}}.consents t
    JOIN {{s}}.mentions m
        ON m.kind = 'consent' AND m.namespace = t.channel AND m.number = t.address
    JOIN {{s}}.events e ON e.subject = m.subject AND e.event = m.event
    WHERE t.subject = {MINE} AND concat_ws('.', t.channel, t.address, t.purpose) = $13"""

_MEMBERSHIPS = f"""
    SELECT {_EVENT}, o.namespace, o.number,
           json_build_object('stamp', o.stamp, 'mine', e.subject = {MINE},
               'latest', (e.subject, e.event) = (
               SELECT b.subject, b.event FROM {{s}}.memberships b
               WHERE (b.namespace, b.number) = (o.namespace, o.number) AND b.subject = {MINE}
               ORDER BY b.stamp DESC LIMIT 1)) AS thing
    FROM {{s}}.organisations o
    JOIN {{s}}.mentions m
        ON m.kind = 'organisation' AND m.namespace = o.namespace AND m.number = o.number
    JOIN {{s}}.events e ON e.subject = m.subject AND e.event = m.event
    WHERE (o.namespace, o.number) = ($11, $12)
      AND (e.subject = {MINE} OR {_STAMP} = o.stamp)"""

_PAIRS = f"""
    SELECT {_EVENT}, NULL AS namespace, NULL AS number, NULL::json AS thing
    FROM (SELECT DISTINCT event_subject, event FROM {{s}}.pairs
          WHERE weaker = {MINE} AND stronger = {MINE} AND {COUNTS}) p
    JOIN {{s}}.events e ON e.subject = p.event_subject AND e.event = p.event
    UNION ALL
    SELECT e.subject, e.event, e.time, e.recorded, e.type, NULL, e.source, e.id, e.key,
           e.position, e.data, NULL, NULL, NULL::json
    FROM {{s}}.decisions d
    JOIN {{s}}.decided e ON e.subject = d.event_subject AND e.event = d.event
    WHERE d.weaker = {MINE} OR d.stronger = {MINE}"""

_LEADS = f"""
    SELECT e.subject, e.event, e.time, e.recorded, e.type, NULL AS channel, e.source, e.id, e.key,
           e.position, e.data, NULL AS namespace, NULL AS number,
           json_build_object('lead', t.lead, 'version', e.streamversion, 'state', t.state,
                             'stood', t.stood, 'priced', t.priced) AS thing
    FROM {{s}}.leads t JOIN {{s}}.lead_events e ON e.subject = t.subject AND e.stream = t.lead
    WHERE t.subject = {MINE}"""

_ORDER = """'placed', t.placed, 'cancelled', t.cancelled, 'status', t.status,
               'status_stamp', t.status_stamp, 'currency', t.currency,
               'priced', t.amount IS NOT NULL"""
_TERMS = f"""'status_stamp', t.status_stamp, 'stamp', t.terms_stamp,
               'started', {moment("t.started")}"""
_PRODUCT = f"'stamp', t.stamp, 'registered', {moment('t.registered')}"


def _select(source: str) -> str:
    """A page of a source's events, newest first; one more where there are more."""
    return f"""
WITH {PRESENT}, page AS (
    SELECT * FROM ({source}) e
    WHERE ($3::text IS NULL OR (time, recorded, source, id, subject) < (
               $3::text::timestamptz, $4::text::timestamptz, $5, $6, $7::text::uuid))
      AND ($8::text[] IS NULL OR type = ANY ($8))
      AND ($9::timestamptz IS NULL OR time = $9)
      AND ($10::text IS NULL OR channel = $10)
      AND ($11::text IS NULL OR (namespace, number) = ($11, $12::text))
    ORDER BY {NEWEST_FIRST} LIMIT $2
)
SELECT time::text AS mark_time, recorded::text AS mark_recorded, source, id,
       subject::text AS subject, event::text AS event, type, {moment("time")} AS time,
       {moment("recorded")} AS recorded, position, key, data, thing::text AS thing
FROM page ORDER BY page.time DESC, page.recorded DESC, source DESC, id DESC, page.subject DESC
"""


_SQL = {
    rules.OWN: _select(_OWN),
    rules.TRAITS: _select(_TRAITS),
    rules.ORDERS: _select(_of("order", "orders", _ORDER)),
    rules.SUBSCRIPTIONS: _select(_of("subscription", "subscriptions", _TERMS)),
    rules.PRODUCTS: _select(_of("product", "products", _PRODUCT)),
    rules.CONSENTS: _select(_CONSENTS),
    rules.MEMBERSHIPS: _select(_MEMBERSHIPS),
    rules.PAIRS: _select(_PAIRS),
    rules.LEADS: _select(_LEADS),
}
