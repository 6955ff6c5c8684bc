"""What is kept of refused items: exact bytes, ids in their order, one partition for a while."""

import asyncio
import base64
from typing import Any
from uuid import RFC_4122, UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.contact import closing, refused
from services.contact.aside import SLICE, Aside, Bad
from services.contact.closing import Act
from services.contact.faults import Refusal, refuse
from services.contact.intake import Admitted
from services.contact.refused import Way, keeping, partition_key
from shared.errors import FieldError
from shared.log import partition_of
from tests.contact.sending import MOMENT, SENDING, TRACE

WHY = FieldError("/type", "required", "`type` must be there.")
MANY = 5000
ACT = Act("user:ops", "ops", MOMENT, TRACE)


def kept(count: int) -> list[Admitted]:
    """As many items of one request."""
    keeper = keeping({b"content-type": b"application/json"}, SENDING, Way())
    return [keeper.keep(b"%d" % n, [WHY]) for n in range(count)]


def document(entry: Admitted) -> Any:
    return msgspec.json.decode(entry.value)


def test_items_of_a_request_have_ids_of_their_own_in_their_order() -> None:
    ids = [entry.id for entry in kept(MANY)]
    assert len(set(ids)) == MANY
    assert ids[:4000] == sorted(ids[:4000])
    assert {(UUID(id).version, UUID(id).variant) for id in ids} == {(7, RFC_4122)}
    assert all(str(UUID(id)) == id for id in ids)
    assert set(ids).isdisjoint(entry.id for entry in kept(MANY))


def test_what_is_refused_at_once_stands_in_one_partition_and_later_in_another() -> None:
    for partitions in (1, 2, 3, 4, 6, 12):
        assert len({partition_of(one.partitionkey, partitions) for one in kept(1000)}) == 1
    at = [f"01a20656-{slot:02x}00-7000-8000-000000000000" for slot in range(64)]
    for partitions in (2, 3, 4):
        found = {partition_of(partition_key(id), partitions) for id in at}
        assert len(found) == partitions


def test_all_that_becomes_of_an_item_has_its_partition_key() -> None:
    for entry in kept(5):
        assert str(UUID(entry.partitionkey)) == entry.partitionkey == partition_key(entry.id)
        assert document(entry)["partitionkey"] == entry.partitionkey == (entry.key or b"").decode()
        for became in (
            closing.driven(entry.id, ACT, [], {}),
            closing.discarded(entry.id, ACT, "why"),
            closing.refused_again(entry.id, ACT, [], {}),
        ):
            assert became.partitionkey == entry.partitionkey


@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_bytes_and_reasons_are_kept_as_they_are(raw: bytes, pointer: str, detail: str) -> None:
    why = FieldError(pointer, "code", detail)
    found = document(refused.of_request(raw, {}, SENDING, [why, WHY]))
    assert base64.b64decode(found["data"]["bytes"], validate=True) == raw
    assert found["data"]["size"] == len(raw)
    assert found["data"]["reasons"] == [why.as_dict(), WHY.as_dict()]


async def test_others_go_on_while_what_is_refused_is_made_ready() -> None:
    aside, turns, ready = Aside(), 0, False

    async def others() -> None:
        nonlocal turns
        while not ready:
            turns += 1
            await asyncio.sleep(0)

    going_on = asyncio.create_task(others())
    bad = [Bad(b"%d" % n, WHY) for n in range(20 * SLICE)]
    first, second = await asyncio.gather(
        *(aside.keep(keeping({}, SENDING), items) for items in (bad, bad[:3]))
    )
    ready = True
    await going_on
    assert turns >= 20
    made = [base64.b64decode(document(entry)["data"]["bytes"]) for entry in (*first, *second)]
    assert made == [one.raw for one in (*bad, *bad[:3])]


def test_a_refusal_that_is_kept_holds_on_to_nothing() -> None:
    try:
        try:
            raise ValueError("whose frames hold the event")
        except ValueError:
            raise refuse("/x", "y", "Z.") from None
    except Refusal as refusal:
        found = refusal.alone()
    assert (found.__traceback__, found.__context__, found.error.code) == (None, None, "y")
