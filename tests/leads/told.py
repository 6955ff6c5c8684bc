"""Leads that tests of what is read tell: by number, so that their order is known."""

from typing import Any

from services.leads.commands import (
    CaptureLead,
    DescribeLead,
    LeadCommand,
    LoseLead,
    MoveLead,
    WinLead,
)
from tests.leads.answering import Leads
from tests.leads.examples import SALES
from tests.records import at, subject


def number(n: int) -> str:
    """The id of the nth lead."""
    return f"00000000-0000-7000-8000-{n:012}"


def capture(n: int, who: str = "", **fields: Any) -> CaptureLead:
    """The nth lead, of somebody of whom there is nothing else."""
    given: dict[str, Any] = {
        "pipeline": SALES,
        "subject": subject(who or f"user:shop:{n}"),
        "source": "/web/shop",
        "channel": "web",
        "title": f"Kettles {n}",
        "at": at(n),
    }
    return CaptureLead(**(given | fields))


async def five(leads: Leads) -> None:
    """Leads 1 to 5: open in each stage, won and lost."""
    for n in range(1, 6):
        owner = ("representative:7", "representative:8")[n % 2]
        money: dict[str, Any] = {"amount": n * 1000, "currency": "EUR"} if n != 1 else {}
        await leads.carry_out(number(n), capture(n, owner=owner, **money))
    await leads.carry_out(number(2), move("contacted", 10))
    await leads.carry_out(
        number(3), DescribeLead(fields={"budget": 7}, at=at(11)), move("offer", 12)
    )
    await leads.carry_out(number(4), WinLead(at=at(13)))
    await leads.carry_out(
        number(5), LoseLead(pipeline=SALES, reason="price", competitor="Pots & Co", at=at(14))
    )
    await leads.settle()


def move(stage: str, seconds: int) -> LeadCommand:
    return MoveLead(pipeline=SALES, stage=stage, at=at(seconds))
