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

LEAD = f"""(SELECT row_to_json(r)::text FROM (SELECT l.lead AS id, l.version, l.state,
    l.pipeline, l.stage, {moment("l.since")} AS since,
    l.subject, {customer_of("l.subject")} AS customer,
    l.source, l.channel, l.title,
    {moment("l.captured")} AS captured, {moment("l.touched")} AS touched,
    {moment("l.closed_at")} AS closed,
    l.product, l.amount, l.currency,
    l.expected_close, l.owner, l.rule, l.inquiries,
    l.heated IS NOT NULL AS hot, {moment("l.heated")} AS heated,
    l.prequalified, coalesce(l.reached, 0) AS reached, {_FIELDS} AS fields,
    CASE WHEN l.state = 'won' THEN
        json_build_object('amount', l.won_amount, 'currency', l.won_currency) END AS won,
    CASE WHEN l.state = 'lost' THEN
        json_build_object('reason', l.reason, 'competitor', l.competitor) END AS lost,
    CASE WHEN l.state = 'merged' THEN json_build_object('into', l.merged_into) END AS merged
    ) r)"""
"""A row `l` of `leads` as lists show it; money in minor units. A row costs less than an object."""

STAGES = """SELECT * FROM unnest({0}::text[], {1}::text[], {2}::integer[])
    AS stages (pipeline, stage, probability)"""
"""The stages of pipelines, each with the probability of winning from there, in percent."""
