"""Leads, pipelines and rules as the API shows them, from their states."""

from typing import Any, assert_never

import msgspec

from services.leads.decider.pipeline import defined
from services.leads.states import Lead, Lost, Merged, Open, Pipeline, Retired, Scored, Unknown, Won


def lead(id: str, version: int, state: Lead) -> dict[str, Any]:
    """A lead whole: what is known of it and how it stands. Money in minor units."""
    assert not isinstance(state, Unknown)
    known = msgspec.to_builtins(state.lead)
    return {"id": id, "version": version, **_NOTHING, **known, **judged(state), **_standing(state)}


def judged(state: Open | Won | Lost | Merged) -> dict[str, Any]:
    """Whether it was hot, and is worth working on: null where nobody asks."""
    found = state.lead
    return {
        "hot": found.heated > 0,
        "prequalified": not found.failed if found.judged else None,
    }


_NOTHING: dict[str, Any] = {
    "identifiers": [],
    "product": None,
    "amount": None,
    "currency": None,
    "expected_close": None,
    "owner": None,
    "fields": {},
    "inquiries": 1,
    "absorbed": [],
    "heated": 0,
    "judged": 0,
    "failed": [],
    "rule": None,
    "reached": 0,
}


def _standing(state: Open | Won | Lost | Merged) -> dict[str, Any]:
    match state:
        case Open():
            return {"state": "open"}
        case Won(amount=amount, currency=currency):
            return {"state": "won", "won": {"amount": amount, "currency": currency}}
        case Lost(reason=reason, competitor=competitor):
            return {"state": "lost", "lost": {"reason": reason, "competitor": competitor}}
        case Merged(into=into):
            return {"state": "merged", "merged": {"into": into}}
        case _:
            assert_never(state)


def pipeline(version: int, state: Pipeline) -> dict[str, Any]:
    """A pipeline whole. Raises NotFound where there is none."""
    found = msgspec.to_builtins(defined(state))
    found.pop("type", None)
    return {"version": version, "retired": isinstance(state, Retired), **found}


def scoring(state: Scored) -> dict[str, Any]:
    """The rules that stand, since when."""
    return {
        "version": state.version,
        "since": state.epoch,
        "rules": msgspec.to_builtins(state.rules),
    }
