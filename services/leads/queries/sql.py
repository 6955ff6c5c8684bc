"""Pieces that the statements of leads are put together from."""


def moment(column: str) -> str:
    """A timestamptz as RFC 3339 in UTC, always 27 characters: the API's only spelling."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def customer_of(subject: str) -> str:
    """The present customer of a subject, which may be any expression that is a uuid."""
    return (
        f"coalesce((SELECT b.customer FROM {{s}}.belonging b WHERE b.subject = {subject}),"
        f" {subject})"
    )


def subjects_of(customer: str) -> str:
    """All subjects of a customer, an expression that is one's id, as an array."""
    return (
        f"ARRAY(SELECT b.subject FROM {{s}}.belonging b WHERE b.customer = {customer}"
        f" UNION SELECT {customer} WHERE NOT EXISTS"
        f" (SELECT FROM {{s}}.belonging b WHERE b.subject = {customer}))"
    )


def own_field(name: str) -> str:
    """A field of one's own of a lead `l`, as text."""
    return (
        "(SELECT f.value::json #>> '{}' FROM {s}.fields f"
        f" WHERE f.lead = l.lead AND f.name = '{name}')"
    )


_FIELDS = """coalesce((SELECT json_object_agg(f.name, f.value::json ORDER BY f.name)
        FROM {s}.fields f WHERE f.lead = l.lead AND f.value IS NOT NULL), '{}'::json)"""

LEAD = f"""json_build_object('id', l.lead, 'version', l.version, 'state', l.state,
    'pipeline', l.pipeline, 'stage', l.stage, 'since', {moment("l.since")},
    'subject', l.subject, 'customer', {customer_of("l.subject")},
    'source', l.source, 'channel', l.channel, 'title', l.title,
    'captured', {moment("l.captured")}, 'touched', {moment("l.touched")},
    'closed', {moment("l.closed_at")},
    'product', l.product, 'amount', l.amount, 'currency', l.currency,
    'expected_close', l.expected_close, 'owner', l.owner, 'inquiries', l.inquiries,
    'hot', l.heated IS NOT NULL, 'heated', {moment("l.heated")},
    'prequalified', l.prequalified, 'fields', {_FIELDS},
    'won', CASE WHEN l.state = 'won' THEN
        json_build_object('amount', l.won_amount, 'currency', l.won_currency) END,
    'lost', CASE WHEN l.state = 'lost' THEN
        json_build_object('reason', l.reason, 'competitor', l.competitor) END,
    'merged', CASE WHEN l.state = 'merged' THEN json_build_object('into', l.merged_into) END
    )::text"""
"""A row `l` of `leads` as lists show it; money in minor units."""

STAGES = """SELECT * FROM unnest({0}::text[], {1}::text[], {2}::integer[])
    AS stages (pipeline, stage, probability)"""
"""The stages of pipelines, each with the probability of winning from there, in percent."""
