"""The statements by which belonging is kept up; `{s}` is the schema, $1 is never empty."""

COUNTS = "key <> ALL (ARRAY(SELECT key FROM {s}.disowned))"
"""Whether a pair counts: not where the key that let it in was disowned."""

DECIDED = "SELECT 1 FROM {s}.decisions WHERE weaker = ANY ($1::uuid[]) LIMIT 1"

ENDS = """
INSERT INTO {s}.identities (subject, rank, shared, root, customer)
SELECT DISTINCT stronger, stronger_rank, false, stronger, stronger
FROM {s}.decisions WHERE weaker = ANY ($1::uuid[]) ORDER BY stronger
ON CONFLICT DO NOTHING
"""

RANKS = """
SELECT subject::text, rank FROM (
    SELECT g.subject, coalesce(
        (SELECT rank FROM {s}.identities i WHERE i.subject = g.subject),
        (SELECT weaker_rank FROM {s}.pairs p WHERE p.weaker = g.subject LIMIT 1),
        (SELECT weaker_rank FROM {s}.decisions d WHERE d.weaker = g.subject LIMIT 1),
        (SELECT stronger_rank FROM {s}.decisions d WHERE d.stronger = g.subject LIMIT 1)) AS rank
    FROM unnest($1::uuid[]) g (subject)) r
WHERE rank IS NOT NULL
"""

OWNERS = """
SELECT subject::text, owner::text, rank, direct, stamp
FROM {s}.owners WHERE subject = ANY ($1::uuid[])
ORDER BY subject, rank
"""

CANDIDATES = f"""
SELECT g.subject::text, d.weaker IS NOT NULL AS apart,
       c.stronger::text, c.rank, c.direct, c.stamp
FROM unnest($1::uuid[]) g (subject)
CROSS JOIN LATERAL (
    (SELECT stronger, min(stronger_rank) AS rank, true AS direct, min(stamp) AS stamp
     FROM {{s}}.pairs WHERE weaker = g.subject AND stronger_rank > $2 AND {COUNTS}
     GROUP BY stronger LIMIT $3)
    UNION ALL
    (SELECT stronger, min(stronger_rank), false, min(stamp)
     FROM {{s}}.derived WHERE weaker = g.subject
     GROUP BY stronger LIMIT $3)) c
LEFT JOIN {{s}}.decisions d
    ON d.weaker = g.subject AND d.stronger = c.stronger AND d.verb = 'apart'
"""

DELETE_OWNERS = """
DELETE FROM {s}.owners o USING unnest($1::uuid[], $2::smallint[]) g (subject, rank)
WHERE o.subject = g.subject AND o.rank = g.rank
"""

WRITE_OWNERS = """
INSERT INTO {s}.owners (subject, owner, rank, direct, stamp)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::boolean[], $5::text[])
ON CONFLICT (subject, rank) DO UPDATE
    SET owner = excluded.owner, direct = excluded.direct, stamp = excluded.stamp
"""

DELETE_DERIVED = """
DELETE FROM {s}.derived d
USING unnest($1::uuid[], $2::uuid[], $3::uuid[]) g (weaker, stronger, through)
WHERE d.weaker = g.weaker AND d.stronger = g.stronger AND d.through = g.through
"""

CONCERNED = f"""
SELECT DISTINCT g.weaker::text, g.rank
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[]) g (weaker, stronger, rank, stamp)
WHERE NOT EXISTS (SELECT FROM {{s}}.pairs p
                  WHERE p.weaker = g.weaker AND p.stronger = g.stronger AND {COUNTS})
  AND NOT EXISTS (SELECT FROM {{s}}.derived d
                  WHERE d.weaker = g.weaker AND d.stronger = g.stronger
                    AND d.stamp <= g.stamp COLLATE "C")
"""

# All weaker ends of pairs that a key let in: asked for like any other, page by page.
ASK_AGAIN = """
INSERT INTO {s}.pending (kind, key, topic, partition, next_offset)
SELECT DISTINCT ON (p.weaker) 'pair', p.weaker, d.topic, d.partition, d.next_offset
FROM {s}.pending d JOIN {s}.pairs p ON p.key = d.namespace
WHERE d.ctid = ANY ($1::tid[])
ORDER BY p.weaker, d.next_offset
"""

WRITE_DERIVED = """
INSERT INTO {s}.derived (weaker, stronger, through, weaker_rank, stronger_rank, stamp)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::smallint[], $5::smallint[], $6::text[])
ON CONFLICT (weaker, stronger, through) DO UPDATE SET stamp = excluded.stamp
"""

# A new row begins where its parent is now, which nearly always stays so and saves writing it twice.
WRITE_IDENTITIES = """
WITH written AS (
    INSERT INTO {s}.identities AS i (subject, rank, shared, parent, root, customer)
    SELECT g.subject, g.rank, g.shared, g.parent,
           coalesce(t.root, g.parent, g.subject), coalesce(t.customer, g.parent, g.subject)
    FROM unnest($1::uuid[], $2::smallint[], $3::boolean[], $4::uuid[])
        g (subject, rank, shared, parent)
    LEFT JOIN {s}.identities t ON t.subject = g.parent
    ON CONFLICT (subject) DO UPDATE SET shared = excluded.shared, parent = excluded.parent
        WHERE i.shared <> excluded.shared OR i.parent IS DISTINCT FROM excluded.parent
    RETURNING i.subject, i.customer, i.xmax = 0 AND i.customer <> i.subject AS joins
), told AS (
    INSERT INTO {s}.changed (subject) SELECT subject FROM written WHERE joins ORDER BY subject
)
SELECT subject::text, customer::text, joins FROM written
"""

