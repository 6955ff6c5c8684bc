"""rapport restore: what a service decided, brought back from the log into an empty database."""

from typing import Annotated

import typer

from services.cli import jobs, show
from services.cli.reach import Reach, log_of, reach, run
from shared import database, schemas
from shared.catchup import Tell
from shared.deciding.restoring import Restored, restore
from shared.deciding.resuming import Resuming
from shared.errors import Fatal
from shared.opening import DECIDING, MIGRATIONS
from shared.service import Service


def command(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="leads.")],
    as_json: show.AsJson = False,
) -> None:
    """Restore the decided events of a service from its topic, then its streams and claims.

    For a database that was lost: the services must not run, and the new database must be empty.
    Cut off at any point, the same command goes on from there. Policies go on behind the last event
    of each partition that they had decided about. Exit code 1: there are events already; 2: one is
    missing in the topic, or is none of this version's, or the servers are away.
    """
    with jobs.progress(quiet=as_json) as tell:
        found = run(_restore(reach(), jobs.service_of(service), tell))
    if as_json:
        show.json(found._asdict())
    else:
        print(f"Restored {found.events:,} events of {found.streams:,} streams.")


async def _restore(place: Reach, service: Service, tell: Tell) -> Restored:
    if service.relayed is None:
        raise Fatal(f"{service.name} decides nothing: its views are folded from the log anyway.")
    url = database.service_url(place.addresses.database, service.name)
    await database.ensure_database(url)
    pool = await database.connect(url, size=3)
    try:
        own = [service.migrations] if service.migrations is not None else []
        await database.migrate(pool, MIGRATIONS, DECIDING, *own)
        async with log_of(place) as log:
            prefix = place.settings.topic_prefix
            (source,), partitions = await schemas.record_topics(
                pool, log, [service.relayed.name], prefix
            )
            resuming = _resuming(service, prefix)
            return await restore(
                *(pool, log, source.name, partitions, service.deciders, tell, resuming)
            )
    finally:
        pool.terminate()


def _resuming(service: Service, prefix: str) -> Resuming | None:
    if service.policies is None or service.policy is None:
        return None
    return Resuming(service.policies(prefix), service.policy, prefix)
