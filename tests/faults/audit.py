"""The auditor: what was sent and acknowledged, compared with what stands in every view."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

from shared import status
from shared.clock import monotonic
from shared.database import Pool, connect, in_schema, is_transient, service_url
from shared.errors import Fatal, LogUnavailable
from shared.identifiers import subject_of
from shared.ids import event_id
from shared.log import Log
from tests.system.load import SOURCE, Customer
from tests.system.running import Deployment

PATIENCE = 180.0
"""Seconds in which everything that was acknowledged must have come to rest in every view."""

SHOWN = 5
"""Examples kept of each kind of finding."""

SAMPLE = 5
"""Customers that are read over HTTP too."""


class Account(Protocol):
    """What somebody knows who sent events: the ids of all, of those acknowledged, what follows."""

    @property
    def sent(self) -> Sequence[str]: ...
    @property
    def acknowledged(self) -> Sequence[str]: ...
    def customers(self) -> Sequence[Customer]: ...


@dataclass(frozen=True)
class Audit:
    """What was found; every number but the first two must be zero."""

    sent: int = 0
    acknowledged: int = 0
    lost: int = 0  # acknowledged, and missing in a view
    double: int = 0  # in a view twice, or never sent
    differences: int = 0  # numbers, belongings, rows that are not what they must be
    examples: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        return not (self.lost or self.double or self.differences)


@dataclass(frozen=True)
class View:
    """The live schema of a service, and a way to it."""

    service: str
    pool: Pool
    schema: str

    async def fetch(self, sql: str, *args: object) -> list[Any]:
        rows: list[Any] = await self.pool.fetch(in_schema(sql, self.schema), *args)
        return rows


def audit(deployment: Deployment, accounts: Sequence[Account], patience: float = PATIENCE) -> Audit:
    """Wait until the views have come to rest, then compare. `accounts` is all there ever was."""
    found = asyncio.run(_audit(deployment, accounts, patience))
    wrong = [*_wrong_answers(deployment, accounts), *_unverified(deployment)]
    return replace(
        found,
        differences=found.differences + len(wrong),
        examples=(*found.examples, *wrong[:SHOWN]),
    )


def settle(deployment: Deployment, patience: float = PATIENCE) -> None:
    """Wait until the views have come to rest: nothing lags, is pending, or is still to be told."""
    asyncio.run(_settle(deployment, patience))


async def _settle(deployment: Deployment, patience: float) -> None:
    async with _opened(deployment, patience) as (log, pools):
        await _rest(deployment, log, pools, patience)


async def _audit(deployment: Deployment, accounts: Sequence[Account], patience: float) -> Audit:
    async with _opened(deployment, patience) as (log, pools):
        await _rest(deployment, log, pools, patience)
        contact, profile = [View(name, pool, await _live(pool, name)) for name, pool in pools]
        sent = {event_id(SOURCE, id): id for account in accounts for id in account.sent}
        acknowledged = {event_id(SOURCE, id) for account in accounts for id in account.acknowledged}
        lost, double = _compared(sent, acknowledged, await _events(contact, profile))
        wrong = [
            *await _wrong_numbers(deployment, accounts, profile),
            *await _wrong_days(contact),
            *await _wrong_belonging(contact, profile),
        ]
    examples = (*lost[:SHOWN], *double[:SHOWN], *wrong[:SHOWN])
    found = len(lost), len(double), len(wrong)
    return Audit(len(sent), len(acknowledged), *found, examples)


@asynccontextmanager
async def _opened(
    deployment: Deployment, patience: float
) -> AsyncIterator[tuple[Log, list[tuple[str, Pool]]]]:
    """The log and both databases, which may have been away just now."""
    server = deployment.settings["RAPPORT_DATABASE"]
    async with AsyncExitStack() as stack:
        log = await _patiently(lambda: Log.connect(deployment.settings["RAPPORT_KAFKA"]), patience)
        stack.push_async_callback(log.close)
        pools = []
        for name in ("contact", "profile"):
            url = service_url(server, name)
            pool = await _patiently(partial(connect, url, size=2), patience)
            stack.callback(pool.terminate)
            pools.append((name, pool))
        yield log, pools


async def _patiently(attempt: Callable[[], Any], patience: float) -> Any:
    deadline = monotonic() + patience
    while True:
        try:
            return await attempt()
        except Fatal:
            if monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


async def _live(pool: Pool, service: str) -> str:
    return str(await pool.fetchval("SELECT schema FROM live WHERE service = $1", service))


async def _rest(
    deployment: Deployment, log: Log, pools: Sequence[tuple[str, Pool]], patience: float
) -> None:
    prefix, deadline = deployment.settings.get("RAPPORT_TOPIC_PREFIX", ""), monotonic() + patience
    while moving := await _moving(log, pools, prefix):
        assert monotonic() < deadline, f"after {patience:.0f} s: {moving}"
        await asyncio.sleep(0.1)


async def _moving(log: Log, pools: Sequence[tuple[str, Pool]], prefix: str) -> str:
    """What has not come to rest; nothing where all has. The profile, which tells contact, first."""
    for service, pool in reversed(pools):
        try:
            schema = await _live(pool, service)
            rows = await status.partition_status(pool, log, schema, prefix, ages=False)
            left = await pool.fetchval(in_schema(_LEFT, schema)) if service == "profile" else 0
        except Exception as error:
            if not (isinstance(error, LogUnavailable) or is_transient(error)):
                raise
            return f"{service}: {error!r}"
        late = [row for row in rows if row.lag != 0]
        if late or left:
            return f"{service}: {left} to work off; {late[:SHOWN]}"
    return ""


async def _events(*views: View) -> dict[str, Counter[str]]:
    """The names of all events, by service, with how often each stands there."""
    tables = {"contact": "interactions", "profile": "events"}
    return {
        view.service: Counter(
            row[0]
            for row in await view.fetch(f"SELECT event::text FROM {{s}}.{tables[view.service]}")
        )
        for view in views
    }


def _compared(
    sent: dict[str, str], acknowledged: Iterable[str], found: dict[str, Counter[str]]
) -> tuple[list[str], list[str]]:
    """What is lost and what is double, service by service."""
    lost, double = [], []
    for service, there in found.items():
        lost += [f"lost in {service}: {sent[name]}" for name in acknowledged if name not in there]
        double += [
            f"{n} times in {service}: {sent.get(name, name)}"
            for name, n in there.items()
            if n > 1 or name not in sent
        ]
    return lost, double


async def _wrong_numbers(
    deployment: Deployment, accounts: Sequence[Account], profile: View
) -> list[str]:
    """Customers of the list whose numbers are not those of the model."""
    secret = deployment.settings["RAPPORT_SECRET"].encode()
    rows = {row[0]: Customer("", *row[1:]) for row in await profile.fetch(_CUSTOMERS)}
    return [
        f"{wanted} is {found}"
        for account in accounts
        for wanted in account.customers()
        if (found := rows.get(_subject(secret, wanted.identifier))) is None
        or found[1:] != wanted[1:]
    ]


def _subject(secret: bytes, identifier: str) -> str:
    kind, *namespace, value = identifier.split(":")
    return str(subject_of(secret, kind, "".join(namespace), value))


async def _wrong_days(contact: View) -> list[str]:
    """Contact's sums of days, against its rows."""
    (row,) = await contact.fetch(_DAYS)
    return [] if row[0] == row[1] else [f"{row[0]} interactions, but {row[1]} in the daily counts"]


