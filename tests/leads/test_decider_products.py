"""Products: every rule by which they are defined, changed, retired and restored."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.leads.catalogue.commands import (
    ChangeProduct,
    DefineProduct,
    RestoreProduct,
    RetireProduct,
)
from services.leads.catalogue.decider import PRODUCT
from services.leads.catalogue.decider.checks import wrong_product
from services.leads.catalogue.decider.product import stream_of
from services.leads.catalogue.events import (
    ProductChanged,
    ProductDefined,
    ProductRestored,
    ProductRetired,
)
from services.leads.catalogue.states import Retired
from tests.leads.given import given
from tests.leads.goods import ALL, GIFT, KETTLE, SET, TEA, define, product, sold
from tests.records import at

DEFINED = ProductDefined(KETTLE, at=at(1))
RETIRED = ProductRetired("KETTLE", "broke too often", at=at(2))
RESTORED = ProductRestored("KETTLE", at=at(3))
DEARER = product("KETTLE", name="Kettle of steel")


def change(wanted: Any = DEARER) -> ChangeProduct:
    return ChangeProduct(product=wanted, related=ALL, at=at(2))


def test_a_product_is_defined_once() -> None:
    given(PRODUCT).when(define(KETTLE)).then(DEFINED)
    given(PRODUCT, DEFINED).when(define(KETTLE)).then_nothing()
    given(PRODUCT, DEFINED).when(define(DEARER)).refused("product_defined", "/sku")


def test_a_bundle_is_a_product_with_contents() -> None:
    given(PRODUCT).when(define(SET)).then(ProductDefined(SET, at=at(1)))
    given(PRODUCT).when(define(GIFT)).then(ProductDefined(GIFT, at=at(1)))


def test_a_product_changes() -> None:
    given(PRODUCT, DEFINED).when(change()).then(ProductChanged(DEARER, at=at(2)))
    given(PRODUCT, DEFINED).when(change(KETTLE)).then_nothing()
    given(PRODUCT).when(change()).refused("unknown_sku")
    given(PRODUCT, DEFINED).when(change(TEA)).refused("sku_changes", "/sku")


def test_a_product_is_retired_and_restored() -> None:
    retire = RetireProduct(reason="broke too often", at=at(2))
    given(PRODUCT, DEFINED).when(retire).then(RETIRED)
    given(PRODUCT, DEFINED, RETIRED).when(retire).then_nothing()
    given(PRODUCT).when(retire).refused("unknown_sku")
    given(PRODUCT, DEFINED, RETIRED).when(RestoreProduct(at=at(3))).then(RESTORED)
    given(PRODUCT, DEFINED).when(RestoreProduct(at=at(3))).then_nothing()
    given(PRODUCT).when(RestoreProduct(at=at(3))).refused("unknown_sku")


def test_one_that_is_retired_neither_changes_nor_begins_anew() -> None:
    given(PRODUCT, DEFINED, RETIRED).when(change()).refused("product_retired", "/sku")
    given(PRODUCT, DEFINED, RETIRED).when(define(KETTLE)).refused("product_retired", "/sku")
    given(PRODUCT, DEFINED, RETIRED, RESTORED).when(change()).then(ProductChanged(DEARER, at=at(2)))


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize("field", ["name", "category", "unit"])
def test_texts_say_something(field: str, blank: str) -> None:
    wanted = product("POT", **{field: blank})
    given(PRODUCT).when(define(wanted)).refused("blank", f"/{field}")


def test_texts_are_bounded() -> None:
    long = product("POT", name="x" * 201, description="x" * 10_001)
    given(PRODUCT).when(define(long)).refused("too_long", "/name")
    given(PRODUCT).when(define(long)).refused("too_long", "/description")


@pytest.mark.parametrize(
    "sku", ["", " ", ".", "..", "a b", "a/b", "a?b", "a#b", "a%b", "a\\b", "-a", "a\0", "a\ud800"]
)
def test_a_sku_stands_in_paths(sku: str) -> None:
    given(PRODUCT).when(define(product(sku, name="Pot"))).refused("sku", "/sku")


@pytest.mark.parametrize("sku", ["7", "KETTLE-1", "a.b_c:d+e", "Größe-7", "x" * 100])
def test_most_of_what_products_are_called_is_a_sku(sku: str) -> None:
    wanted = product(sku, name="Pot")
    given(PRODUCT).when(define(wanted)).then(ProductDefined(wanted, at=at(1)))


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({"contents": {"PAN": 1}}, "unknown_sku", "/contents/PAN"),
        ({"contents": {"A/B": 1}}, "unknown_sku", "/contents/A~1B"),
        ({"contents": {"TEA": 0}}, "out_of_range", "/contents/TEA"),
        ({"contents": {"TEA": 1_000_001}}, "out_of_range", "/contents/TEA"),
        ({"contents": {"POT": 1}}, "bundle_of_itself", "/contents/POT"),
        ({"contents": {f"P{n}": 1 for n in range(21)}}, "out_of_range", "/contents"),
        ({"better": ("PAN",)}, "unknown_sku", "/better/0"),
        ({"goes_with": ("TEA", "PAN")}, "unknown_sku", "/goes_with/1"),
        ({"goes_with": ("TEA", "TEA")}, "duplicate", "/goes_with/1"),
        ({"better": ("POT",)}, "itself", "/better/0"),
        ({"excludes": ("PAN",)}, "unknown_sku", "/excludes/0"),
        ({"excludes": tuple(f"P{n}" for n in range(51))}, "out_of_range", "/excludes"),
        ({"requires": (("TEA",), ("CUP", "PAN"))}, "unknown_sku", "/requires/1/1"),
        ({"requires": ((),)}, "no_products", "/requires/0"),
        ({"requires": (("TEA",),) * 21}, "out_of_range", "/requires"),
        (
            {"requires": (("TEA", "CUP"),), "excludes": ("CUP",)},
            "required_and_excluded",
            "/requires/0",
        ),
    ],
)
def test_what_it_names_is_there_and_makes_sense(
    fields: dict[str, Any], code: str, pointer: str
) -> None:
    given(PRODUCT).when(define(product("POT", **fields))).refused(code, pointer)


def test_what_is_retired_goes_into_no_bundle_but_may_be_named() -> None:
    related = {**ALL, "TEA": Retired(TEA)}
    held = product("POT", contents={"TEA": 1})
    given(PRODUCT).when(define(held, related)).refused("product_retired", "/contents/TEA")
    named = product("POT", goes_with=("TEA",))
    given(PRODUCT).when(define(named, related)).then(ProductDefined(named, at=at(1)))


def test_no_bundle_is_in_itself_by_way_of_others() -> None:
    outer = product("OUTER", contents={"MIDDLE": 1})
    middle = product("MIDDLE", contents={"TEA": 1})
    inner = product("TEA", contents={"OUTER": 1})
    related = sold(outer, middle, TEA)
    given(PRODUCT, ProductDefined(TEA, at=at(0))).when(
        ChangeProduct(product=inner, related=related, at=at(1))
    ).refused("bundle_cycle", "/contents/OUTER")


def test_three_bundles_are_one_in_another_but_not_four() -> None:
    chain = [TEA, *(product(f"B{n}", contents={f"B{n - 1}": 1}) for n in range(2, 4))]
    related = sold(*chain, product("B1", contents={"TEA": 1}))
    three = product("B3", contents={"B2": 1})
    given(PRODUCT).when(define(three, related)).then(ProductDefined(three, at=at(1)))
    four = product("B4", contents={"B3": 1})
    given(PRODUCT).when(define(four, related)).refused("bundle_too_deep", "/contents/B3")


PARTS = st.dictionaries(st.sampled_from("ABCDE"), st.integers(1, 3), max_size=3)


@for_all(st.lists(st.tuples(st.sampled_from("ABCDE"), PARTS), max_size=30))
def test_whatever_is_put_into_bundles_none_is_in_itself(
    wanted: list[tuple[str, dict[str, int]]],
) -> None:
    states: dict[str, Any] = {}
    for sku, contents in wanted:
        state = states.get(sku, PRODUCT.initial)
        bundle = product(sku, contents=contents)
        if [*wrong_product(bundle, states)]:
            continue
        made = ChangeProduct if sku in states else DefineProduct
        events = PRODUCT.decide(state, made(product=bundle, related=states, at=at(1)))
        states[sku] = PRODUCT.fold(events, state)
        for each in states:
            assert each not in inside(each, states)


def inside(sku: str, states: Mapping[str, Any]) -> set[str]:
    """What is in a product, and in that, to the end."""
    found: set[str] = set()
    level = {*states[sku].product.contents}
    while level - found:
        found |= level
        level = {part for each in level for part in states[each].product.contents}
    return found


def test_the_stream_of_a_product_is_hashed_from_its_sku() -> None:
    assert stream_of("KETTLE") == stream_of("KETTLE") != stream_of("kettle")
