"""Folding what a contact on a real log has, as its workers would."""

from tests.contact.answering import SCHEMA, Contact


async def fold_all(live: Contact) -> None:
    """Fold what the log has beyond the checkpoints, and move them."""
    ends = await live.ends()
    for source in live.site.schema.sources:
        for number in range(live.site.partitions):
            end = ends[source.name, number]
            place = (source.topic, number)
            next_offset = await live.site.pool.fetchval(
                f"SELECT next_offset FROM {SCHEMA}.checkpoints WHERE topic = $1 AND partition = $2",
                *place,
            )
            if end > next_offset:
                count = end - next_offset
                await live.fold(*await live.site.log.read(source.name, number, next_offset, count))
            await live.site.pool.execute(
                f"UPDATE {SCHEMA}.checkpoints SET next_offset = $3"
                " WHERE topic = $1 AND partition = $2",
                *place,
                end,
            )
