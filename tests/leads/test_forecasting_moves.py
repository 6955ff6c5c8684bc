"""How a forecast moved: by currency, what was won is told where it was won."""

from collections import Counter
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.leads.forecasting import moving, shown
from services.leads.forecasting.moving import Days
from services.leads.forecasting.queries import Both, Levels, Stood

MONTH = Days(date(2026, 2, 1), date(2026, 3, 1))
DAYS = (date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 28), date(2026, 3, 1), None)


def stood(state: str, amount: int | None, currency: str | None, **fields: Any) -> Stood:
    known: dict[str, Any] = {"day": DAYS[1], "probability": 60, "owner": "7", "counts": True}
    return Stood(state=state, amount=amount, currency=currency, **(known | fields))


def test_what_was_forecast_in_one_currency_and_won_in_another_is_won_in_that_one() -> None:
    both = [Both("1", stood("open", 900, "EUR"), stood("won", 800, "USD"))]
    found = moving.moves(both, MONTH, Levels())
    told = [(each.kind, each.currency, each.difference, each.won) for each in found]
    assert told == [("won", "EUR", -900, 0), ("won_unforecast", "USD", 0, 800)]


@st.composite
def leads(draw: st.DrawFn) -> list[Both]:
    one = st.builds(
        stood,
        st.sampled_from(["open", "won", "lost"]),
        st.sampled_from([None, 0, 100, 250]),
        st.sampled_from(["EUR", "USD"]),
        day=st.sampled_from(DAYS),
        probability=st.sampled_from([0, 1, 60, 100]),
        counts=st.booleans(),
    )
    sides = draw(st.lists(st.tuples(st.none() | one, st.none() | one), max_size=8))
    return [Both(str(n), before, after) for n, (before, after) in enumerate(sides)]


@given(leads())
def test_all_differences_explain_the_forecast_of_the_later_moment(both: list[Both]) -> None:
    found = moving.moves(both, MONTH, Levels())
    moved: Counter[str] = Counter()
    for each in found:
        moved[each.currency] += each.difference
    for row in shown.currencies(both, found, MONTH, Levels()):
        before, after = row["before"]["total"], row["after"]["total"]
        assert before + moved[row["currency"]] == after
        assert sum(each["difference"] for each in row["moves"]) == moved[row["currency"]]