async def _wrong_belonging(contact: View, profile: View) -> list[str]:
    """Who belongs to whom, as contact was told, against what the profile says itself."""
    told = {tuple(row) for row in await contact.fetch(_TOLD)}
    known = {tuple(row) for row in await profile.fetch(_KNOWN)}
    return [f"belonging told and known differ: {each}" for each in sorted(told ^ known)]


def _unverified(deployment: Deployment) -> list[str]:
    """What every view, folded anew, says of the one that serves."""
    ended = deployment.rapport("verify", "all", "--json")
    if ended.returncode not in (0, 1):
        return [f"verify ended with {ended.returncode}: {ended.stderr}"]
    return [
        f"verify of {view['schema']}: {difference}"
        for view in json.loads(ended.stdout)
        for difference in (view["first"] or [""])
        if view["differences"]
    ]


def _wrong_answers(deployment: Deployment, accounts: Sequence[Account]) -> list[str]:
    """Some customers as readers see them."""
    wrong = []
    for wanted in [each for account in accounts for each in account.customers()][-SAMPLE:]:
        found = deployment.profile(wanted.identifier)
        numbers = found["interactions"]["total"], found["orders"]["count"]
        if numbers != (wanted.interactions, wanted.orders):
            wrong.append(f"{wanted} is answered as {numbers}")
    return wrong


_LEFT = """
SELECT (SELECT count(*) FROM {s}.pending) + (SELECT count(*) FROM {s}.changed)
     + (SELECT count(*) FROM told WHERE NOT sent)
"""

_CUSTOMERS = """
SELECT customer::text, subjects, interactions, orders, revenue::bigint FROM {s}.customers
"""

_DAYS = "SELECT (SELECT count(*) FROM {s}.interactions), (SELECT sum(n) FROM {s}.daily)::bigint"

_TOLD = "SELECT subject::text, customer::text FROM {s}.belonging WHERE customer <> subject"

_KNOWN = "SELECT subject::text, customer::text FROM {s}.identities WHERE customer <> subject"
