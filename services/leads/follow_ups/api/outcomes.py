"""How often tactics were followed by a win, with the query that lists what is behind each."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from services.leads.follow_ups.api.parameters import Tactics
from services.leads.follow_ups.queries.tactics import Used
from shared.clock import rfc3339


def with_outcomes(parameters: Tactics, used: Sequence[Used]) -> Callable[[str], dict[str, Any]]:
    """The numbers of a tactic by its name, of the uses that were asked for."""
    found, base = {each.tactic: each for each in used}, _base(parameters)

    def outcomes(name: str) -> dict[str, Any]:
        each = found.get(name, Used(name, 0, 0, 0, 0))
        closed = each.won + each.lost

        def query(*more: tuple[str, str]) -> str:
            pairs = urlencode([*base, *more])
            return f"/v1/tactics/{quote(name)}/leads" + (f"?{pairs}" if pairs else "")

        def after(state: str) -> str:
            return query(("filter[closed][exists]", "true"), ("filter[state][eq]", state))

        return {
            "uses": each.uses,
            "leads": {"value": each.leads, "query": query()},
            "won": {"value": each.won, "query": after("won")},
            "lost": {"value": each.lost, "query": after("lost")},
            "win_rate": {
                "value": round(each.won / closed, 4) if closed else None,
                "query": query(("filter[closed][exists]", "true")),
            },
        }

    return outcomes


def _base(parameters: Tactics) -> list[tuple[str, str]]:
    """The filters that were sent, as a query sends them."""
    return [
        (str(type(parameters).model_fields[name].alias), _spelt(each))
        for name, value in parameters
        if value is not None and name.endswith(("_eq", "_gte", "_lt"))
        for each in (value if isinstance(value, list) else [value])
    ]


def _spelt(value: Any) -> str:
    return value if isinstance(value, str) else rfc3339(value)
