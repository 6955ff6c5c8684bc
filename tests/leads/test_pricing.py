"""What lines cost, which rules they break and what is offered: examples, and laws."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.leads.bounds import LARGEST
from services.leads.catalogue.events import Definition
from services.leads.catalogue.pricing import (
    Catalogue,
    Finding,
    Line,
    Offer,
    configuration,
    needed,
    offers,
    price,
)
from services.leads.catalogue.pricing.amounts import list_price, parts_price, quantities
from services.leads.catalogue.states import PriceList, Retired
from shared.errors import Unprocessable
from tests.leads.goods import (
    ALL,
    DAY,
    GIFT,
    KETTLE,
    PRICE,
    SET,
    STANDARD,
    TEA,
    breaks,
    catalogue,
    prices,
    product,
    sold,
)


def priced(*lines: Line, by: Catalogue | None = None, day: str = DAY) -> Any:
    return price(by or catalogue(), lines, day)


def refused(*lines: Line, by: Catalogue | None = None, day: str = DAY) -> set[tuple[str, str]]:
    """The codes and pointers of all that is wrong."""
    with pytest.raises(Unprocessable) as caught:
        price(by or catalogue(), lines, day)
    assert all(each.detail for each in caught.value.errors)
    return {(each.code, each.pointer) for each in caught.value.errors}


def test_a_line_costs_its_quantity_times_the_price_of_the_list() -> None:
    found = priced(Line("KETTLE", 2), Line("TEA", 3))
    assert [line.amount for line in found.lines] == [10_000, 900]
    assert found.total == 10_900
    assert (found.currency, found.price_list, found.version, found.day) == (
        *("EUR", "standard", 3),
        DAY,
    )


def test_the_price_is_that_of_the_break_which_the_quantity_reaches() -> None:
    amounts = [priced(Line("KETTLE", many)).total for many in (9, 10, 11)]
    assert amounts == [45_000, 45_000, 49_500]


def test_a_discount_is_in_hundredths_of_a_percent_and_rounded_half_up_once_a_line() -> None:
    assert priced(Line("KETTLE", 1, discount=1250)).total == 4375
    assert priced(Line("LID", 1, discount=5000)).total == 75
    assert priced(Line("LID", 3, discount=3333)).total == 300  # 300.015
    by = catalogue(price_list=replace(STANDARD, prices=prices(TEA=5)))
    assert priced(Line("TEA", 1, discount=5000), by=by).total == 3  # 2.5
    assert priced(Line("TEA", 2, discount=5000), by=by).total == 5


def test_a_price_agreed_by_hand_stands_in_the_place_of_the_lists() -> None:
    (line,) = priced(Line("KETTLE", 2, discount=1000, price=4000)).lines
    assert (line.list_price, line.unit_price, line.amount) == (5000, 4000, 7200)


def test_what_has_no_price_in_the_list_may_have_one_by_hand() -> None:
    by = catalogue(price_list=replace(STANDARD, prices=prices(TEA=300)))
    (line,) = priced(Line("KETTLE", 1, price=4000), by=by).lines
    assert (line.list_price, line.amount) == (None, 4000)


def test_a_bundle_says_what_its_parts_come_to_and_what_it_saves() -> None:
    found = priced(Line("SET", 2))
    (line,) = found.lines
    assert (line.amount, line.parts, line.saved) == (10_400, 11_200, 800)
    assert found.saved == 800


def test_a_bundle_in_a_bundle_counts_with_its_own_price() -> None:
    (line,) = priced(Line("GIFT", 1)).lines
    assert (line.amount, line.parts) == (6500, 5200 + 4 * 400)


def test_a_bundle_costs_no_more_than_its_parts_do_in_that_quantity() -> None:
    (line,) = priced(Line("SET", 10)).lines
    assert line.list_price == line.unit_price == 4500 + 2 * 300 < 5200
    assert line.saved == 0


@pytest.mark.parametrize(
    ("line", "code", "pointer"),
    [
        (Line("POT", 1), "unknown_sku", "/lines/1/sku"),
        (Line("KETTLE", 0), "out_of_range", "/lines/1/quantity"),
        (Line("KETTLE", 1_000_001), "out_of_range", "/lines/1/quantity"),
        (Line("KETTLE", 1, discount=10_001), "out_of_range", "/lines/1/discount"),
        (Line("KETTLE", 1, discount=-1), "out_of_range", "/lines/1/discount"),
        (Line("KETTLE", 1, price=-1), "out_of_range", "/lines/1/price"),
        (Line("KETTLE", 2, 10_000, LARGEST), "out_of_range", "/lines/1/quantity"),
    ],
)
def test_what_is_wrong_is_pointed_to(line: Line, code: str, pointer: str) -> None:
    assert refused(Line("TEA", 1), line) == {(code, pointer)}


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert refused(Line("POT", 0), Line("PAN", 1), day="2027-01-01") == {
        ("price_list_not_valid", "/price_list"),
        ("out_of_range", "/lines/0/quantity"),
        ("unknown_sku", "/lines/0/sku"),
        ("unknown_sku", "/lines/1/sku"),
    }


def test_nothing_and_too_much_are_not_priced() -> None:
    assert refused() == {("no_lines", "/lines")}
    assert refused(*[Line("TEA", 1)] * 201) == {("out_of_range", "/lines")}
    assert refused(*[Line("TEA", 1, price=LARGEST)] * 2) == {("out_of_range", "/lines")}


def test_no_number_is_too_large_to_be_told() -> None:
    terms = prices(KETTLE=LARGEST, KETTLE_PRO=LARGEST, TEA=LARGEST, SET=1)
    by = catalogue(price_list=replace(STANDARD, prices=terms))
    assert refused(Line("SET", 10), by=by) == {("out_of_range", "/lines/0/quantity")}
    assert refused(Line("KETTLE", 2, price=0), by=by) == {("out_of_range", "/lines/0/quantity")}
    assert of_kind("upgrade", Line("KETTLE", 2), by=by) == []


def test_a_retired_product_is_not_sold_and_neither_is_a_bundle_with_it() -> None:
    by = catalogue({**ALL, "TEA": Retired(TEA)})
    assert refused(Line("TEA", 1), Line("GIFT", 1), by=by) == {
        ("product_retired", "/lines/0/sku"),
        ("product_retired", "/lines/1/sku"),
    }


def test_a_product_without_a_price_is_named() -> None:
    by = catalogue(price_list=replace(STANDARD, prices=prices(TEA=300)))
    assert refused(Line("KETTLE", 1), by=by) == {("price_missing", "/lines/0/sku")}


@pytest.mark.parametrize("day", ["2025-12-31", "2027-01-01"])
def test_a_list_is_for_the_days_on_which_it_is_valid(day: str) -> None:
    assert refused(Line("TEA", 1), day=day) == {("price_list_not_valid", "/price_list")}
    assert priced(Line("TEA", 1), day="2026-01-01")
    assert priced(Line("TEA", 1), day="2026-12-31")


# Rules


def test_what_is_required_may_be_there_as_any_of_the_sets() -> None:
    assert configuration(catalogue(), [Line("LID", 1), Line("CUP", 1)]) == ()
    assert configuration(catalogue(), [Line("LID", 1), Line("TEA", 1), Line("KETTLE", 1)]) == ()
    found = configuration(catalogue(), [Line("TEA", 1), Line("LID", 1)])
    sets = (("CUP",), ("KETTLE", "TEA"))
    detail = "'LID' requires CUP or KETTLE with TEA."
    assert found == (Finding("/lines/1/sku", "requires", "LID", sets, detail),)


def test_what_is_in_a_bundle_is_there() -> None:
    assert configuration(catalogue(), [Line("LID", 1), Line("SET", 1)]) == ()
    held = product("BOX", contents={"LID": 1})
    (found,) = configuration(catalogue({**ALL, **sold(held)}), [Line("BOX", 1)])
    assert (found.pointer, found.sku) == ("/lines/0/sku", "LID")


def test_what_is_excluded_must_not_be_there() -> None:
    lines = [Line("LID", 1), Line("CUP", 1), Line("KETTLE-PRO", 1)]
    (found,) = configuration(catalogue(), lines)
    assert (found.pointer, found.code, found.sets) == (
        *("/lines/0/sku", "excludes"),
        (("KETTLE-PRO",),),
    )


def test_of_a_bundle_that_is_not_counted_itself_what_is_in_it_is_needed() -> None:
    lines = [Line("GIFT", 2), Line("TEA", 1)]
    assert needed(catalogue(), lines, ()) == {"KETTLE": 2, "TEA": 5, "CUP": 8}
    assert needed(catalogue(), lines, {"SET", "TEA"}) == {"SET": 2, "TEA": 1, "CUP": 8}
    assert needed(catalogue(), lines, {"GIFT"}) == {"GIFT": 2, "TEA": 1}


# Offers


def of_kind(kind: str, *lines: Line, by: Catalogue | None = None) -> list[Offer]:
    return [each for each in offers(by or catalogue(), lines) if each.kind == kind]


def test_a_bundle_is_offered_for_what_it_covers_with_what_it_saves() -> None:
    (found,) = of_kind("bundle", Line("TEA", 5), Line("CUP", 1), Line("KETTLE", 2))
    assert found == Offer("bundle", "SET", "Set", 2, 5200, -800, (0, 2), {"KETTLE": 2, "TEA": 4})


def test_a_bundle_that_would_cost_a_break_is_not_offered() -> None:
    assert of_kind("bundle", Line("KETTLE", 10), Line("TEA", 2)) == []


def test_a_discount_that_is_better_than_the_bundle_stays() -> None:
    assert of_kind("bundle", Line("KETTLE", 1, discount=2000), Line("TEA", 2)) == []


def test_what_was_agreed_by_hand_goes_into_no_bundle() -> None:
    assert of_kind("bundle", Line("KETTLE", 1, price=5000), Line("TEA", 2)) == []


def test_a_bundle_with_a_retired_part_is_not_offered() -> None:
    case = product("CASE", contents={"TEA": 1, "BAG": 1})
    there = {**sold(TEA, case), "BAG": Retired(product("BAG"))}
    by = catalogue(there, replace(STANDARD, prices=prices(TEA=300, BAG=300, CASE=1)))
    assert of_kind("bundle", Line("TEA", 1), Line("BAG", 1), by=by) == []


def test_the_better_product_is_offered_with_what_it_costs_more() -> None:
    (found,) = of_kind("upgrade", Line("TEA", 1), Line("KETTLE", 2, discount=1000))
    assert found == Offer("upgrade", "KETTLE-PRO", "Kettle-Pro", 2, 8000, 14_400 - 9000, (1,))


def test_what_goes_with_it_is_offered_unless_it_is_there() -> None:
    (found,) = of_kind("goes_with", Line("KETTLE", 3), Line("KETTLE", 2))
    assert found == Offer("goes_with", "TEA", "Tea", 2, 300, 600, (0, 1))
    assert of_kind("goes_with", Line("KETTLE", 1), Line("TEA", 1)) == []
    assert of_kind("goes_with", Line("KETTLE", 1), Line("SET", 1)) == []


def test_what_is_retired_or_has_no_price_is_not_offered() -> None:
    retired = catalogue({**ALL, "TEA": Retired(TEA)})
    assert of_kind("goes_with", Line("KETTLE", 1), by=retired) == []
    bare = catalogue(price_list=replace(STANDARD, prices=prices(KETTLE=5000)))
    assert offers(bare, [Line("KETTLE", 1)]) == ()


# Laws

SKUS = ("A", "B", "C")
BUNDLES = ("AB", "AAC", "NEST")


@st.composite
def catalogues(draw: st.DrawFn, alone: bool = False) -> Catalogue:
    many = st.integers(1, 4)
    contents: dict[str, dict[str, int]] = {
        "AB": {"A": draw(many), "B": draw(many)},
        "AAC": {"A": draw(many), "C": draw(many)},
        "NEST": {"AB": draw(many), "C": draw(many)},
    }
    related: list[Definition] = [
        product("A", better=("B",), goes_with=("C", "AB")),
        *map(product, ("B", "C")),
        *(product(sku, contents=each) for sku, each in contents.items()),
    ]
    terms = {sku: draw(breaks(alone)) for sku in (*SKUS, *BUNDLES)}
    return Catalogue(sold(*related), PriceList("any", 1, "EUR", terms))


LINES = st.lists(
    st.builds(
        Line,
        st.sampled_from([*SKUS, *BUNDLES]),
        st.integers(1, 40),
        st.integers(0, 10_000),
        st.none() | PRICE,
    ),
    min_size=1,
    max_size=6,
)


@given(catalogues(), LINES)
def test_the_total_is_the_sum_of_the_lines(by: Catalogue, lines: list[Line]) -> None:
    found = price(by, lines, DAY)
    assert found.total == sum(line.amount for line in found.lines)
    assert found.saved == sum(line.saved for line in found.lines) >= 0
    assert [line.sku for line in found.lines] == [line.sku for line in lines]


@given(catalogues(), st.sampled_from(BUNDLES), st.integers(1, 40))
def test_a_bundle_is_never_dearer_than_its_parts(by: Catalogue, sku: str, many: int) -> None:
    product = by.known(sku)
    assert product is not None
    parts = [Line(part, many * each) for part, each in product.contents.items()]
    assert price(by, [Line(sku, many)], DAY).total <= price(by, parts, DAY).total


@given(catalogues(alone=True), LINES.map(lambda lines: lines[0]), st.integers(1, 40))
def test_more_never_costs_less_where_there_are_no_breaks(
    by: Catalogue, line: Line, more: int
) -> None:
    larger = replace(line, quantity=line.quantity + more)
    assert price(by, [line], DAY).total <= price(by, [larger], DAY).total


@given(catalogues(), LINES, st.data())
def test_lines_in_another_order_give_the_same_in_that_order(
    by: Catalogue, lines: list[Line], drawn: st.DataObject
) -> None:
    order: Sequence[int] = drawn.draw(st.permutations(range(len(lines))))
    turned = [lines[n] for n in order]
    one, other = price(by, lines, DAY), price(by, turned, DAY)
    assert other.lines == tuple(one.lines[n] for n in order)
    assert other.total == one.total
    key = [(each.kind, each.sku, each.quantity, each.difference) for each in offers(by, lines)]
    assert key == [
        (each.kind, each.sku, each.quantity, each.difference) for each in offers(by, turned)
    ]
    found = {(int(each.pointer.split("/")[2]), each.sku) for each in configuration(by, lines)}
    assert found == {
        (order[int(each.pointer.split("/")[2])], each.sku) for each in configuration(by, turned)
    }


@given(catalogues(), LINES)
def test_a_bundle_that_is_offered_saves_exactly_what_it_says(
    by: Catalogue, lines: list[Line]
) -> None:
    plain = [replace(line, price=None, discount=0) for line in lines]
    one_each = {line.sku: line for line in plain}
    total = price(by, [*one_each.values()], DAY).total
    for offer in offers(by, [*one_each.values()]):
        if offer.kind != "bundle":
            continue
        rest = [
            replace(line, quantity=line.quantity - offer.covers.get(sku, 0))
            for sku, line in one_each.items()
        ]
        taken = [line for line in rest if line.quantity]
        after = price(by, [*taken, Line(offer.sku, offer.quantity)], DAY).total
        assert after - total == offer.difference < 0


def test_what_is_in_bundles_is_counted_through() -> None:
    assert quantities(catalogue(), "GIFT") == {"GIFT": 1, "SET": 1, "KETTLE": 1, "TEA": 2, "CUP": 4}
    assert (GIFT.contents, SET.contents) == ({"SET": 1, "CUP": 4}, {"KETTLE": 1, "TEA": 2})
    assert KETTLE.contents == {}


def test_a_circle_of_bundles_that_came_about_at_once_ends() -> None:
    one, other = product("ONE", contents={"OTHER": 2}), product("OTHER", contents={"ONE": 2})
    by = catalogue(sold(one, other), replace(STANDARD, prices=prices(ONE=100, OTHER=100)))
    assert list_price(by, "ONE", 1) is not None
    assert parts_price(by, "ONE", 1) is not None
    assert configuration(by, [Line("ONE", 1)]) == ()
