"""Lost leads that return by rule, and target lists."""

from typing import Any

import pytest

from services.leads.decider import LEAD
from services.leads.prospects.commands import (
    BringBack,
    CloseList,
    DefineList,
    DefineReactivation,
    NoteFilled,
)
from services.leads.prospects.decider import PROSPECT, REACTIVATION, TARGET_LIST
from services.leads.prospects.decider.returning import later
from services.leads.prospects.events import (
    ProspectBarred,
    ProspectKept,
    ProspectPromoted,
    ProspectPutOff,
    ReactivationDefined,
    Return,
    TargetListClosed,
    TargetListDefined,
    TargetListFilled,
)
from services.leads.prospects.states import Ruled, Unruled
from tests.leads.examples import JANE, LOST, ME, WON, captured
from tests.leads.given import given
from tests.leads.prospecting import WHO, kept
from tests.records import at

PRICE = Return("price", 90, reasons=("price",))
LOST_LEAD = LEAD.fold([captured(identifiers=WHO, fields={"seats": 2}), LOST])


def bring_back(*rules: Return, lead: Any = LOST_LEAD) -> BringBack:
    return BringBack(id=ME, lead=lead, rules=Ruled(1, rules), at=at(3))


# --- returning


def test_a_lost_lead_is_a_prospect_that_is_due_after_so_many_days() -> None:
    given(PROSPECT).when(bring_back(PRICE)).then(
        ProspectKept(
            subject=JANE,
            name="Kettles",
            source="/leads/reactivation",
            identifiers=WHO,
            fields={"seats": 2},
            come_back=later(at(3), 90),
            rule="price",
            at=at(3),
        )
    )


def test_by_the_first_rule_that_holds() -> None:
    rules = (
        Return("other", 1, pipelines=("partner",)),
        Return("timing", 2, reasons=("no answer",)),
        Return("sales", 3, pipelines=("sales",), promote=True, into="sales"),
        PRICE,
    )
    [found] = PROSPECT.decide(PROSPECT.initial, bring_back(*rules))
    assert isinstance(found, ProspectKept)
    assert (found.rule, found.come_back, found.into) == ("sales", later(at(3), 3), "sales")


def test_by_no_rule_nobody_returns() -> None:
    given(PROSPECT).when(bring_back()).then_nothing()
    given(PROSPECT).when(bring_back(Return("x", 1, reasons=("no answer",)))).then_nothing()
    unruled = BringBack(id=ME, lead=LOST_LEAD, rules=Unruled(), at=at(3))
    given(PROSPECT).when(unruled).then_nothing()


def test_a_lead_that_is_not_lost_any_more_does_not_return() -> None:
    for lead in (LEAD.fold([captured()]), LEAD.fold([captured(), WON]), LEAD.initial):
        given(PROSPECT).when(bring_back(PRICE, lead=lead)).then_nothing()


def test_who_waits_is_put_off() -> None:
    given(PROSPECT, kept(come_back=at(9))).when(bring_back(PRICE)).then(
        ProspectPutOff(later(at(3), 90), "lost: price", rule="price", at=at(3))
    )


def test_who_was_promoted_waits_again_as_what_it_was() -> None:
    promoted = ProspectPromoted(ME, "sales", at=at(2))
    [found] = PROSPECT.decide(given(PROSPECT, kept(), promoted).state, bring_back(PRICE))
    assert isinstance(found, ProspectKept)
    assert (found.name, found.come_back) == ("Jane Doe", later(at(3), 90))


def test_who_is_barred_does_not_return() -> None:
    barred = ProspectBarred(JANE, "Said no.", at=at(2))
    given(PROSPECT, kept(), barred).when(bring_back(PRICE)).then_nothing()


def test_days_are_counted_in_the_same_spelling() -> None:
    assert later("2026-02-27T10:00:00.000001Z", 2) == "2026-03-01T10:00:00.000001Z"
    assert later("2026-02-27T10:00:00.000000Z", 0) == "2026-02-27T10:00:00.000000Z"


# --- the rules


def define(*rules: Return) -> DefineReactivation:
    return DefineReactivation(rules=rules, at=at(1))


def test_every_change_of_the_rules_is_a_version() -> None:
    first = ReactivationDefined(1, (PRICE,), at=at(1))
    given(REACTIVATION).when(define(PRICE)).then(first)
    there = given(REACTIVATION, first)
    there.when(define(PRICE)).then_nothing()
    there.when(define()).then(ReactivationDefined(2, (), at=at(1)))
    given(REACTIVATION).when(define()).then_nothing()


