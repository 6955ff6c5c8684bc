"""Price lists: every rule by which they are defined and changed, and how they stand on another."""

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from services.leads.bounds import LARGEST
from services.leads.catalogue.commands import ChangePriceList
from services.leads.catalogue.decider import PRICE_LIST
from services.leads.catalogue.decider.price_list import stream_of
from services.leads.catalogue.decider.prices import wrong_terms
from services.leads.catalogue.events import Break, PriceListChanged, PriceListDefined, Terms
from services.leads.catalogue.listing import resolved
from services.leads.catalogue.pricing.amounts import list_price, parts_price
from services.leads.catalogue.states import Listed, Listing, PriceList
from shared.errors import Conflict, NotFound
from tests.leads.given import given
from tests.leads.goods import ALL, BUNDLED, STANDARD, TERMS, breaks, catalogue, define_list, prices
from tests.records import at

DEFINED = PriceListDefined("standard", TERMS, at=at(1))
LATER = replace(TERMS, valid_to="2027-12-31")
GOLD = Terms("EUR", base="standard", percent=-1000)


def change(terms: Terms = LATER, **changes: Any) -> ChangePriceList:
    wanted: dict[str, Any] = {"terms": terms, "base": None, "products": ALL, "at": at(2)}
    return ChangePriceList(**(wanted | changes))


def test_a_price_list_is_defined_once() -> None:
    given(PRICE_LIST).when(define_list()).then(DEFINED)
    given(PRICE_LIST, DEFINED).when(define_list()).then_nothing()
    given(PRICE_LIST, DEFINED).when(define_list(LATER)).refused("price_list_defined", "/name")


def test_every_change_is_a_new_version() -> None:
    changed = PriceListChanged("standard", 2, LATER, at=at(2))
    given(PRICE_LIST, DEFINED).when(change()).then(changed)
    again = PriceListChanged("standard", 3, TERMS, at=at(2))
    given(PRICE_LIST, DEFINED, changed).when(change(TERMS)).then(again)
    given(PRICE_LIST, DEFINED, changed).when(change()).then_nothing()
    given(PRICE_LIST).when(change()).refused("unknown_price_list")


def test_a_list_keeps_its_currency() -> None:
    given(PRICE_LIST, DEFINED).when(change(replace(TERMS, currency="GBP"))).refused(
        "currency_changes", "/currency"
    )


@pytest.mark.parametrize("name", ["", "Standard", "a b", "a/b", "x" * 65])
def test_a_name_stands_in_paths(name: str) -> None:
    given(PRICE_LIST).when(define_list(name=name)).refused("name", "/name")


@pytest.mark.parametrize(
    ("terms", "code", "pointer"),
    [
        ({"currency": "EURO"}, "unknown_currency", "/currency"),
        ({"currency": "XXX"}, "unknown_currency", "/currency"),
        ({"prices": {}}, "no_prices", "/prices"),
        ({"percent": 5}, "base_missing", "/percent"),
        ({"prices": prices(POT=100)}, "unknown_sku", "/prices/POT"),
        ({"prices": {"A/B": (Break(1, 1),)}}, "unknown_sku", "/prices/A~1B"),
        ({"prices": prices(TEA=-1)}, "out_of_range", "/prices/TEA/0/price"),
        ({"prices": prices(TEA=LARGEST + 1)}, "out_of_range", "/prices/TEA/0/price"),
        ({"prices": prices(TEA=[(1, 49.9)])}, "minor_units", "/prices/TEA/0/price"),
        ({"prices": prices(TEA=[])}, "out_of_range", "/prices/TEA"),
        ({"prices": prices(TEA=[(2, 100)])}, "first_break", "/prices/TEA/0/quantity"),
        ({"prices": prices(TEA=[(1, 9), (1, 8)])}, "break_order", "/prices/TEA/1/quantity"),
        ({"prices": prices(TEA=[(1, 9), (5, 8), (3, 7)])}, "break_order", "/prices/TEA/2/quantity"),
        ({"prices": prices(TEA=[(1, 9), (5, 10)])}, "break_dearer", "/prices/TEA/1/price"),
        ({"valid_from": "2026-02-30"}, "day", "/valid_from"),
        ({"valid_to": "tomorrow"}, "day", "/valid_to"),
        ({"valid_from": "2027-01-01"}, "never_valid", "/valid_to"),
    ],
)
def test_what_it_says_makes_sense(terms: dict[str, Any], code: str, pointer: str) -> None:
    given(PRICE_LIST).when(define_list(replace(TERMS, **terms))).refused(code, pointer)


@pytest.mark.parametrize(("price", "parts"), [(5600, 5600), (6000, 5600)])
def test_a_bundle_costs_less_than_its_parts(price: int, parts: int) -> None:
    wanted = replace(TERMS, prices=BUNDLED | prices(SET=price))
    problem = (
        given(PRICE_LIST)
        .when(define_list(wanted))
        .refused("bundle_not_cheaper", "/prices/SET/0/price")
    )
    assert str(parts) in problem.detail
    just = replace(TERMS, prices=BUNDLED | prices(SET=parts - 1))
    given(PRICE_LIST).when(define_list(just)).then(PriceListDefined("standard", just, at=at(1)))


