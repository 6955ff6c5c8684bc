"""A lead that is lost, or goes into another one, takes its open quotes with it."""

from datetime import timedelta
from typing import Any

import pytest

from services.leads.commands import LoseLead, MergeLead, ReopenLead
from services.leads.decider import LEAD
from services.leads.part import SOURCE
from services.leads.planning import queries
from services.leads.quotes.commands import LoseQuote, Wording
from services.leads.quotes.decider import QUOTE
from services.leads.quotes.events import QuoteEvent, QuoteWithdrawn
from shared.clock import now, rfc3339
from shared.deciding.command_handler import CommandHandler
from shared.deciding.store import Origin
from tests.leads.answering import SCHEMA, Leads
from tests.leads.examples import LOST, ME, MERGED, SALES, WON
from tests.leads.given import given
from tests.leads.quoting import NUMBER, accepted, draft, drafted, lead, revised, sent
from tests.leads.test_api_quotes import LEAD_1, LEAD_2, Quote
from tests.leads.test_api_quotes import drafted as begin
from tests.leads.test_api_quotes import leads as quoting
from tests.leads.test_api_quotes import sent as offered
from tests.leads.test_policies_again import tell
from tests.leads.told import number
from tests.records import at

SENT = ("quote.sent", "service:app")
REASON = "The lead was lost: price"
GONE = QuoteWithdrawn(ME, NUMBER, REASON, at=at(3))

leads = quoting


def lose(*events: Any, **changes: Any) -> LoseQuote:
    """Jane's lead is lost, and stands so after these events."""
    wanted: dict[str, Any] = {"state": lead(*events), "reason": REASON, "at": at(3)}
    return LoseQuote(**(wanted | changes))


@pytest.mark.parametrize("closed", [LOST, MERGED])
@pytest.mark.parametrize("history", [[drafted()], [drafted(), sent()], [drafted(), revised()]])
def test_an_open_quote_goes_with_its_lead(history: list[QuoteEvent], closed: Any) -> None:
    given(QUOTE, *history).when(lose(closed)).then(GONE)


def test_what_is_over_or_was_accepted_stays_as_it_is() -> None:
    for history in ([], [drafted(), GONE], [drafted(), sent(), accepted()]):
        given(QUOTE, *history).when(lose(LOST)).then_nothing()


@pytest.mark.parametrize("events", [[], [WON]])
def test_of_a_lead_that_is_open_again_those_go_that_were_there_when_it_was_lost(
    events: list[Any],
) -> None:
    given(QUOTE, drafted()).when(lose(*events, before=at(3))).then(GONE)
    given(QUOTE, drafted()).when(lose(*events, before=at(0))).then_nothing()
    given(QUOTE, drafted()).when(lose(*events)).then_nothing()


def test_no_quote_is_withdrawn_before_it_was_drafted() -> None:
    told_late = lose(LOST, at=at(0), before=at(0))
    given(QUOTE, drafted()).when(told_late).then(QuoteWithdrawn(ME, NUMBER, REASON, at=at(1)))


def test_an_open_quote_holds_a_claim_that_its_lead_finds() -> None:
    histories: list[list[QuoteEvent]] = [[drafted()], [drafted(), sent()]]
    for history in histories:
        [claim] = QUOTE.claims(QUOTE.fold(history))
        assert (claim.scope, claim.subject) == (f"quotes/{NUMBER}", ME)
    assert not QUOTE.claims(QUOTE.fold([drafted(), GONE]))


async def decide(leads: Leads) -> None:
    """Let the policies look at all that was decided."""
    await tell(leads.site.pool, [], 1)
    await leads.settle()


async def state_of(quote: Quote) -> tuple[str, str | None]:
    found = await quote.leads.get(f"/v1/quotes/{quote.id}")
    return found["state"], found.get("reason")


async def test_losing_a_lead_withdraws_its_open_quotes_and_no_other(leads: Leads) -> None:
    first, second = await offered(leads), await begin(leads)
    declined, other = await offered(leads), await begin(leads, LEAD_2)
    await declined.done("decline", reason="Too dear.")
    lost = LoseLead(pipeline=SALES, reason="price", at=rfc3339(now()))
    await leads.carry_out(LEAD_1, lost)
    await decide(leads)
    gone = ("withdrawn", REASON)
    assert [await state_of(each) for each in (first, second)] == [gone, gone]
    assert (await state_of(declined))[0] == "declined"
    assert (await state_of(other))[0] == "drafted"
    listed = await leads.get("/v1/quotes", state__eq="withdrawn")
    assert {each["id"] for each in listed["data"]} == {first.id, second.id}
    await leads.carry_out(LEAD_1, ReopenLead(pipeline=SALES, reason="again", at=rfc3339(now())))
    fresh = await begin(leads)
    await decide(leads)
    assert [await state_of(each) for each in (first, second)] == [gone, gone]
    assert (await state_of(fresh))[0] == "drafted"
    refused = await Quote(leads, first.id, first.version + 1).do("accept", version=1)
    assert (refused.status_code, refused.json()["code"]) == (409, "quote_withdrawn")


async def test_a_lead_that_goes_into_another_one_takes_its_quotes_with_it(leads: Leads) -> None:
    quote, other = await offered(leads), await offered(leads, lead=LEAD_2)
    target = (await leads.handler.load(LEAD, LEAD_2)).state
    merge = MergeLead(lead=LEAD_1, into=LEAD_2, target=target, at=rfc3339(now()))
    await leads.carry_out(LEAD_1, merge)
    await decide(leads)
    assert await state_of(quote) == ("withdrawn", "The lead went into another one.")
    assert (await state_of(other))[0] == "sent"


async def test_one_that_was_drafted_while_its_lead_was_being_lost_goes_too(leads: Leads) -> None:
    found = await leads.handler.load(LEAD, LEAD_1)
    await leads.carry_out(LEAD_1, LoseLead(pipeline=SALES, reason="price", at=rfc3339(now())))
    await decide(leads)
    at_, last = rfc3339(now()), (now().date() + timedelta(days=9)).isoformat()
    wording = Wording(valid_until=last)
    late, command = number(77), draft(lead=LEAD_1, state=found.state, wording=wording, at=at_)
    origin, key = Origin("service:app"), str(found.partitionkey)
    await CommandHandler(leads.site.pool, SOURCE).carry_out(
        QUOTE, late, command, origin, partitionkey=key
    )
    await decide(leads)
    assert await state_of(Quote(leads, late, 2)) == ("withdrawn", REASON)


async def test_who_sent_a_leads_quotes_is_read_from_its_own_quotes_alone(leads: Leads) -> None:
    for lead_ in (LEAD_1, LEAD_1, LEAD_2):
        await offered(leads, lead=lead_)
    await begin(leads)
    await leads.settle()
    async with leads.site.pool.acquire() as connection:
        later, before = now() + timedelta(days=1), now() - timedelta(days=1)
        found = await queries.quotes(connection, SCHEMA, [LEAD_1], later)
        assert [(each.type, each.actor) for each in found[LEAD_1]] == [SENT, SENT]
        assert found.keys() == {LEAD_1}
        assert not await queries.quotes(connection, SCHEMA, [LEAD_1], before)
