"""Subscriptions that end, and go on after all, on a real PostgreSQL: in whatever order it comes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.database import Pool
from tests.leads.answering import Leads, answering, decided, defined
from tests.leads.following import happen
from tests.records import at

JANE, MAIL = "user:shop:1", "email:jane@x"
TELLING: dict[str, dict[str, Any]] = {
    "subscription.due": {"amount": 990, "currency": "EUR", "at_": at(1)},
    "subscription.cancelled": {"at_": at(2)},
    "subscription.renewed": {"amount": 800, "currency": "EUR", "at_": at(3)},
}


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        await defined(leads, "sales", "renewal", "win-back")
        yield leads


async def tell(leads: Leads, *types: str, subscription: str = "s-7", **fields: Any) -> None:
    for type_ in types:
        told = TELLING[type_] | {"subscription": subscription} | fields
        await happen(leads, type_, JANE, **told)


async def stand(leads: Leads) -> dict[str, tuple[str, Any]]:
    """How the leads stand, each pipeline having one at most."""
    found = (await leads.get("/v1/leads"))["data"]
    assert len({each["pipeline"] for each in found}) == len(found)
    return {
        each["pipeline"]: (each["state"], (each.get("lost") or each.get("won") or {}))
        for each in found
    }


async def types(leads: Leads) -> list[str]:
    rows = [leads.site.view.decode(each) for each in await decided(leads.site.pool)]
    return sorted(each.envelope.type for each in rows if each.envelope.type.startswith("lead."))


@pytest.mark.parametrize("told", [[*TELLING][:2], [*TELLING][1::-1]], ids=["due", "cancelled"])
async def test_what_is_cancelled_is_no_renewal_in_whatever_order_it_comes(
    leads: Leads, told: list[str]
) -> None:
    await tell(leads, *told)
    found = await stand(leads)
    assert {name: state for name, (state, _) in found.items()} == {
        "renewal": "lost",
        "win-back": "open",
    }
    assert found["renewal"][1]["reason"] == "cancelled"
    assert (await types(leads)).count("lead.lost") == 1
    await tell(leads, "subscription.cancelled")
    assert (await types(leads)).count("lead.lost") == 1


async def test_what_is_renewed_after_all_is_won_back(leads: Leads) -> None:
    await tell(leads, *TELLING)
    found = await stand(leads)
    assert (found["renewal"][0], found["win-back"][0]) == ("lost", "won")
    assert (await types(leads)).count("lead.won") == 1


async def test_what_was_renewed_before_it_was_cancelled_wins_nobody_back(leads: Leads) -> None:
    await tell(leads, "subscription.cancelled")
    await tell(leads, "subscription.renewed", at_=at(1))
    assert (await stand(leads))["win-back"][0] == "open"


async def test_what_is_due_after_it_was_cancelled_stays_open(leads: Leads) -> None:
    for told in ("subscription.cancelled", "subscription.due"):
        await tell(leads, told, at_=at(5 if told == "subscription.due" else 2))
    assert {state for state, _ in (await stand(leads)).values()} == {"open"}


async def test_another_subscription_s_renewal_stays_open(leads: Leads) -> None:
    await tell(leads, "subscription.due")
    await tell(leads, "subscription.cancelled", subscription="s-8")
    await tell(leads, "subscription.renewed", subscription="s-9")
    found = await stand(leads)
    assert (found["renewal"][0], found["win-back"][0]) == ("won", "open")


async def test_it_does_not_matter_which_of_the_customer_s_names_tells_it(leads: Leads) -> None:
    await tell(leads, "subscription.due")
    await happen(leads, "subscription.cancelled", JANE, MAIL, at_=at(2), subscription="s-7")
    assert (await stand(leads))["renewal"][0] == "lost"
