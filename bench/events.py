"""Events to measure with: 15 % orders, 30 % with a second identifier; always the same ones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from services.contact.intake import Intake, Sending
from shared.auth import Key
from shared.clock import rfc3339
from shared.log import partition_of
from shared.messages import Place, Record

SECRET = b"the secret of the bench: no secret at all"
ORDERS, SECOND = 0.15, 0.30
_TEXT = "A quiet electric kettle with a window, 1.7 litres, in brushed steel, with two years of "
_KEY = Key("bench", frozenset(("ingest",)), "service:bench")
_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def bodies(count: int, run: str, both: int = 0) -> Iterator[bytes]:
    """Events as a client sends them, about 600 bytes each; every id and identifier a new one.

    Every `both`th has a second identifier for sure.
    """
    random = Random(run)
    for n in range(count):
        second = random.random() < SECOND or bool(both and n % both == 0)
        yield _body(random, f"{run}-{n}", f"{run}-{n}", n, second, texts=3)


def records(
    count: int, partitions: int, topic: str, users: int = 0, first: int = 0
) -> list[list[Record]]:
    """Records as they stand in the log, about 650 bytes each, by partition; a third as many users.

    They are made by the door's own code, so that they are what the door makes. `first` is the
    number of the first of them, where others were made before.
    """
    random, intake = Random(count + first), Intake(SECRET)
    decode = msgspec.json.Decoder(dict).decode
    found: list[list[Record]] = [[] for _ in range(partitions)]
    for n in range(first, first + count):
        user, second = str(random.randint(1, users or count // 3)), random.random() < SECOND
        event = decode(_body(random, str(n), user, n, second))
        admitted = intake.admit(event, Sending(_KEY, _at(n + 60), _at(n + 60), _TRACE))
        partition = partition_of(admitted.partitionkey, partitions)
        place = Place(topic, partition, len(found[partition]))
        found[partition].append(Record(place, admitted.partitionkey.encode(), admitted.value))
    return found


def _body(random: Random, id: str, user: str, n: int, second: bool, texts: int = 0) -> bytes:
    identifiers = f'{{"kind":"user","namespace":"shop","value":"{user}"}}'
    if second:
        identifiers += f',{{"kind":"email","value":"{user}@example.com"}}'
    is_order = random.random() < ORDERS
    own = _order(id, random) if is_order else _page(random)
    text = f',"text":"{_TEXT * texts}"' if texts else ""
    return (
        f'{{"id":"{id}","source":"/bench/web","type":"{_TYPES[is_order]}","time":"{_at(n)}",'
        f'"data":{{"channel":"web","direction":"inbound","identifiers":[{identifiers}],'
        f"{own}{text}}}}}"
    ).encode()


def _order(id: str, random: Random) -> str:
    amount = random.randrange(100, 20_000)
    return (
        f'"namespace":"shop","order":"{id}","amount":{amount},"currency":"EUR",'
        f'"lines":[{{"sku":"kettle-{amount % 97}","quantity":1,"price":{amount}}}]'
    )


def _page(random: Random) -> str:
    return (
        f'"url":"https://shop.example.com/products/{random.randrange(1000)}",'
        '"title":"A quiet electric kettle"'
    )


def _at(seconds: int) -> str:
    return rfc3339(_START + timedelta(seconds=seconds))


_TYPES = ("page.viewed", "order.placed")
_START = datetime(2026, 1, 1, tzinfo=UTC)
