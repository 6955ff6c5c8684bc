"""A crew follows what its services are to fold: what serves, what rises, what served lately."""

import pytest

from shared import rebuilding, schemas
from shared.catchup import Ground, alone
from shared.crew import Crew
from shared.database import Connection, Pool
from shared.errors import Conflict, NotFound
from shared.log import Log
from shared.projection import View
from shared.schemas import REBUILD, Schema
from tests.shared.toy import FAST, VIEW, Start, append, counted, happening
from tests.waiting import until


def tell(what: str, done: int, total: int) -> None:
    assert 0 <= done <= total, what


@pytest.fixture
def ground(pool: Pool, log: Log, topic_prefix: str) -> Ground:
    return Ground(pool, log, VIEW, topic_prefix, FAST)


async def second(ground: Ground) -> Schema:
    """Another schema, as a command begins it."""

    async def unchanged(connection: Connection, view: View, name: str) -> None:
        return

    return await schemas.begin(ground.pool, ground.log, VIEW, REBUILD, unchanged, ground.prefix)


def works_on(crew: Crew) -> list[str]:
    return [worker.schema.name for worker in crew.workers]


async def counted_are(pool: Pool, number: int, *names: str) -> bool:
    return [await counted(pool, name) for name in names] == [number] * len(names)


async def live(pool: Pool) -> str | None:
    return await schemas.live_name(pool, "toy")


async def test_what_a_command_builds_is_left_to_the_command(ground: Ground, start: Start) -> None:
    crew, _ = start("a")
    await until(lambda: works_on(crew) == ["toy_1_1"])
    await second(ground)
    await append(ground.log, ground.prefix, [happening(str(n), who=str(n)) for n in range(50)])
    await until(lambda: counted_are(ground.pool, 50, "toy_1_1"))
    assert works_on(crew) == ["toy_1_1"]
    assert await counted(ground.pool, "toy_1_2") == 0


async def test_a_switch_needs_no_new_start_and_the_former_stands_by(
    ground: Ground, start: Start
) -> None:
    crew, _ = start("a")
    await append(ground.log, ground.prefix, [happening(str(n), who=str(n)) for n in range(50)])
    await until(lambda: crew.schema and counted_are(ground.pool, 50, "toy_1_1"))
    await rebuilding.rise(ground, await second(ground), tell)
    assert await live(ground.pool) == "toy_1_2"
    await until(lambda: works_on(crew) == ["toy_1_1", "toy_1_2"])
    await append(ground.log, ground.prefix, [happening(f"{n}+", who=str(n)) for n in range(50)])
    await until(lambda: counted_are(ground.pool, 100, "toy_1_1", "toy_1_2"))
    await ground.pool.execute("UPDATE schemas SET folded_until = now() WHERE schema = 'toy_1_1'")
    await until(lambda: works_on(crew) == ["toy_1_2"])


async def test_the_former_serves_again_on_request_with_all_that_came_since(
    ground: Ground, start: Start
) -> None:
    crew, _ = start("a")
    await until(lambda: works_on(crew) == ["toy_1_1"])
    with pytest.raises(NotFound, match="No former schema"):
        await rebuilding.back(ground, tell)
    await rebuilding.rise(ground, await second(ground), tell)
    await ground.pool.execute("UPDATE schemas SET folded_until = now() WHERE schema = 'toy_1_1'")
    await until(lambda: works_on(crew) == ["toy_1_2"])
    await append(ground.log, ground.prefix, [happening(str(n), who=str(n)) for n in range(50)])
    assert (await rebuilding.back(ground, tell)).name == "toy_1_1"
    assert await live(ground.pool) == "toy_1_1"
    assert await counted(ground.pool, "toy_1_1") == 50
    await until(lambda: works_on(crew) == ["toy_1_1", "toy_1_2"])


async def test_what_serves_or_is_worked_on_is_not_dropped(ground: Ground, start: Start) -> None:
    crew, _ = start("a")
    await until(lambda: works_on(crew) == ["toy_1_1"])
    with pytest.raises(NotFound):
        await rebuilding.drop_kept(ground.pool, VIEW, "toy_9_9")
    with pytest.raises(Conflict, match="serves"):
        await rebuilding.drop_kept(ground.pool, VIEW, "toy_1_1")
    await rebuilding.rise(ground, await second(ground), tell)
    with pytest.raises(Conflict, match="may still be read"):
        await rebuilding.drop_kept(ground.pool, VIEW, "toy_1_1")
    await ground.pool.execute(
        "UPDATE schemas SET folded_until = now() + interval '1 minute' WHERE schema = 'toy_1_1'"
    )
    await rebuilding.drop_kept(ground.pool, VIEW, "toy_1_1")
    assert [kept.schema for kept in await schemas.keeps(ground.pool, "toy")] == ["toy_1_2"]
    await until(lambda: works_on(crew) == ["toy_1_2"])


async def test_one_command_at_a_time_changes_the_schemas_of_a_service(
    ground: Ground, start: Start
) -> None:
    crew, _ = start("a")
    await until(lambda: works_on(crew) == ["toy_1_1"])
    async with alone(ground.pool, rebuilding.job(VIEW)):
        with pytest.raises(Conflict, match="Another command"):
            await rebuilding.rebuild(ground, tell)
    assert await rebuilding.cancel(ground.pool, VIEW) == []