WRITE_TOPS = """
INSERT INTO {s}.identities (subject, rank, shared, root, customer)
SELECT subject, rank, false, subject, subject
FROM unnest($1::uuid[], $2::smallint[]) g (subject, rank)
ON CONFLICT DO NOTHING
"""

# Up from each to its root, then down again from each to all below it: parents are final by now.
# Whoever moves takes the customer that the root has at this moment, so that all below a root agree.
WRITE_ROOTS = """
WITH RECURSIVE up (subject, at, parent) AS (
    SELECT i.subject, i.subject, i.parent
    FROM unnest($1::uuid[]) g (subject) JOIN {s}.identities i USING (subject)
    UNION ALL
    SELECT u.subject, i.subject, i.parent FROM up u JOIN {s}.identities i ON i.subject = u.parent
), below (subject, root) AS (
    SELECT subject, at FROM up WHERE parent IS NULL
    UNION
    SELECT i.subject, b.root FROM below b JOIN {s}.identities i ON i.parent = b.subject
), former AS MATERIALIZED (
    SELECT i.subject, i.root AS was_root, b.root, i.customer AS was, t.customer
    FROM below b
    JOIN {s}.identities i ON i.subject = b.subject
    JOIN {s}.identities t ON t.subject = b.root
    WHERE i.root <> b.root
), written AS (
    UPDATE {s}.identities i SET root = f.root, customer = f.customer
    FROM former f WHERE i.subject = f.subject
), told AS (
    INSERT INTO {s}.changed (subject)
    SELECT subject FROM former WHERE was <> customer ORDER BY subject
)
SELECT DISTINCT was_root::text, root::text, was::text, customer::text FROM former
"""

DELETE_JOINS = """
WITH gone AS (
    DELETE FROM {s}.joins j USING {s}.decisions d
    WHERE j.weaker = ANY ($1::uuid[]) AND d.weaker = j.weaker AND d.stronger = j.stronger
      AND d.verb <> 'together'
    RETURNING j.weaker_root, j.stronger_root
)
SELECT DISTINCT unnest(ARRAY[weaker_root, stronger_root])::text AS root FROM gone
"""

WRITE_JOINS = """
WITH made AS (
    INSERT INTO {s}.joins (weaker, stronger, weaker_root, stronger_root)
    SELECT d.weaker, d.stronger, w.root, s.root
    FROM {s}.decisions d
    JOIN {s}.identities w ON w.subject = d.weaker
    JOIN {s}.identities s ON s.subject = d.stronger
    WHERE d.weaker = ANY ($1::uuid[]) AND d.verb = 'together'
    ORDER BY d.weaker, d.stronger
    ON CONFLICT DO NOTHING
    RETURNING weaker_root, stronger_root
)
SELECT DISTINCT unnest(ARRAY[weaker_root, stronger_root])::text AS root FROM made
"""

MOVE_JOINS = """
WITH there AS (
    SELECT j.* FROM unnest($1::uuid[]) g (root) JOIN {s}.joins j ON j.weaker_root = g.root
    UNION
    SELECT j.* FROM unnest($1::uuid[]) g (root) JOIN {s}.joins j ON j.stronger_root = g.root
), former AS MATERIALIZED (
    SELECT t.*, w.root AS one, s.root AS other
    FROM there t
    JOIN {s}.identities w ON w.subject = t.weaker
    JOIN {s}.identities s ON s.subject = t.stronger
    WHERE w.root <> t.weaker_root OR s.root <> t.stronger_root
), written AS (
    UPDATE {s}.joins j SET weaker_root = f.one, stronger_root = f.other
    FROM former f WHERE j.weaker = f.weaker AND j.stronger = f.stronger
)
SELECT DISTINCT unnest(ARRAY[weaker_root, stronger_root, one, other])::text AS root FROM former
"""

CONNECTED = """
WITH RECURSIVE connected (root) AS (
    SELECT unnest($1::uuid[])
    UNION
    SELECT n.root FROM connected c CROSS JOIN LATERAL (
        SELECT stronger_root AS root FROM {s}.joins WHERE weaker_root = c.root
        UNION ALL
        SELECT weaker_root FROM {s}.joins WHERE stronger_root = c.root) n
)
SELECT i.subject::text AS root, i.rank
FROM connected c JOIN {s}.identities i ON i.subject = c.root AND i.root = c.root
"""

EDGES = """
SELECT weaker_root::text, stronger_root::text
FROM unnest($1::uuid[]) g (root) JOIN {s}.joins j ON j.weaker_root = g.root
"""

# All below a root agree on the customer, so the root's own row says whether there is any to change.
WRITE_CUSTOMERS = """
WITH former AS MATERIALIZED (
    SELECT i.subject, i.customer AS was, g.customer
    FROM unnest($1::uuid[], $2::uuid[]) g (root, customer)
    JOIN {s}.identities t ON t.subject = g.root AND t.customer <> g.customer
    JOIN {s}.identities i ON i.root = g.root
), written AS (
    UPDATE {s}.identities i SET customer = f.customer FROM former f WHERE i.subject = f.subject
), told AS (
    INSERT INTO {s}.changed (subject) SELECT subject FROM former ORDER BY subject
)
SELECT DISTINCT was::text, customer::text FROM former
"""
