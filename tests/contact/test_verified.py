"""A view of contact against its log: values changed by hand are found and named."""

from shared.catchup import Ground
from shared.verifying import verify
from tests.contact.answering import SCHEMA, Contact
from tests.contact.folding import fold_all
from tests.shared.toy import FAST

CHANGES = {
    "bytes": "'e30='",
    "code": "code || '!'",
    "reasons": "reasons || ' '",
    "size": "size + 1",
    "state": "'driven'",
}


def tell(what: str, done: int, total: int) -> None:
    assert done <= total, what


async def test_a_value_of_the_quarantine_that_was_changed_by_hand_is_found(live: Contact) -> None:
    pool, site = live.site.pool, live.site
    await live.post([{"type": "order.placed"}] * len(CHANGES) + [{"type": "note.taken"}])
    await fold_all(live)
    ids = [row["id"] for row in await pool.fetch(f"SELECT id FROM {SCHEMA}.quarantine")]
    for id, (column, value) in zip(ids, CHANGES.items(), strict=True):
        await pool.execute(f"UPDATE {SCHEMA}.quarantine SET {column} = {value} WHERE id = $1", id)
    ground = Ground(pool, site.log, site.view, site.settings.topic_prefix, FAST)
    verdict = await verify(ground, tell)
    assert verdict.differences == len(CHANGES)
    assert sorted(one.difference.columns for one in verdict.shown) == [[name] for name in CHANGES]
