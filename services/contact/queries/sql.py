"""Pieces that contact's statements are put together from."""


def moment(column: str) -> str:
    """A timestamptz as RFC 3339 in UTC, always 27 characters: the API's only spelling."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def customer_of(subject: str) -> str:
    """The present customer of a subject, which may be any expression that is a uuid."""
    return (
        f"coalesce((SELECT b.customer FROM {{s}}.belonging b WHERE b.subject = {subject}),"
        f" {subject})"
    )


SUBJECTS = f"""
asked AS MATERIALIZED (
    SELECT CASE WHEN $2 THEN {customer_of("$1::uuid")} ELSE $1 END AS id
), members AS MATERIALIZED (
    SELECT CASE WHEN NOT $2 THEN ARRAY[asked.id] ELSE
        ARRAY(SELECT b.subject FROM {{s}}.belonging b WHERE b.customer = asked.id
              UNION SELECT asked.id WHERE NOT EXISTS (
                  SELECT FROM {{s}}.belonging b WHERE b.subject = asked.id)) END AS subjects
    FROM asked
)"""
"""`members`, one row: the subject $1 alone, or where $2 all of the customer that it belongs to."""

MINE = "ANY ((SELECT subjects FROM members)::uuid[])"
"""Whether a subject is one of `members`; looked up once, then by index."""
