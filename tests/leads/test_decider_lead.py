"""What holds for every lead: what a closed one takes, what an open one claims."""

import pytest

from services.leads.commands import (
    AbsorbLead,
    AssignLead,
    DescribeLead,
    FollowPipeline,
    LoseLead,
    MergeLead,
    MoveLead,
    NoteLead,
    ReleaseLead,
    ReopenLead,
    UnmergeLead,
    WinLead,
)
from services.leads.decider import LEAD
from services.leads.events import (
    LeadNoted,
    LeadReopened,
    LeadUnmerged,
)
from services.leads.states import Merged, Open, Won
from shared.decider import Claim
from tests.leads.examples import (
    JANE,
    JOHN,
    LOST,
    ME,
    MERGED,
    MOVED,
    OTHER,
    SALES,
    WON,
    captured,
    ending,
    inquired,
    known,
)
from tests.leads.given import given
from tests.records import at

WORK = [
    DescribeLead(title="Pots", at=at(4)),
    MoveLead(pipeline=SALES, stage="contacted", at=at(4)),
    FollowPipeline(pipeline=SALES, at=at(4)),
    AssignLead(owner="7", reason="asked for it", at=at(4)),
    WinLead(amount=1, currency="EUR", at=at(4)),
    LoseLead(pipeline=SALES, reason="no answer", at=at(4)),
    MergeLead(lead=ME, into=OTHER[:-1] + "3", target=LEAD.fold([captured()]), at=at(4)),
    AbsorbLead(lead=OTHER, at=at(4)),
]
"""Commands that only an open lead takes."""


def test_a_note_is_news_on_every_lead() -> None:
    for events in ([], [WON], [LOST], [MERGED]):
        there = given(LEAD, captured(), *events)
        there.when(NoteLead(text="Likes tea", at=at(5))).then(LeadNoted("Likes tea", at=at(5)))


def test_a_note_says_something() -> None:
    given(LEAD, captured()).when(NoteLead(text="", at=at(5))).refused("blank", "/text")


@pytest.mark.parametrize("command", WORK, ids=lambda command: type(command).__name__)
@pytest.mark.parametrize("end", [WON, LOST, MERGED], ids=["won", "lost", "merged"])
def test_no_work_is_done_on_a_closed_lead(end: object, command: object) -> None:
    given(LEAD, captured(), end).when(command).refused(f"lead_{ending(end)}")


@pytest.mark.parametrize(
    "command",
    [
        *WORK,
        ReopenLead(pipeline=SALES, reason="x", at=at(4)),
        UnmergeLead(at=at(4)),
        ReleaseLead(lead=OTHER, at=at(4)),
        NoteLead(text="x", at=at(4)),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nothing_is_done_to_a_lead_that_is_not_there(command: object) -> None:
    assert given(LEAD).when(command).refused("unknown_lead").status == 404


def test_a_merged_lead_is_not_reopened_and_says_where_it_went() -> None:
    command = ReopenLead(pipeline=SALES, reason="x", at=at(4))
    problem = given(LEAD, captured(), MERGED).when(command).refused("lead_merged")
    assert problem.extra == {"into": OTHER}


def test_an_open_lead_holds_the_place_of_its_customer() -> None:
    place = frozenset({Claim("open/sales", JANE)})
    reopened = LeadReopened("new", 1, "x", at=at(4))
    unmerged = LeadUnmerged(OTHER, at=at(4))
    assert LEAD.claims(LEAD.initial) == frozenset()
    assert LEAD.claims(LEAD.fold([captured()])) == place
    assert LEAD.claims(LEAD.fold([captured(), MOVED, inquired(subject=JOHN)])) == place
    for end in (WON, LOST, MERGED):
        assert LEAD.claims(LEAD.fold([captured(), end])) == frozenset()
    assert LEAD.claims(LEAD.fold([captured(), LOST, reopened])) == place
    assert LEAD.claims(LEAD.fold([captured(), MERGED, unmerged])) == place


def test_states_say_how_it_ended() -> None:
    assert isinstance(LEAD.fold([captured()]), Open)
    assert LEAD.fold([captured(), WON]) == Won(known(), 4990, "EUR")
    assert LEAD.fold([captured(), MERGED]) == Merged(known(), OTHER)


def _name(end: object) -> str:
    return type(end).__name__.removeprefix("Lead").lower()
