"""Prospects that tests talk about."""

from typing import Any

from services.leads.commands import DefineScoring
from services.leads.decider import SCORING
from services.leads.decider.scoring import STREAM
from services.leads.prospects.commands import KeepProspect
from services.leads.prospects.events import ProspectKept
from shared.deciding.store import Origin
from shared.messages import Identifier
from tests.leads.answering import Leads
from tests.leads.examples import JANE, RULES
from tests.records import at

WHO = (Identifier("user", "42", "shop", JANE),)
_JANE: dict[str, Any] = {"subject": JANE, "name": "Jane Doe", "source": "/fairs/utrecht"}


def keep(**changes: Any) -> KeepProspect:
    """Jane left her card at a fair."""
    wanted: dict[str, Any] = _JANE | {"identifiers": WHO, "at": at(1)}
    return KeepProspect(**(wanted | changes))


def kept(**changes: Any) -> ProspectKept:
    """Jane is kept."""
    happened: dict[str, Any] = _JANE | {"identifiers": WHO, "at": at(1)}
    return ProspectKept(**(happened | changes))


def item(n: int, **changes: Any) -> dict[str, Any]:
    """The nth prospect of an import."""
    user = {"kind": "user", "namespace": "shop", "value": str(n)}
    return {"identifiers": [user], "name": f"Nth {n}", "source": "/fairs/utrecht"} | changes


async def scored(leads: Leads) -> None:
    """There are rules of scoring."""
    command = DefineScoring(rules=RULES, at=at(0))
    await leads.handler.carry_out(
        SCORING, STREAM, command, Origin("service:app"), partitionkey=STREAM
    )
    await leads.settle()


async def post(
    leads: Leads, path: str, body: Any, who: str = "service:app", version: int | None = None
) -> Any:
    """The answer to a command."""
    headers = {**leads.headers(who)}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    return await leads.client.post(path, json=body, headers=headers)


async def put(leads: Leads, path: str, body: Any, version: int | None = None) -> Any:
    headers = {**leads.headers("service:app")}
    if version is not None:
        headers["If-Match"] = f'"{version}"'
    return await leads.client.put(path, json=body, headers=headers)
