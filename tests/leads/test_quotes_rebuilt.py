"""The law: opportunities and quotes rebuilt equal the live ones, and what was decided."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.leads.catalogue.pricing import Line
from services.leads.quotes.commands import (
    DeclineQuote,
    ExpireQuote,
    NoteOrdered,
    NoteOrderRefused,
    RetryOrder,
    WithdrawQuote,
    Wording,
)
from services.leads.quotes.decider import OPPORTUNITY, QUOTE
from services.leads.quotes.decider.knowing import ends, known, status
from services.leads.quotes.decider.opportunity import stream_of
from services.leads.quotes.events import Content, Person
from services.leads.quotes.projections import TABLES
from services.leads.quotes.states import Accepted, Described, Ordered, Unwritten
from shared import parking, schemas
from shared.comparing import Side, compare
from shared.database import Connection, Pool
from tests.leads.goods import STANDARD
from tests.leads.histories import History
from tests.leads.quoting import OPEN, accept, describe, draft, revise, send
from tests.leads.test_rebuilt_equals_live import HISTORIES, VIEW, _live, _rebuilt
from tests.leads.told import number
from tests.records import at

LEADS = [number(n) for n in (1, 2)]
QUOTES = [number(n) for n in (11, 12, 13)]
SKUS = ("KETTLE", "TEA", "CUP")
DAYS = ("2026-01-01", "2026-01-03")
SAID = st.tuples(
    st.sampled_from(
        [
            *("describe", "describe", "draft", "draft", "revise", "send", "send", "accept"),
            *("decline", "withdraw", "expire", "ordered", "refused", "retry"),
        ]
    ),
    st.integers(0, 2),
    st.integers(0, 4),
)
"""What, about which lead or quote, and how: a step of a history."""


class Told:
    """What is decided of opportunities and quotes, as it comes into the log."""

    def __init__(self) -> None:
        self.history = History()
        self._step = 0

    def say(self, what: str, which: int, how: int) -> None:
        self._step += 1
        when = at(self._step)
        if what == "describe":
            lead = LEADS[which % 2]
            self.history.carry_out(OPPORTUNITY, stream_of(lead), self._describe(lead, how, when))
        else:
            self.history.carry_out(QUOTE, QUOTES[which], self._of_quote(what, which, how, when))

    def _describe(self, lead: str, how: int, when: str) -> Any:
        people = tuple(Person("uses", name=f"N\t{n}") for n in range(how % 3))
        priced = {"price_list": STANDARD if how % 2 else None, "lines": _lines(how)}
        step = {"next_step": None if how < 2 else f'"{how}\\'}
        return describe(lead=lead, people=people, at=when, **priced, **step)

    def _of_quote(self, what: str, which: int, how: int, when: str) -> Any:
        wording = Wording(valid_until=DAYS[how % 2], terms="x" * how)
        lead, version = LEADS[which % 2], 1 + how % 2
        rest = {"lines": _lines(how + 1), "wording": wording, "at": when}
        order = {"source": "/leads/quotes", "id": f"{which}/1", "position": "i/0/1"}
        made: dict[str, Any] = {
            "draft": lambda: draft(lead=lead, **rest),
            "revise": lambda: revise(**rest),
            "send": lambda: send(version, at=when),
            "accept": lambda: accept(version, state=OPEN, at=when),
            "decline": lambda: DeclineQuote(reason=f"r{how}", at=when),
            "withdraw": lambda: WithdrawQuote(reason=f"w{how}", at=when),
            "expire": lambda: ExpireQuote(moment=ends(DAYS[how % 2]), at=when),
            "ordered": lambda: NoteOrdered(**order, at=when),
            "refused": lambda: NoteOrderRefused(status=422, code="x", detail="y", at=when),
            "retry": lambda: RetryOrder(reason="again", at=when),
        }
        return made[what]()


def _lines(how: int) -> tuple[Line, ...]:
    return tuple(Line(sku, how) for sku in SKUS[:how])


@settings(
    max_examples=HISTORIES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(SAID, min_size=15, max_size=50), st.lists(st.integers(0, 99), max_size=4), st.data()
)
async def test_quotes_rebuilt_equal_the_live_ones_and_what_was_decided(
    pool: Pool, said: list[tuple[str, int, int]], again: list[int], drawn: st.DataObject
) -> None:
    told = Told()
    for step in said:
        told.say(*step)
    lanes = told.history.lanes(again)
    live, rebuilt = await _live(pool, lanes, drawn), await _rebuilt(pool, lanes, drawn)
    async with pool.acquire() as ours, pool.acquire() as theirs:
        sides = Side(ours, live.name), Side(theirs, rebuilt.name)
        for table in TABLES:
            found = await compare(*sides, VIEW.metadata.tables[table.name])
            assert found.differences == [], table.name
        assert await parking.parked(pool, live.name) == []
        await _is_what_was_decided(ours, live.name, told.history.states)
    async with pool.acquire() as connection, connection.transaction():
        for schema in (live, rebuilt):
            await connection.execute("DELETE FROM live")
            await schemas.drop(connection, schema.name)


async def _is_what_was_decided(connection: Connection, schema: str, states: dict[str, Any]) -> None:
    rows = await connection.fetch(
        "SELECT quote::text, number, state, offer, amount, currency, valid_until::text, ordering"
        f" FROM {schema}.quotes"
    )
    known_ones = {id: states.get(id, Unwritten()) for id in QUOTES}
    quotes = {id: each for id, each in known_ones.items() if not isinstance(each, Unwritten)}
    assert {row[0]: tuple(row)[1:] for row in rows} == {
        id: _of_quote(state) for id, state in quotes.items()
    }
    waiting = await connection.fetch(
        f"SELECT stream::text FROM {schema}.quotes_awaited WHERE due IS NOT NULL"
    )
    expected = {id for id, state in quotes.items() if status(known(state)) == "sent"}
    assert {row[0] for row in waiting} == expected
    found = await connection.fetch(
        f"SELECT lead::text, line, sku, category, quantity, amount FROM {schema}.opportunity_lines"
        " WHERE sku IS NOT NULL ORDER BY lead, line"
    )
    assert [tuple(row) for row in found] == [
        (lead, *line) for lead in LEADS for line in _of_opportunity(states.get(stream_of(lead)))
    ]


def _of_quote(state: Any) -> tuple[Any, ...]:
    """What the view says of a quote, from its state."""
    accepted = isinstance(state, Accepted | Ordered)
    offer = state.quote.offer(state.version) if accepted else state.quote.latest
    ordering = "placed" if isinstance(state, Ordered) else None
    if isinstance(state, Accepted):
        ordering = "pending" if state.refused is None else "refused"
    priced = offer.priced
    money = (priced.total, priced.currency, offer.valid_until)
    return (state.quote.number, status(state), offer.version, *money, ordering)


def _of_opportunity(state: Any) -> list[tuple[Any, ...]]:
    content = state.content if isinstance(state, Described) else Content()
    amounts = [each.amount for each in content.priced.lines] if content.priced else []
    return [
        (n, line.sku, "kitchen", line.quantity, amounts[n] if amounts else None)
        for n, line in enumerate(content.lines)
    ]
