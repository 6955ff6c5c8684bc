"""Two leads that are one: one goes into the other, and can be taken out again."""

import pytest

from services.leads.commands import (
    AbsorbLead,
    MergeLead,
    ReleaseLead,
    UnmergeLead,
)
from services.leads.decider import LEAD
from services.leads.events import (
    LeadAbsorbed,
    LeadReleased,
    LeadUnmerged,
)
from services.leads.states import Unknown
from tests.leads.examples import (
    JOHN,
    LOST,
    ME,
    MERGED,
    OTHER,
    WON,
    captured,
    known,
)
from tests.leads.given import given
from tests.records import at


def merge(**changes: object) -> MergeLead:
    wanted = {"lead": ME, "into": OTHER, "target": LEAD.fold([captured(subject=JOHN)])}
    more = {"reason": "the same person", "at": at(3)}
    return MergeLead(**(wanted | more | changes))  # type: ignore[arg-type]


def test_a_lead_goes_into_another_one() -> None:
    given(LEAD, captured()).when(merge()).then(MERGED)
    given(LEAD, captured(), MERGED).when(merge(at=at(9))).then_nothing()


def test_a_lead_does_not_go_into_itself() -> None:
    given(LEAD, captured()).when(merge(into=ME)).refused("itself", "/into")


@pytest.mark.parametrize("end", [WON, LOST, MERGED])
def test_a_lead_goes_into_an_open_one(end: object) -> None:
    target = LEAD.fold([captured(), end])  # type: ignore[list-item]
    given(LEAD, captured()).when(merge(target=target)).refused("target_closed", "/into")


def test_a_lead_goes_into_one_that_is_there() -> None:
    given(LEAD, captured()).when(merge(target=Unknown())).refused("target_closed", "/into")


def test_leads_of_two_pipelines_do_not_merge() -> None:
    target = LEAD.fold([captured(pipeline="partner")])
    given(LEAD, captured()).when(merge(target=target)).refused("other_pipeline", "/into")


def test_the_other_one_takes_it_up() -> None:
    absorbed = LeadAbsorbed(OTHER, at=at(3))
    given(LEAD, captured()).when(AbsorbLead(lead=OTHER, at=at(3))).then(absorbed)
    given(LEAD, captured(), absorbed).when(AbsorbLead(lead=OTHER, at=at(4))).then_nothing()
    assert known(absorbed).absorbed == (OTHER,)


def test_a_merge_is_undone() -> None:
    unmerged = LeadUnmerged(OTHER, "two people", at=at(4))
    command = UnmergeLead(reason="two people", at=at(4))
    given(LEAD, captured(), MERGED).when(command).then(unmerged)
    assert LEAD.fold([captured(), MERGED, unmerged]) == LEAD.fold([captured()])


def test_what_was_not_merged_is_not_taken_out() -> None:
    given(LEAD, captured()).when(UnmergeLead(at=at(4))).refused("not_merged")
    given(LEAD, captured(), WON).when(UnmergeLead(at=at(4))).refused("not_merged")


@pytest.mark.parametrize("ends", [[], [WON], [LOST], [MERGED]])
def test_the_other_one_lets_it_go_closed_or_not(ends: list[object]) -> None:
    absorbed, released = LeadAbsorbed(OTHER, at=at(2)), LeadReleased(OTHER, at=at(4))
    command = ReleaseLead(lead=OTHER, at=at(4))
    given(LEAD, captured(), absorbed, *ends).when(command).then(released)
    given(LEAD, captured(), *ends).when(command).then_nothing()
    assert known(absorbed, *ends, released).absorbed == ()
