"""What reads of measures give, as the documentation shows it."""

from typing import Any
from urllib.parse import urlencode

_LEAD = "0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8d"
_CUSTOMER = "0c9e4b1d-7f2a-8b3c-a1d4-5e6f7a8b9c0d"


def _query(what: str, value: str | None = None) -> str:
    pairs = [("what", what), ("from", "2026-11-01"), ("to", "2026-12-01")]
    more = [] if value is None else [("filter[value][eq]", value)]
    return "/v1/measures/behind?" + urlencode([*pairs, ("filter[source][eq]", "/web/shop"), *more])


def _count(count: int, what: str) -> dict[str, Any]:
    return {"count": count, "query": _query(what)}


MEASURES: dict[str, Any] = {
    "by": "source",
    "data": [
        {
            "group": "/web/shop",
            "from": "2026-11-01",
            "to": "2026-12-01",
            "customers": {
                "prospective": _count(40, "prospective_customers"),
                "new": _count(12, "new_customers"),
                "before": _count(50, "customers_before"),
                "retained": _count(46, "retained_customers"),
                "churned": _count(4, "churned_customers"),
                "repeat": _count(9, "repeat_customers"),
                "churn_rate": 0.08,
                "churn_rate_before": 0.1,
                "churn_reduction": 0.02,
            },
            "leads": {
                "open": _count(44, "open_leads"),
                "new": _count(60, "new_leads"),
                "won": _count(12, "won_leads"),
            },
            "sales_calls": _count(90, "sales_calls"),
            "sales_calls_per_lead": 1.5,
            "proposals": _count(20, "proposals"),
            "activity": [
                {"type": "call.placed", "count": 80, "query": _query("contacts", "call.placed")}
            ],
            "overdue_steps": _count(3, "overdue_steps"),
            "revenue": [
                {
                    "currency": "EUR",
                    "orders": 21,
                    "amount": 1250000,
                    "returned": 50000,
                    "net": 1200000,
                    "query": _query("orders", "EUR"),
                    "new": 700000,
                    "new_query": _query("new_revenue", "EUR"),
                }
            ],
            "recurring": [
                {
                    "currency": "EUR",
                    "subscriptions": 8,
                    "yearly": 95040,
                    "query": _query("recurring", "EUR"),
                }
            ],
            "costs": [
                {
                    "currency": "EUR",
                    "amount": 90000,
                    "query": _query("costs", "EUR"),
                    "per_lead": 1000,
                    "per_lead_query": _query("costs_of_leads", "EUR"),
                    "per_sale": 7000,
                    "per_sale_query": _query("costs_of_sales", "EUR"),
                }
            ],
            "lifetime": [
                {
                    "currency": "EUR",
                    "customers": 58,
                    "amount": 8700000,
                    "mean": 150000,
                    "query": _query("lifetime", "EUR"),
                }
            ],
        }
    ],
    "next_cursor": None,
}

BEHIND: dict[str, Any] = {
    "data": [
        {
            "kind": "order",
            "id": "shop:1001",
            "at": "2026-11-20T10:00:00.000000Z",
            "customer": _CUSTOMER,
            "lead": _LEAD,
            "owner": "representative:7",
            "pipeline": "sales",
            "source": "/web/shop",
            "product": "CHAIR-7",
            "country": "NL",
            "region": None,
            "value": "EUR",
            "amount": 398000,
        }
    ],
    "next_cursor": None,
}
