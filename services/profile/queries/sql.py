"""Pieces that the profile's statements are put together from."""


def moment(column: str) -> str:
    """A timestamptz as RFC 3339 in UTC, always 27 characters: the API's only spelling."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def event_of(stamp: str, *, skip: int = 54) -> str:
    """The columns time, source and id out of a stamp whose two times take `skip` characters."""
    rest = f"substr({stamp}, {skip + 1})"
    return (
        f"left({stamp}, 27) AS time, split_part({rest}, chr(31), 1) AS source,"
        f" split_part({rest}, chr(31), 2) AS id"
    )


def rows(select: str) -> str:
    """The rows of a select as one JSON array, `[]` where there are none."""
    return f"coalesce((SELECT json_agg(r) FROM ({select}) r), '[]')"


PRESENT = """
asked AS MATERIALIZED (
    SELECT coalesce((SELECT customer FROM {s}.identities WHERE subject = $1), $1) AS customer
), members AS MATERIALIZED (
    SELECT asked.customer,
           ARRAY(SELECT subject FROM {s}.identities i WHERE i.customer = asked.customer
                 UNION SELECT asked.customer) AS subjects
    FROM asked
)"""
"""`members`, one row: the present customer of the subject $1, and all subjects it is made of."""

MINE = "ANY ((SELECT subjects FROM members)::uuid[])"
"""Whether a subject is one of `members`; looked up once, then by index."""

STANDING = "placed IS NOT NULL AND (cancelled IS NULL OR cancelled <= placed)"
"""Whether an order counts: placed, and not cancelled since."""

IDENTIFIER = """json_build_object('kind', {0}.kind, 'namespace', {0}.namespace,
    'value', {0}.value, 'subject', {0}.subject)"""
"""A row of `identifiers` as the API shows it; format with its alias."""
