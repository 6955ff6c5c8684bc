"""Lists of products and price lists, which bundles there are, what is on hand, what is bought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.leads.queries.sql import moment
from shared.database import Connection, in_schema

MOST_BUNDLES = 50
"""Bundles that are thought of for a configuration."""

MOST_BOUGHT = 10
"""Products that are shown as bought together with others."""

SORTS: Mapping[str, tuple[str, str]] = {
    "sku": ("p.sku", "text"),
    "name": ('p.name COLLATE "C"', "text"),
    "touched": ("p.touched", "timestamptz"),
}
"""What the list of products is sorted by, with the type."""


@dataclass(frozen=True)
class Products:
    """What part of the list is asked for; `after` is the last (value, sku) already shown."""

    sort: str = "sku"
    descending: bool = False
    skus: tuple[str, ...] = ()
    status: str | None = None
    categories: tuple[str, ...] = ()
    text: str | None = None
    limit: int = 50
    after: tuple[str, str] | None = None


async def products(
    connection: Connection, schema: str, listing: Products
) -> Sequence[tuple[tuple[str, str], str]]:
    """Rows of ((sort value, sku) as text, JSON); one more than the limit if there are more."""
    sql, args = _select(listing)
    found = await connection.fetch(in_schema(sql, schema), *args)
    return [((row[0], row[1]), row[2]) for row in found]


def _select(listing: Products) -> tuple[str, list[object]]:
    column, type_ = SORTS[listing.sort]
    direction, beyond = ("DESC", "<") if listing.descending else ("ASC", ">")
    args: list[object] = [listing.limit + 1]
    conditions = ["p.described IS NOT NULL"]
    if listing.skus:
        args.append([*listing.skus])
        conditions.append(f"p.sku = ANY (${len(args)}::text[])")
    if listing.status is not None:
        args.append(listing.status)
        conditions.append(f"p.status = ${len(args)}")
    if listing.categories:
        args.append([*listing.categories])
        conditions.append(f"p.category = ANY (${len(args)}::text[])")
    if listing.text is not None:
        args.append(listing.text)
        sought = f"lower(${len(args)}::text)"
        conditions.append(
            f"(strpos(lower(p.sku), {sought}) > 0 OR strpos(lower(p.name), {sought}) > 0)"
        )
    if listing.after is not None:
        args += listing.after
        place = f"${len(args) - 1}::text::{type_}, ${len(args)}::text"
        conditions.append(f"({column}, p.sku) {beyond} ({place})")
    return (
        f"WITH page AS MATERIALIZED (SELECT * FROM {{s}}.products p"
        f" WHERE {' AND '.join(conditions)}"
        f" ORDER BY {column} {direction}, p.sku {direction} LIMIT $1)"
        f" SELECT ({column})::text, p.sku, {_PRODUCT} FROM page p"
        f" ORDER BY {column} {direction}, p.sku {direction}",
        args,
    )


async def stock(connection: Connection, schema: str, skus: Sequence[str]) -> dict[str, str]:
    """What is on hand of each, as JSON; of what was never counted nothing."""
    rows = await connection.fetch(in_schema(_STOCK_OF, schema), [*skus])
    return {row["sku"]: row["stock"] for row in rows}


async def price_lists(
    connection: Connection, schema: str, after: str, limit: int
) -> Sequence[tuple[str, str]]:
    """Rows of (name, JSON) after a name; one more than the limit if there are more."""
    rows = await connection.fetch(in_schema(_PRICE_LISTS, schema), after, limit + 1)
    return [(row[0], row[1]) for row in rows]


async def bundles(connection: Connection, schema: str, skus: Sequence[str]) -> list[str]:
    """Bundles that are sold and have any of the products in them, those with most of them first."""
    rows = await connection.fetch(in_schema(_BUNDLES, schema), [*skus], MOST_BUNDLES)
    return [row[0] for row in rows]


async def bought(
    connection: Connection, schema: str, skus: Sequence[str]
) -> Sequence[tuple[str, str, str, int, int]]:
    """What is sold and was bought with the products, and is not among them: (sku, name, with,
    orders with both, orders with the latter), the most often first."""
    rows = await connection.fetch(in_schema(_BOUGHT, schema), [*skus], MOST_BOUGHT)
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


_ON_HAND = f"""json_build_object('on_hand', sum(k.quantity),
    'counted', {moment("max(k.counted)")},
    'locations', json_agg(json_build_object('location', nullif(k.location, ''),
        'quantity', k.quantity, 'counted', {moment("k.counted")}) ORDER BY k.location))"""

_PRODUCT = f"""(p.definition::jsonb || jsonb_build_object(
    'version', p.version, 'status', p.status, 'touched', {moment("p.touched")},
    'stock', (SELECT {_ON_HAND} FROM {{s}}.stock k WHERE k.sku = p.sku HAVING count(*) > 0)
    ))::text"""

_STOCK_OF = f"""
SELECT k.sku, ({_ON_HAND})::text AS stock
FROM {{s}}.stock k WHERE k.sku = ANY ($1::text[]) GROUP BY k.sku
"""

_PRICE_LISTS = f"""
SELECT l.name, json_build_object('name', l.name, 'version', l.version, 'currency', l.currency,
    'valid_from', l.valid_from, 'valid_to', l.valid_to, 'base', l.base, 'percent', l.percent,
    'priced', l.priced, 'touched', {moment("l.touched")})::text
FROM {{s}}.price_lists l WHERE l.name > $1 ORDER BY l.name LIMIT $2
"""

_BUNDLES = """
SELECT c.bundle FROM {s}.contents c
JOIN {s}.products p ON p.sku = c.bundle AND p.described = c.version AND p.status = 'active'
WHERE c.part = ANY ($1::text[]) GROUP BY c.bundle ORDER BY count(*) DESC, c.bundle LIMIT $2
"""

_BOUGHT = """
WITH counted AS (
    SELECT sku, other, sum(orders)::bigint AS orders FROM {s}.together
    WHERE sku = ANY ($1::text[]) GROUP BY sku, other)
SELECT * FROM (
    SELECT DISTINCT ON (t.other) t.other, p.name, t.sku, t.orders, one.orders AS all_orders
    FROM counted t JOIN counted one ON one.sku = t.sku AND one.other = t.sku
    JOIN {s}.products p ON p.sku = t.other AND p.status = 'active'
    WHERE NOT t.other = ANY ($1::text[])
    ORDER BY t.other, t.orders DESC, t.sku) most
ORDER BY orders DESC, other LIMIT $2
"""
