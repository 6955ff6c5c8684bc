"""Products, price lists and prices over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from services.leads.catalogue.api import examples
from services.leads.partners.commands import PutPartner
from services.leads.partners.decider import PARTNER
from services.leads.partners.decider import stream_of as partner_stream_of
from services.leads.partners.events import Release
from shared.database import Pool
from shared.deciding.store import Origin
from tests.leads.answering import Leads, answering
from tests.leads.test_api_documents import shape
from tests.records import at

DAY = "2026-06-30"
GOODS: dict[str, dict[str, Any]] = {
    "TEA": {},
    "KETTLE-PRO": {},
    "KETTLE": {"goes_with": ["TEA"], "better": ["KETTLE-PRO"]},
    "CUP": {},
    "LID": {"requires": [["KETTLE"]], "excludes": ["KETTLE-PRO"]},
    "SET": {"contents": {"KETTLE": 1, "TEA": 2}},
}
PRICES = {
    "KETTLE": [{"quantity": 1, "price": 5000}, {"quantity": 10, "price": 4500}],
    "KETTLE-PRO": [{"price": 8000}],
    "TEA": [{"price": 300}],
    "LID": [{"price": 150}],
    "SET": [{"price": 5200}],
}


@pytest.fixture
async def leads(pool: Pool) -> AsyncIterator[Leads]:
    async with answering(pool) as leads:
        yield leads


def product(**changes: Any) -> dict[str, Any]:
    return {"name": "Kettle", "category": "kitchen"} | changes


async def put(
    leads: Leads, path: str, body: Any, version: int | None = None, **more: str
) -> httpx.Response:
    headers = {**leads.headers("service:app"), **more}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    return await leads.client.put(path, json=body, headers=headers)


async def post(leads: Leads, path: str, body: Any, who: str = "service:app", **more: str) -> Any:
    headers = {**leads.headers(who), "Content-Type": "application/json", **more}
    return await leads.client.post(path, content=json.dumps(body), headers=headers)


async def stocked(leads: Leads, prices: Mapping[str, Any] = PRICES) -> None:
    """Some products, and the standard list."""
    for sku, fields in GOODS.items():
        answer = await put(leads, f"/v1/products/{sku}", product(name=sku.title(), **fields))
        assert answer.status_code == 200, answer.text
    wanted = {"currency": "EUR", "valid_to": "2026-12-31", "prices": prices}
    answer = await put(leads, "/v1/price-lists/standard", wanted)
    assert answer.status_code == 200, answer.text
    await leads.settle()


def wrong(answer: httpx.Response, status: int = 422) -> set[tuple[str, str]]:
    """The codes and pointers of a problem."""
    assert answer.status_code == status, answer.text
    return {(each["code"], each["pointer"]) for each in answer.json()["errors"]}


# Products


async def test_a_product_is_defined_read_changed_and_retired(leads: Leads) -> None:
    defined = await put(leads, "/v1/products/KETTLE", product())
    assert (defined.status_code, defined.headers["etag"]) == (200, '"1"')
    assert defined.json()["position"]
    await leads.settle()
    found = await leads.get("/v1/products/KETTLE", min_position=defined.json()["position"])
    assert {**found, "position": None} == {**defined.json(), "stock": None, "position": None}
    changed = await put(leads, "/v1/products/KETTLE", product(name="Kettle of steel"), 1)
    assert (changed.json()["version"], changed.json()["name"]) == (2, "Kettle of steel")
    because = {"reason": "Broke too often."}
    retire = await post(leads, "/v1/products/KETTLE/retire", because, **{"If-Match": '"2"'})
    assert (retire.json()["status"], retire.json()["version"]) == ("retired", 3)
    refused = await put(leads, "/v1/products/KETTLE", product(), 3)
    assert wrong(refused, 409) == {("product_retired", "/sku")}
    again = await post(leads, "/v1/products/KETTLE/restore", because, **{"If-Match": '"3"'})
    assert (again.json()["status"], again.json()["name"]) == ("active", "Kettle of steel")
    await leads.settle()
    history = await leads.get("/v1/products/KETTLE/history")
    assert [each["type"].partition(".")[2] for each in history["data"]] == [
        *("defined", "changed", "retired", "restored")
    ]


async def test_a_change_is_for_the_version_that_was_seen(leads: Leads) -> None:
    await put(leads, "/v1/products/KETTLE", product())
    assert (await put(leads, "/v1/products/KETTLE", product(name="X"))).status_code == 428
    assert (await put(leads, "/v1/products/KETTLE", product(name="X"), 2)).status_code == 412
    once = await put(leads, "/v1/products/KETTLE", product(), None, **{"If-None-Match": "*"})
    assert once.status_code == 412
    assert (await put(leads, "/v1/products/POT", product(), 1)).status_code == 412
    first = await put(leads, "/v1/products/POT", product(), None, **{"If-None-Match": "*"})
    assert first.status_code == 200


async def test_what_is_not_there_is_404(leads: Leads) -> None:
    for path in ("/v1/products/POT", "/v1/products/POT/history"):
        assert (await leads.ask(path)).json()["code"] == "unknown_sku"
    for path in ("/v1/price-lists/gold", "/v1/price-lists/gold/history"):
        assert (await leads.ask(path)).json()["code"] == "unknown_price_list"
    answer = await post(leads, "/v1/products/POT/retire", {"reason": "x"}, **{"If-Match": '"1"'})
    assert answer.status_code == 412


async def test_what_is_wrong_with_a_product_is_pointed_to(leads: Leads) -> None:
    bundle = product(contents={"PAN": 1}, goes_with=["POT"])
    assert wrong(await put(leads, "/v1/products/POT", bundle)) == {
        ("unknown_sku", "/contents/PAN"),
        ("itself", "/goes_with/0"),
    }
    found = wrong(await put(leads, "/v1/products/POT", product(colour="red")))
    assert found == {("extra_forbidden", "/colour")}
    assert wrong(await put(leads, "/v1/products/a%20b", product())) == {("sku", "/sku")}


async def test_bundles_are_in_no_circle(leads: Leads) -> None:
    await stocked(leads)
    answer = await put(leads, "/v1/products/TEA", product(contents={"SET": 1}), 1)
    assert ("bundle_cycle", "/contents/SET") in wrong(answer)


async def test_products_are_listed_filtered_sorted_and_paged(leads: Leads) -> None:
    await stocked(leads)
    await put(leads, "/v1/products/CUP", product(name="Cup 100%", category="table"), 1)
    await post(leads, "/v1/products/LID/retire", {"reason": "x"}, **{"If-Match": '"1"'})
    await leads.settle()

    async def skus(**parameters: Any) -> list[str]:
        return [each["sku"] for each in await leads.all_pages("/v1/products", 2, **parameters)]

    assert await skus() == ["CUP", "KETTLE", "KETTLE-PRO", "LID", "SET", "TEA"]
    assert await skus(sort="-name") == ["TEA", "SET", "LID", "KETTLE-PRO", "KETTLE", "CUP"]
    assert (await skus(sort="-touched"))[:2] == ["LID", "CUP"]
    assert await skus(sku__eq=["TEA", "CUP", "POT"]) == ["CUP", "TEA"]
    assert await skus(status__eq="retired") == ["LID"]
    assert await skus(category__eq="table") == ["CUP"]
    assert await skus(text__contains="kett") == ["KETTLE", "KETTLE-PRO"]
    assert await skus(text__contains="0%") == ["CUP"]
    assert await skus(text__contains="_") == []
    assert (await leads.ask("/v1/products", filter="x")).status_code == 422


async def test_a_list_is_not_sent_again_to_whom_has_it(leads: Leads) -> None:
    await stocked(leads)
    for path in ("/v1/products", "/v1/price-lists"):
        tag = (await leads.ask(path)).headers["etag"]
        headers = {**leads.headers("service:app"), "If-None-Match": tag}
        assert (await leads.client.get(path, headers=headers)).status_code == 304


# Stock


async def test_what_is_on_hand_is_the_latest_count_of_every_place(leads: Leads) -> None:
    await stocked(leads)
    for seconds, quantity, location in (
        (5, 9, "HQ"),
        (3, 99, "HQ"),
        (4, 8, "Mill"),
        (4, 0.5, None),
    ):
        fields = {} if location is None else {"location": location}
        await leads.tell("stock.counted", sku="TEA", quantity=quantity, seconds=seconds, **fields)
    stock = (await leads.get("/v1/products/TEA"))["stock"]
    assert (stock["on_hand"], stock["counted"]) == (17.5, at(5))
    assert [(each["location"], each["quantity"]) for each in stock["locations"]] == [
        *((None, 0.5), ("HQ", 9), ("Mill", 8))
    ]
    listed = {each["sku"]: each for each in (await leads.get("/v1/products"))["data"]}
    assert listed["TEA"]["stock"] == stock
    assert listed["SET"]["stock"] is None


NO_COUNTS: list[dict[str, Any]] = [
    {"sku": "TEA"},
    {"sku": "TEA", "quantity": "many"},
    {"sku": "TEA", "quantity": True},
    {"sku": "TEA", "quantity": 1e30},
    {"sku": ["TEA"], "quantity": 1},
    {"sku": "", "quantity": 1},
    {"sku": "x" * 129, "quantity": 1},
    {"sku": "TEA", "quantity": 1, "location": {"hall": 7}},
    {},
]
NO_LINES: list[Any] = [None, 7, {"sku": "TEA"}, [None], ["TEA"], [{"sku": 7}, {"sku": ""}, {}]]


async def test_what_is_of_another_kind_than_it_should_be_is_not_there(leads: Leads) -> None:
    await stocked(leads)
    for fields in NO_COUNTS:
        await leads.tell("stock.counted", **fields)
    for lines in NO_LINES:
        await leads.tell("order.placed", "user:shop:1", order="1", lines=lines)
    listed = (await leads.get("/v1/products"))["data"]
    assert [each["stock"] for each in listed] == [None] * 6
    found = (await post(leads, "/v1/prices", asked(("KETTLE", 1)))).json()
    assert found["bought_together"] == []


# Price lists


async def test_a_price_list_has_versions(leads: Leads) -> None:
    await stocked(leads)
    seen = await leads.ask("/v1/price-lists/standard")
    assert (seen.json()["version"], seen.headers["etag"]) == (1, '"1"')
    assert seen.json()["prices"]["KETTLE"] == PRICES["KETTLE"]
    wanted = {"currency": "EUR", "valid_to": "2027-12-31", "prices": PRICES}
    assert (await put(leads, "/v1/price-lists/standard", wanted)).status_code == 428
    changed = await put(leads, "/v1/price-lists/standard", wanted, 1)
    assert (changed.json()["version"], changed.json()["valid_to"]) == (2, "2027-12-31")
    await leads.settle()
    earlier = await leads.get("/v1/price-lists/standard", version=1)
    assert earlier == seen.json()
    for wanted_version in (3, 2**31 - 1):
        gone = await leads.ask("/v1/price-lists/standard", version=wanted_version)
        assert (gone.status_code, gone.json()["code"]) == (404, "unknown_version")
    both = await leads.ask("/v1/price-lists/standard", version=1, whole=True)
    assert wrong(both) == {("not_both", "/query/whole")}
    history = (await leads.get("/v1/price-lists/standard/history"))["data"]
    assert [each["data"]["terms"]["valid_to"] for each in history] == ["2026-12-31", "2027-12-31"]
    (listed,) = (await leads.get("/v1/price-lists"))["data"]
    assert (listed["name"], listed["version"], listed["priced"]) == ("standard", 2, 5)


async def test_of_many_who_change_one_version_of_a_list_one_does(leads: Leads) -> None:
    await stocked(leads)
    lists = [{"currency": "EUR", "prices": {"TEA": [{"price": n}]}} for n in range(8)]
    answers = await asyncio.gather(
        *(put(leads, "/v1/price-lists/standard", each, 1) for each in lists)
    )
    assert sorted(each.status_code for each in answers) == [200, *[412] * 7]
    assert (await leads.get("/v1/price-lists/standard"))["version"] == 2


async def test_a_price_list_stands_on_another(leads: Leads) -> None:
    await stocked(leads)
    gold = {"currency": "EUR", "base": "standard", "percent": -1000}
    own = gold | {"prices": {"TEA": [{"price": 299}]}}
    assert (await put(leads, "/v1/price-lists/gold", own)).status_code == 200
    whole = await leads.get("/v1/price-lists/gold", whole=True)
    assert (whole["on"], whole["valid_to"]) == ({"standard": 1}, "2026-12-31")
    assert whole["prices"]["TEA"] == [{"quantity": 1, "price": 299}]
    assert [each["price"] for each in whole["prices"]["KETTLE"]] == [4500, 4050]
    assert (await leads.get("/v1/price-lists/gold"))["prices"].keys() == {"TEA"}
    circle = {"currency": "EUR", "base": "gold", "prices": PRICES}
    answer = await put(leads, "/v1/price-lists/standard", circle, 1)
    assert ("price_list_cycle", "/base") in wrong(answer)
    nowhere = await put(leads, "/v1/price-lists/silver", gold | {"base": "bronze"})
    assert wrong(nowhere) == {("unknown_price_list", "/base")}
    itself = await put(leads, "/v1/price-lists/silver", gold | {"base": "silver"})
    assert wrong(itself) == {("price_list_cycle", "/base")}


async def test_what_is_wrong_with_a_price_list_is_pointed_to(leads: Leads) -> None:
    await stocked(leads)
    too_dear = {"currency": "EUR", "prices": PRICES | {"SET": [{"price": 5600}]}}
    answer = await put(leads, "/v1/price-lists/gold", too_dear)
    assert wrong(answer) == {("bundle_not_cheaper", "/prices/SET/0/price")}
    assert "5600" in answer.json()["detail"]
    unknown = {"currency": "EURO", "prices": {"POT": [{"price": 1}]}}
    assert ("string_pattern_mismatch", "/currency") in wrong(
        await put(leads, "/v1/price-lists/gold", unknown)
    )
    unknown["currency"] = "ABC"
    assert wrong(await put(leads, "/v1/price-lists/gold", unknown)) == {
        *(("unknown_currency", "/currency"), ("unknown_sku", "/prices/POT"))
    }
    assert (await leads.ask("/v1/price-lists/gold")).status_code == 404


async def test_prices_are_whole_minor_units(leads: Leads) -> None:
    await stocked(leads)
    for price in (49.9, "49.90", 4990.0, "4990"):
        body = {"currency": "EUR", "prices": {"TEA": [{"price": price}]}}
        answer = await put(leads, "/v1/price-lists/gold", body)
        assert wrong(answer) == {("value_error", "/prices/TEA/0/price")}
        assert "4990 for 49.90 EUR" in answer.json()["detail"]


# Prices


def asked(*lines: Any, **more: Any) -> dict[str, Any]:
    return {"lines": [{"sku": sku, "quantity": many} for sku, many in lines], "day": DAY} | more


async def test_a_configuration_is_priced_with_all_that_is_known_of_it(leads: Leads) -> None:
    await stocked(leads)
    await leads.tell("stock.counted", sku="KETTLE", quantity=1, seconds=5)
    for order in range(3):
        lines = [{"sku": "KETTLE"}, {"sku": "CUP"}, {"sku": "POT"}][: 1 + order % 2 * 2]
        await leads.tell("order.placed", "user:shop:1", order=str(order), lines=lines)
    answer = await post(leads, "/v1/prices", asked(("KETTLE", 2), ("TEA", 4), ("LID", 1)))
    found = answer.json()
    assert answer.status_code == 200, found
    assert [line["amount"] for line in found["lines"]] == [10_000, 1200, 150]
    assert (found["total"], found["currency"]) == (11_350, "EUR")
    assert (found["price_list"], found["version"], found["day"]) == ("standard", 1, DAY)
    assert found["lines"][0]["stock"]["on_hand"] == 1
    assert found["lines"][1]["stock"] is None
    kinds = [(each["kind"], each["sku"], each["difference"]) for each in found["offers"]]
    assert kinds == [("bundle", "SET", -800), ("upgrade", "KETTLE-PRO", 6000)]
    assert found["findings"] == []
    assert found["bought_together"] == [
        {"sku": "CUP", "name": "Cup", "with": "KETTLE", "orders": 1, "of": 3}
    ]


async def test_what_is_short_is_told_and_hinders_nothing(leads: Leads) -> None:
    await stocked(leads)
    await leads.tell("stock.counted", sku="KETTLE", quantity=5)
    await leads.tell("stock.counted", sku="TEA", quantity=5)
    wanted = asked(("SET", 2), ("KETTLE", 3), ("TEA", 2), ("LID", 99))
    found = (await post(leads, "/v1/prices", wanted)).json()
    (short,) = found["short"]
    assert (short["sku"], short["needed"], short["stock"]["on_hand"]) == ("TEA", 6, 5)
    await leads.tell("stock.counted", sku="SET", quantity=1)
    found = (await post(leads, "/v1/prices", wanted)).json()
    assert [(each["sku"], each["needed"]) for each in found["short"]] == [("SET", 2)]


async def test_the_documents_shown_have_the_shape_of_real_ones(leads: Leads) -> None:
    await stocked(leads)
    for sku in ("KETTLE-PRO", "LID", "TEA"):
        await leads.tell("stock.counted", sku=sku, quantity=7, location="HQ")
    lines = [{"sku": "LID"}, {"sku": "CUP"}]
    await leads.tell("order.placed", "user:shop:1", order="1", lines=lines)
    found = (await post(leads, "/v1/prices", asked(("LID", 8), ("KETTLE-PRO", 1)))).json()
    assert [each["code"] for each in found["findings"]] == ["requires", "excludes"]
    assert shape(found).keys() == shape(examples.PRICES).keys()
    for name in ("lines", "findings", "bought_together", "short"):
        assert shape(found[name]) == shape(examples.PRICES[name]), name
    more = (await post(leads, "/v1/prices", asked(("KETTLE", 1)))).json()
    assert more["offers"][-1]["kind"] == "goes_with"
    assert more["offers"][-1].keys() == examples.PRICES["offers"][0].keys()
    product_ = await leads.get("/v1/products/TEA")
    assert product_.keys() == examples.READ.keys()
    assert shape(product_["stock"]) == shape(examples.STOCK)
    listed = (await leads.get("/v1/products", text__contains="tea"))["data"][0]
    always = {"version", "status", "sku", "name", "category", "unit", "stock", "touched"}
    assert listed.keys() >= always
    assert (await leads.get("/v1/price-lists/standard")).keys() == examples.PRICE_LIST.keys()
    lists = (await leads.get("/v1/price-lists"))["data"][0]
    assert lists.keys() == examples.PRICE_LISTS["data"][0].keys()


async def test_what_cannot_be_priced_is_pointed_to(leads: Leads) -> None:
    await stocked(leads)
    answer = await post(leads, "/v1/prices", asked(("POT", 1), ("TEA", 1), day="2027-01-01"))
    assert wrong(answer) == {
        *(("unknown_sku", "/lines/0/sku"), ("price_list_not_valid", "/price_list"))
    }
    assert wrong(await post(leads, "/v1/prices", asked(("TEA", 0)))) == {
        ("greater_than_equal", "/lines/0/quantity")
    }
    no_list = await post(leads, "/v1/prices", asked(("TEA", 1), price_list="gold"))
    assert (no_list.status_code, no_list.json()["code"]) == (404, "unknown_price_list")


async def test_an_agreed_price_and_a_discount_stand_in_a_line(leads: Leads) -> None:
    await stocked(leads)
    line = {"sku": "TEA", "quantity": 10, "discount": 1000, "price": 250}
    found = (await post(leads, "/v1/prices", asked(lines=[line]))).json()
    assert (found["lines"][0]["list_price"], found["total"]) == (300, 2250)


async def given(leads: Leads, partner: str, price_list: str | None) -> None:
    """Say which price list a partner has."""
    said: dict[str, Any] = {"principal": partner, "name": "Pots & Co", "release": Release()}
    command = PutPartner(**said, price_list=price_list, at=at(1))
    stream = partner_stream_of(partner)
    await leads.handler.carry_out(
        PARTNER, stream, command, Origin("service:app"), partitionkey=stream
    )


async def test_a_partner_has_the_prices_of_its_own_list_alone(leads: Leads) -> None:
    await stocked(leads)
    who = "partner:12"
    assert (await post(leads, "/v1/prices", asked(("TEA", 1)), who)).status_code == 404
    own = {"currency": "EUR", "base": "standard", "percent": -5000}
    await put(leads, "/v1/price-lists/partner", own)
    found = (await post(leads, "/v1/prices", asked(("TEA", 1)), who)).json()
    assert (found["price_list"], found["total"]) == ("partner", 150)
    other = await post(leads, "/v1/prices", asked(("TEA", 1), price_list="standard"), who)
    assert other.status_code == 403
    await given(leads, who, None)
    none = await post(leads, "/v1/prices", asked(("TEA", 1)), who)
    assert (none.status_code, none.json()["code"]) == (403, "no_price_list")
    await put(leads, "/v1/price-lists/gold", own | {"percent": 0})
    await given(leads, who, "gold")
    found = (await post(leads, "/v1/prices", asked(("TEA", 1)), who)).json()
    assert (found["price_list"], found["total"]) == ("gold", 300)
    for path in ("", "/standard", "/partner", "/standard/history"):
        assert (await leads.ask(f"/v1/price-lists{path}", who)).status_code == 403
    headers = leads.headers(who)
    for path, body in (("products/POT", product()), ("price-lists/mine", own)):
        answer = await leads.client.put(f"/v1/{path}", json=body, headers=headers)
        assert answer.status_code == 403
    items = {"items": [{"sku": "POT", **product()}]}
    assert (await post(leads, "/v1/products", items, who)).status_code == 403
    assert (await leads.get("/v1/products/TEA", who))["name"] == "Tea"
    found = await leads.get("/v1/products", who, category__eq="kitchen", text__contains="tea")
    assert [each["sku"] for each in found["data"]] == ["TEA"]


# Imports


async def test_many_products_are_imported_with_a_result_each(leads: Leads) -> None:
    items = [
        {"sku": "SET", **product(contents={"KETTLE": 1, "TEA": 2})},
        {"sku": "KETTLE", **product(goes_with=["TEA"])},
        {"sku": "TEA", **product(goes_with=["KETTLE"])},
        {"sku": "BOX", **product(contents={"POT": 1})},
        {"sku": "BIG-BOX", **product(contents={"BOX": 1})},
        {"sku": "TEA", **product()},
        {"sku": "CUP", "name": "Cup"},
        {"sku": 7, **product()},
        {"sku": "\ud800", **product()},
    ]
    answer = await post(leads, "/v1/products", {"items": items})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [each["result"] for each in results] == ["defined"] * 3 + ["refused"] * 6
    assert [each["code"] for each in results[3:]] == [
        *("unknown_sku", "unknown_sku", "duplicate", *["invalid"] * 3)
    ]
    assert [each["errors"][0]["pointer"] for each in results[3:]] == [
        *("/items/3/contents/POT", "/items/4/contents/BOX", "/items/5/sku"),
        *("/items/6/category", "/items/7/sku", "/items/8/sku"),
    ]
    assert all(each["position"] for each in results[:3])
    await leads.settle()
    listed = (await leads.get("/v1/products"))["data"]
    assert [each["sku"] for each in listed] == ["KETTLE", "SET", "TEA"]


async def test_an_import_changes_the_version_that_it_names_or_whatever_stands(
    leads: Leads,
) -> None:
    await stocked(leads)

    async def imported(replace: bool = False, **fields: Any) -> Any:
        items = [{"sku": "TEA", **product(**fields)}]
        answer = await post(leads, "/v1/products", {"items": items, "replace": replace})
        return answer.json()["results"][0]

    assert (await imported(name="Green tea"))["code"] == "product_defined"
    assert (await imported(name="Green tea", version=2))["code"] == "stale"
    assert (await imported(name="Green tea", version=1))["result"] == "changed"
    assert (await imported(name="Green tea", replace=True))["result"] == "unchanged"
    found = await imported(name="Black tea", replace=True)
    assert (found["result"], found["version"]) == ("changed", 3)


async def test_an_import_is_bounded_and_repeated_once(leads: Leads) -> None:
    items = [{"sku": f"P{n}", **product()} for n in range(1001)]
    assert wrong(await post(leads, "/v1/products", {"items": items})) == {("too_long", "/items")}
    once = {"Idempotency-Key": "first"}
    first = await post(leads, "/v1/products", {"items": items[:3]}, **once)
    again = await post(leads, "/v1/products", {"items": items[:3]}, **once)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
