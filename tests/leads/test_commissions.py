"""Commissions: a pure fold of a lead's events, in which no more is paid than the rules say."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.leads.events import LeadAssigned, LeadReopened, LeadWon
from services.leads.planning.commissions import Happened, Rules, shared_out, statement
from services.leads.planning.events import CommissionRule, Share
from tests.leads.examples import captured
from tests.records import at

ANN, BOB, CAT = (f"representative:{name}" for name in ("ann", "bob", "cat"))
HALVES = CommissionRule("halves", (Share("owner", 5_000), Share("captured", 5_000)), rate=1_000)


def told(*events: tuple[str, Any]) -> list[Happened]:
    """Events of (actor, body), each with its number for a name."""
    return [
        Happened(f"e{n}", type(body).__name__, body.at, actor, body)
        for n, (actor, body) in enumerate(events)
    ]


def ruled(*some: CommissionRule, since: float = 0, version: int = 1) -> Rules:
    return Rules(version, at(since), some)


def paid(
    events: Sequence[Happened], *rules: Rules, quotes: Sequence[Happened] = ()
) -> list[tuple[str, str, int]]:
    return [
        (line.representative, line.role, line.amount)
        for line in statement("lead", events, quotes, rules)
    ]


def won(amount: int, seconds: float = 10, currency: str = "EUR") -> LeadWon:
    return LeadWon("new", amount, currency, at=at(seconds))


def begun(owner: str | None = ANN, **changes: Any) -> Any:
    return captured(owner=owner, **changes)


def test_whoever_had_a_part_gets_a_share() -> None:
    rule = CommissionRule(
        "all",
        (
            *(Share("owner", 5_000), Share("captured", 1_000)),
            *(Share("quoted", 2_500), Share("assigned", 1_500)),
        ),
        rate=1_000,
    )
    events = told(
        (CAT, begun(ANN)),
        ("service:app", LeadAssigned(BOB, "ill", ANN, at=at(5))),
        (BOB, won(10_000)),
    )
    quotes = [
        Happened("q1", "quote.sent", at(6), CAT, None),
        Happened("q2", "quote.sent", at(7), BOB, None),
        Happened("q3", "quote.sent", at(11), ANN, None),  # after it was won
    ]
    lines = [*statement("lead", events, quotes, [ruled(rule)])]
    assert [(line.representative, line.role, line.amount) for line in lines] == [
        (BOB, "owner", 500),
        (CAT, "captured", 100),
        (CAT, "quoted", 125),
        (BOB, "quoted", 125),
        (ANN, "assigned", 150),
    ]
    assert [[event.event for event in line.events] for line in lines] == [
        ["e1", "e2"],
        ["e0", "e2"],
        ["q1", "e2"],
        ["q2", "e2"],
        ["e0", "e2"],
    ]
    assert {line.version for line in lines} == {1}


def test_the_share_of_nobody_and_of_a_program_is_not_paid() -> None:
    events = told(("service:app", begun(ANN)), (ANN, won(10_000)))
    assert paid(events, ruled(HALVES)) == [(ANN, "owner", 500)]
    assert paid(told(("service:app", begun(None)), (ANN, won(10_000))), ruled(HALVES)) == []


def test_a_commission_is_rounded_half_up_and_what_is_left_goes_to_the_first() -> None:
    events = told((BOB, begun(ANN)), (ANN, won(1_050)))
    assert paid(events, ruled(HALVES)) == [(ANN, "owner", 53), (BOB, "captured", 52)]
    events = told((BOB, begun(ANN)), (ANN, won(1_045)))
    assert sum(amount for _, _, amount in paid(events, ruled(HALVES))) == 105  # of 104.5


def test_rules_hold_where_all_their_conditions_do() -> None:
    conditions: list[tuple[dict[str, Any], bool]] = [
        ({"pipelines": ("sales",)}, True),
        ({"pipelines": ("partner",)}, False),
        ({"products": ("P",)}, True),
        ({"products": ("Q",)}, False),
        ({"least": 1_000, "least_currency": "EUR"}, True),
        ({"least": 1_001, "least_currency": "EUR"}, False),
        ({"least": 1, "least_currency": "GBP"}, False),
    ]
    events = told((ANN, begun(ANN, product="P")), (ANN, won(1_000)))
    for given_, holds in conditions:
        rule = CommissionRule("r", (Share("owner", 10_000),), rate=100, **given_)
        assert bool(paid(events, ruled(rule))) == holds, given_


def test_a_fixed_amount_is_paid_in_its_own_currency_beside_every_other_rule() -> None:
    bonus = CommissionRule("bonus", (Share("owner", 10_000),), amount=77, currency="GBP")
    events = told((BOB, begun(ANN)), (ANN, won(1_000)))
    lines = [*statement("lead", events, (), [ruled(HALVES, bonus)])]
    assert [(line.rule, line.amount, line.currency) for line in lines] == [
        ("halves", 50, "EUR"),
        ("halves", 50, "EUR"),
        ("bonus", 77, "GBP"),
    ]


def test_a_lead_is_paid_by_the_rules_of_when_it_was_won() -> None:
    double = CommissionRule("double", (Share("owner", 10_000),), rate=2_000)
    events = told((ANN, begun(ANN)), (ANN, won(100)))
    versions = ruled(HALVES), ruled(double, since=10, version=2), ruled(since=11, version=3)
    assert paid(events, *versions) == [(ANN, "owner", 20)]
    assert paid(events, *versions[::-1]) == [(ANN, "owner", 20)]
    assert paid(events, ruled(HALVES, since=11)) == []


def test_a_reopened_lead_takes_back_what_it_paid_and_pays_anew() -> None:
    events = told(
        (BOB, begun(ANN)),
        (ANN, won(1_000)),
        (ANN, LeadReopened("new", 1, "sent back", at=at(20))),
        (ANN, won(2_000, 30)),
    )
    lines = [*statement("lead", events, (), [ruled(HALVES)])]
    assert [(line.at, line.amount) for line in lines] == [
        (at(10), 50),
        (at(10), 50),
        (at(20), -50),
        (at(20), -50),
        (at(30), 100),
        (at(30), 100),
    ]
    assert [event.event for event in lines[2].events] == ["e0", "e1", "e2"]


PEOPLE = st.sampled_from([ANN, BOB, CAT, "service:app"])
SHARES = st.lists(
    st.tuples(st.sampled_from(["owner", "captured", "quoted", "assigned"]), st.integers(1, 2_500)),
    min_size=1,
    max_size=4,
    unique_by=lambda each: each[0],
)
RULES = st.builds(
    lambda shares, rate: CommissionRule(
        "r", tuple(Share(role, share) for role, share in shares), rate=rate
    ),
    SHARES,
    st.integers(1, 10_000),
)


@settings(deadline=None)
@given(
    st.integers(0, 10**15),
    st.lists(st.tuples(st.integers(1, 2_500), st.integers(0, 5)), max_size=4),
)
def test_no_more_is_shared_out_than_there_is(total: int, parts: list[tuple[int, int]]) -> None:
    found = shared_out(total, parts)
    had = sum(share for share, people in parts if people)
    assert sum(map(sum, found)) == total * had // 10_000 <= total
    for (share, people), amounts in zip(parts, found, strict=True):
        assert len(amounts) == people
        assert all(0 <= each - total * share // (10_000 * people) <= 1 for each in amounts)


@settings(deadline=None)
@given(
    RULES,
    st.lists(
        st.tuples(st.sampled_from(["win", "reopen", "assign"]), PEOPLE, st.integers(0, 10**6)),
        max_size=12,
    ),
    st.lists(PEOPLE, max_size=4),
)
def test_a_statement_is_a_fold_that_pays_at_most_what_the_rule_says(
    rule: CommissionRule, steps: list[tuple[str, str, int]], quoted: list[str]
) -> None:
    events: list[tuple[str, Any]] = [(ANN, begun(BOB))]
    is_won = False
    for second, (what, who, amount) in enumerate(steps, 10):
        if what == "win" and not is_won:
            events.append((who, won(amount, second)))
            is_won = True
        elif what == "reopen" and is_won:
            events.append((who, LeadReopened("new", 1, "again", at=at(second))))
            is_won = False
        elif what == "assign" and not is_won:
            events.append((who, LeadAssigned(who, "so", at=at(second))))
    quotes = [Happened(f"q{n}", "quote.sent", at(2), who, None) for n, who in enumerate(quoted)]
    happened = told(*events)
    lines = [*statement("lead", happened, quotes, [ruled(rule)])]
    assert lines == [*statement("lead", happened, quotes, [ruled(rule)])]
    for upto in range(len(happened)):  # what was said before is never another
        earlier = [*statement("lead", happened[:upto], quotes, [ruled(rule)])]
        assert lines[: len(earlier)] == earlier
    for moment in {line.at for line in lines}:
        some = [line for line in lines if line.at == moment]
        most = (2 * some[0].won * (rule.rate or 0) + 10_000) // 20_000
        assert abs(sum(line.amount for line in some)) <= most
    total = sum(line.amount for line in lines)
    wins = [event.at for event in happened if isinstance(event.body, LeadWon)]
    stands = [line.amount for line in lines if is_won and line.at == wins[-1]]
    assert total == sum(stands)