@pytest.mark.parametrize(
    ("rules", "code", "pointer"),
    [
        ((Return("No Name", 1),), "name", "/rules/0/id"),
        ((Return("a", 0),), "out_of_range", "/rules/0/days"),
        ((Return("a", 1, into="X Y"),), "name", "/rules/0/into"),
        ((Return("a", 1, pipelines=("X Y",)),), "name", "/rules/0/pipelines/0"),
        ((Return("a", 1, reasons=(" ",)),), "blank", "/rules/0/reasons/0"),
        ((PRICE, PRICE), "duplicate", "/rules/1/id"),
        ((Return("all", 1), PRICE), "never_matches", "/rules/1"),
        (
            (Return("wide", 1, reasons=("price", "x")), PRICE),
            *("never_matches", "/rules/1"),
        ),
    ],
)
def test_rules_that_are_wrong_or_never_match_are_refused(
    rules: tuple[Return, ...], code: str, pointer: str
) -> None:
    given(REACTIVATION).when(define(*rules)).refused(code, pointer)


def test_a_narrow_rule_may_stand_before_a_wide_one() -> None:
    rules = (PRICE, Return("sales", 5, ("sales",)), Return("rest", 9))
    given(REACTIVATION).when(define(*rules)).then(ReactivationDefined(1, rules, at=at(1)))


# --- lists

FILTERS = {"orders_gte": "1"}
DEFINED = TargetListDefined("spring", "Last year's", FILTERS, at=at(1))
CLOSED = TargetListClosed("spring", "over", at=at(4))


def define_list(**changes: Any) -> DefineList:
    wanted: dict[str, Any] = {"name": "spring", "purpose": "Last year's", "filters": FILTERS}
    return DefineList(**(wanted | {"at": at(1)} | changes))


def fill(after: str | None, cursor: str | None, seen: int = 200) -> NoteFilled:
    return NoteFilled(after=after, seen=seen, kept=seen - 1, cursor=cursor, at=at(2))


def filled(cursor: str | None, seen: int = 200) -> TargetListFilled:
    return TargetListFilled("spring", seen, seen - 1, cursor, at=at(2))


def test_a_list_is_defined_once() -> None:
    given(TARGET_LIST).when(define_list()).then(DEFINED)
    there = given(TARGET_LIST, DEFINED)
    there.when(define_list()).then_nothing()
    there.when(define_list(purpose="Another")).refused("list_exists")
    given(TARGET_LIST, DEFINED, CLOSED).when(define_list()).refused("list_exists")


@pytest.mark.parametrize(
    ("wrong", "code", "pointer"),
    [
        ({"name": "No Name"}, "name", "/name"),
        ({"purpose": " "}, "blank", "/purpose"),
        ({"filters": {"colour_eq": "red"}}, "unknown_filter", "/filters/colour_eq"),
        ({"filters": {"revenue_gte": "1"}}, "required", "/filters/currency_eq"),
        ({"filters": {"orders_gte": " "}}, "blank", "/filters/orders_gte"),
    ],
)
def test_a_list_that_is_wrong_is_refused(wrong: dict[str, Any], code: str, pointer: str) -> None:
    given(TARGET_LIST).when(define_list(**wrong)).refused(code, pointer)


def test_it_is_filled_step_by_step_each_once() -> None:
    given(TARGET_LIST, DEFINED).when(fill(None, "a")).then(filled("a"))
    there = given(TARGET_LIST, DEFINED, filled("a"))
    there.when(fill(None, "a")).refused("contended")
    there.when(fill("a", None, 7)).then(filled(None, 7))
    done = given(TARGET_LIST, DEFINED, filled("a"), filled(None, 7))
    assert (done.state.filling, done.state.seen, done.state.kept) == (False, 207, 205)
    done.when(fill(None, "a")).refused("contended")


def test_it_is_filled_with_so_many_at_most() -> None:
    steps = [filled(f"{n}") for n in range(49)]
    given(TARGET_LIST, DEFINED, *steps).when(fill("48", "49")).then(filled(None))


def test_a_closed_list_takes_nobody_in() -> None:
    given(TARGET_LIST, DEFINED).when(CloseList(reason="over", at=at(4))).then(CLOSED)
    there = given(TARGET_LIST, DEFINED, CLOSED)
    there.when(fill(None, "a")).refused("list_closed")
    there.when(CloseList(reason="again", at=at(5))).then_nothing()
    given(TARGET_LIST).when(CloseList(reason="over", at=at(4))).refused("unknown_list")
