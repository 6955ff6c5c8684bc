"""One of everything that leads can be told, so that every table of its view has rows."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx

from services.registry import SERVICES
from shared.clock import now
from tests.system.running import System, wait_until

JANE = {"kind": "user", "namespace": "shop", "value": "77"}
REPRESENTATIVE = "representative:7"
_DOCUMENT: Any = next(each.openapi() for each in SERVICES if each.name == "leads")


def tell_leads(system: System) -> None:
    """Interactions first, then what people and systems command."""
    answer = system.post(_interactions())
    assert answer.status_code == 200, answer.text
    wait_until(lambda: _leads(system), 60, "an inquiry is a lead")
    sales = _Sales(system)
    sales.catalogue()
    sales.plans()
    sales.prospects()
    sales.lead(_leads(system)[0])


def _interactions() -> list[dict[str, Any]]:
    """What measures, stock and scores are made of."""
    shop = {"namespace": "shop", "currency": "EUR"}
    lines = [{"sku": sku, "quantity": 1, "price": 100} for sku in ("KETTLE-1", "TEA-7")]
    said: list[tuple[str, dict[str, Any]]] = [
        ("quote.requested", {"product": "KETTLE-1"}),
        ("customer.described", {"traits": {"country": "GB"}}),
        ("order.placed", {"order": "s-1", "amount": 200, "lines": lines} | shop),
        ("order.returned", {"order": "s-1", "amount": 50} | shop),
        ("subscription.started", {"subscription": "s", "term": "P1M", "amount": 990} | shop),
        ("call.placed", {"employee": "7", "purpose": "sales", "channel": "phone"}),
        ("stock.counted", {"sku": "KETTLE-1", "quantity": 12}),
        ("membership.changed", {"organisation": {"id": "acme"}, "role": "buyer", "member": True}),
        ("cost.recorded", {"source": "/web", "amount": 500, "currency": "EUR"}),
    ]
    return [
        {
            "id": f"sales-{number}",
            "source": "/web",
            "type": type_,
            "data": {"channel": "web", "identifiers": [JANE]} | data,
        }
        for number, (type_, data) in enumerate(said)
    ]


def _leads(system: System) -> list[dict[str, Any]]:
    query = {"filter[source][eq]": "/web"}
    answer = httpx.get(f"{system.url}/v1/leads", params=query, headers=system.key("read"))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


class _Sales:
    """Commands, each with the body that the documentation shows."""

    def __init__(self, system: System) -> None:
        self._url = system.url
        self._headers = system.key("write")

    def catalogue(self) -> None:
        for sku in ("KETTLE-1", "TEA-7", "CUP-4"):
            plain = {"contents": {}, "goes_with": [], "unit": "piece"}
            self._put("/v1/products/{sku}", sku, plain)
        self._put("/v1/products/{sku}", "SET-1")
        self._put("/v1/price-lists/{name}", "standard", {"valid_to": None})

    def plans(self) -> None:
        self._post("/v1/goals")
        self._put("/v1/commissions/rules")
        self._put("/v1/tactics/{name}", "samples")
        self._put("/v1/prospects/reactivation")
        self._put("/v1/partners/{name}", "12")

    def prospects(self) -> None:
        self._post("/v1/prospects", body={"come_back": _day(30)})
        self._put("/v1/target-lists/{name}", "lapsed")
        self._post("/v1/target-lists/{name}/prospects", "lapsed")

    def lead(self, lead: dict[str, Any]) -> None:
        """Somebody works on it and makes an offer."""
        path, id = "/v1/leads/{id}", lead["id"]
        given = {"owner": REPRESENTATIVE, "reason": "She knows her."}
        version = self._post(f"{path}/assign", id, given, lead["version"])["version"]
        known = {"amount": 4990, "currency": "EUR", "expected_close": "2027-01-31"}
        known |= {"fields": {"country": "GB"}}
        self._ask("PATCH", f"/v1/leads/{id}", known, version)
        when = {"from": f"{_day(3)}T09:00:00Z", "to": f"{_day(3)}T10:00:00Z"}
        self._post(f"{path}/appointments", id, when)
        self._post(f"{path}/tactics", id)
        where = f"{path}/opportunity"
        offered = _example("put", where) | {"expected_close": _day(30)}
        self._ask("PUT", where.format(id=id), offered, none=True)
        quote = self._post(f"{path}/quotes", id, {"valid_until": _day(30)})
        self._post("/v1/quotes/{id}/send", quote["id"], {}, 1)

    def _put(self, path: str, name: str = "", body: Mapping[str, Any] | None = None) -> Any:
        where = path.format(sku=name, name=name)
        return self._ask("PUT", where, {**_example("put", path), **(body or {})})

    def _post(
        self,
        path: str,
        name: str = "",
        body: Mapping[str, Any] | None = None,
        version: int | None = None,
    ) -> Any:
        where = path.format(id=name, name=name)
        return self._ask("POST", where, {**_example("post", path), **(body or {})}, version)

    def _ask(
        self, method: str, path: str, body: Any, version: int | None = None, *, none: bool = False
    ) -> Any:
        tag = {"If-Match": f'"{version}"'} if version is not None else {}
        tag |= {"If-None-Match": "*"} if none else {}
        answer = httpx.request(
            method, f"{self._url}{path}", json=body, headers=self._headers | tag, timeout=10
        )
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json()


def _day(days: int) -> str:
    """So many days from today."""
    return str((now() + timedelta(days=days)).date())


def _example(method: str, path: str) -> Any:
    """The body that the documentation shows."""
    content = _DOCUMENT["paths"][path][method]["requestBody"]["content"]["application/json"]
    name = content["schema"]["$ref"].rpartition("/")[2]
    return _DOCUMENT["components"]["schemas"][name]["examples"][0]
