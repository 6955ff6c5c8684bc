"""From a count in the store to a quote: what is on hand and what it costs stand in one answer."""

from typing import Any

import httpx

from tests.system.running import System, wait_until

KETTLE = {"name": "Kettle", "category": "kitchen"}
PRICES = {"currency": "EUR", "prices": {"KETTLE-7": [{"quantity": 1, "price": 4990}]}}
WANTED = {"price_list": "shop", "lines": [{"sku": "KETTLE-7", "quantity": 3}]}


def test_a_count_in_the_store_shows_with_the_price_of_the_product(system: System) -> None:
    with httpx.Client(base_url=system.url, timeout=10.0) as client:
        for path, body in (("products/KETTLE-7", KETTLE), ("price-lists/shop", PRICES)):
            answer = client.put(f"/v1/{path}", json=body, headers=system.key("write"))
            assert answer.status_code == 200, answer.text
        position = counted(system, quantity=2)
        found = priced(system, client, position)
    assert (found["total"], found["currency"], found["version"]) == (14_970, "EUR", 1)
    (short,) = found["short"]
    assert (short["sku"], short["needed"], short["stock"]["on_hand"]) == ("KETTLE-7", 3, 2)
    assert found["lines"][0]["stock"] == short["stock"]


def counted(system: System, **fields: Any) -> str:
    """Tell contact of a count; where it stands in the log."""
    about = {"channel": "store", "sku": "KETTLE-7", "location": "HQ", **fields}
    event = {"type": "stock.counted", "source": "/store/hq", "id": "count-1", "data": about}
    answer = system.post(event)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["position"])


def priced(system: System, client: httpx.Client, position: str) -> dict[str, Any]:
    """What is wanted with its price, once the view has a position."""
    found: dict[str, Any] = {}

    def answered() -> bool:
        query, key = {"min_position": position}, system.key("read")
        answer = client.post("/v1/prices", json=WANTED, params=query, headers=key)
        assert answer.status_code in (200, 503), answer.text
        found.update(answer.json())
        return answer.status_code == 200

    wait_until(answered, 30.0, f"the count is folded at {position}")
    return found