def test_a_break_of_a_bundle_is_held_against_the_breaks_of_its_parts() -> None:
    wanted = replace(TERMS, prices=BUNDLED | prices(SET=[(1, 5200), (10, 5100)]))
    given(PRICE_LIST).when(define_list(wanted)).refused("bundle_not_cheaper", "/prices/SET/1/price")


def test_what_is_in_a_bundle_has_a_price_in_the_same_list() -> None:
    wanted = replace(TERMS, prices=prices(KETTLE=5000, SET=100))
    given(PRICE_LIST).when(define_list(wanted)).refused("price_missing", "/prices/SET")


# Lists that stand on others


def gold(terms: Terms = GOLD, base: PriceList | None = STANDARD) -> Any:
    return define_list(terms, name="gold", base=base)


def test_a_list_stands_on_another_with_a_percentage() -> None:
    given(PRICE_LIST).when(gold()).then(PriceListDefined("gold", GOLD, at=at(1)))


@pytest.mark.parametrize(
    ("terms", "base", "code", "pointer"),
    [
        (GOLD, None, "unknown_price_list", "/base"),
        (replace(GOLD, base="gold"), STANDARD, "price_list_cycle", "/base"),
        (GOLD, replace(STANDARD, on={"gold": 1}), "price_list_cycle", "/base"),
        (
            GOLD,
            replace(STANDARD, on={str(n): 1 for n in range(5)}),
            "too_deep",
            "/base",
        ),
        (GOLD, replace(STANDARD, currency="GBP"), "other_currency", "/currency"),
        (replace(GOLD, percent=-10_001), STANDARD, "out_of_range", "/percent"),
        (replace(GOLD, percent=10_001), STANDARD, "out_of_range", "/percent"),
        (replace(GOLD, valid_from="2027-01-01"), STANDARD, "never_valid", "/valid_to"),
    ],
)
def test_what_a_list_stands_on_is_there(
    terms: Terms, base: PriceList | None, code: str, pointer: str
) -> None:
    given(PRICE_LIST).when(gold(terms, base)).refused(code, pointer)


def test_a_bundle_in_a_list_on_another_is_held_against_all_its_prices() -> None:
    wanted = replace(GOLD, prices=prices(SET=5040))
    given(PRICE_LIST).when(gold(wanted)).refused("bundle_not_cheaper", "/prices/SET/0/price")
    just = replace(GOLD, prices=prices(SET=5039))
    given(PRICE_LIST).when(gold(just)).then(PriceListDefined("gold", just, at=at(1)))


def listings(**terms: Terms) -> dict[str, Listing]:
    return {name: Listed(name, n, each) for n, (name, each) in enumerate(terms.items(), 1)}


def test_a_list_has_the_prices_of_its_base_changed_and_its_own_as_they_are() -> None:
    terms = replace(GOLD, prices=prices(TEA=299), valid_from="2026-03-01")
    found = resolved("gold", listings(standard=TERMS, gold=terms))
    assert (found.name, found.version, found.on) == ("gold", 2, {"standard": 1})
    assert (found.valid_from, found.valid_to) == ("2026-03-01", "2026-12-31")
    assert found.price("TEA", 1) == 299
    assert [found.price("KETTLE", many) for many in (1, 9, 10)] == [4500, 4500, 4050]
    assert found.price("LID", 1) == 135
    assert found.price("POT", 1) is None


def test_lists_stand_on_lists_that_stand_on_lists() -> None:
    half = Terms("EUR", base="gold", percent=-5000)
    found = resolved("half", listings(standard=TERMS, gold=GOLD, half=half))
    assert found.on == {"gold": 2, "standard": 1}
    assert found.price("LID", 1) == 68  # 67.5, rounded half up


def test_a_list_that_is_not_there_is_named() -> None:
    with pytest.raises(NotFound, match="standard"):
        resolved("gold", listings(gold=GOLD))


def test_a_circle_of_lists_that_came_about_at_once_is_an_error_and_no_endless_loop() -> None:
    with pytest.raises(Conflict) as caught:
        resolved("gold", listings(standard=Terms("EUR", base="gold"), gold=GOLD))
    assert caught.value.code == "price_list_cycle"


@for_all(st.integers(0, LARGEST), st.integers(-10_000, 10_000))
def test_a_changed_price_is_the_nearest_minor_unit(price: int, percent: int) -> None:
    terms = {"standard": Terms("EUR", prices(TEA=price)), "gold": replace(GOLD, percent=percent)}
    found = resolved("gold", listings(**terms)).price("TEA", 1)
    assert found is not None
    assert abs(found * 10_000 - price * (10_000 + percent)) * 2 <= 10_000


@for_all(st.fixed_dictionaries({sku: breaks() for sku in ("KETTLE", "TEA", "SET")}))
def test_in_a_list_that_is_taken_every_bundle_costs_less_than_its_parts(found: Any) -> None:
    terms = replace(TERMS, prices=found)
    if [*wrong_terms("standard", terms, None, ALL)]:
        return
    by = catalogue(price_list=replace(STANDARD, prices=terms.prices))
    for each in terms.prices["SET"]:
        parts = parts_price(by, "SET", each.quantity)
        assert parts is not None
        assert list_price(by, "SET", each.quantity) == each.price < parts


def test_the_stream_of_a_list_is_hashed_from_its_name() -> None:
    assert stream_of("gold") == stream_of("gold") != stream_of("standard")
