"""One event of every type that leads decides, with everything in it, as its record."""

import json
from typing import Any

import msgspec
from msgspec.structs import replace

from services.leads.decider import LEAD, PIPELINE, ROUTING
from services.leads.decider.routing import STREAM as ROUTES
from services.leads.events import (
    LeadAbsorbed,
    LeadAssigned,
    LeadDescribed,
    LeadEvent,
    LeadNoted,
    LeadReleased,
    LeadReopened,
    LeadUnmerged,
    PipelineEvent,
    ScoringDefined,
)
from services.leads.routes import (
    LeadLeft,
    LeadRouted,
    LeadUnrouted,
    Member,
    RepresentativeLeft,
    RepresentativeReturned,
    Route,
    RoutingDefined,
    RoutingEvent,
)
from shared.messages import Identifier
from tests.contracts import (
    decided_catalogue,
    decided_follow_ups,
    decided_partners,
    decided_planning,
    decided_prospects,
    decided_quotes,
    decided_scores,
)
from tests.leads.examples import (
    CHANGED,
    DEFINED,
    JANE,
    LOST,
    MERGED,
    MOVED,
    OTHER,
    RETIRED,
    RULES,
    WON,
    captured,
    inquired,
)
from tests.records import at

LEAD_STREAM, PIPELINE_STREAM, SCORING_STREAM = (
    "0191d5a0-0000-7000-8000-000000000001",
    "0191d5a0-0000-8000-8000-000000000002",
    "0191d5a0-0000-8000-8000-000000000003",
)
_ASKED: dict[str, Any] = {
    "identifiers": (Identifier("user", "42", "shop", JANE),),
    "product": "KETTLE-1",
    "amount": 4990,
    "currency": "EUR",
    "interaction": OTHER,
}
_OF_LEADS: list[LeadEvent] = [
    captured(**_ASKED, owner="7", fields={"size": 3}),
    inquired(**_ASKED),
    LeadDescribed(
        title="Pots",
        product=None,
        amount=100,
        currency="GBP",
        expected_close="2026-03-31",
        fields={"budget": 12.5, "urgent": True, "people": 3, "note": "soon", "gone": None},
        at=at(2),
    ),
    MOVED,
    LeadAssigned("8", "ill", "7", at=at(3)),
    WON,
    LOST,
    LeadReopened("new", 1, "they called back", at=at(4)),
    MERGED,
    LeadAbsorbed(OTHER, at=at(3)),
    LeadUnmerged(OTHER, "two people", at=at(4)),
    LeadReleased(OTHER, at=at(4)),
    LeadNoted("Likes tea", at=at(5)),
]
_OF_PIPELINES: list[PipelineEvent] = [DEFINED, CHANGED, RETIRED]
_MEMBERS = (Member("7", 5), Member("8", capacity=20))
_ROUTE = Route(
    *("north", "north", None, ("sales",), ("/web/",), ("web",), ("KETTLE-1",)),
    *(("GB",), ("Yorkshire",), ("LS",)),
)
_OF_ROUTING: list[RoutingEvent] = [
    RoutingDefined(1, (_ROUTE, Route("rest", owner="9")), {"north": _MEMBERS}, at=at(1)),
    RepresentativeLeft("8", "ill", at=at(2)),
    RepresentativeReturned("8", at=at(3)),
    LeadRouted(LEAD_STREAM, "7", "north", 1, "north", at=at(2)),
    LeadUnrouted(LEAD_STREAM, "nobody is there", 1, "north", at=at(2)),
    LeadLeft(LEAD_STREAM, at=at(3)),
]
_ALL_RULES = replace(
    RULES,
    fit=(*RULES.fit, replace(RULES.fit[1], id="middling", least=10, most=49, group="size")),
    engagement=(*RULES.engagement, replace(RULES.engagement[1], id="kettle", product="KETTLE-1")),
)

EVENTS: dict[str, tuple[str, str, Any]] = {
    **{LEAD.name_of(event): (LEAD_STREAM, JANE, event) for event in _OF_LEADS},
    **{
        PIPELINE.name_of(event): (PIPELINE_STREAM, PIPELINE_STREAM, event)
        for event in _OF_PIPELINES
    },
    "scoring.defined": (
        *(SCORING_STREAM, SCORING_STREAM),
        ScoringDefined(1, _ALL_RULES, at=at(1)),
    ),
    **{ROUTING.name_of(event): (ROUTES, ROUTES, event) for event in _OF_ROUTING},
    **decided_follow_ups.EVENTS,
    **decided_catalogue.EVENTS,
    **decided_prospects.EVENTS,
    **decided_planning.EVENTS,
    **decided_scores.EVENTS,
    **decided_partners.EVENTS,
    **decided_quotes.EVENTS,
    LEAD.name_of(decided_scores.SCORED): (decided_scores.STREAM, JANE, decided_scores.SCORED),
}
"""By type: the stream, the partition key, the event."""


def records() -> dict[str, dict[str, Any]]:
    """The records of all of them, by topic and type."""
    return {
        f"leads/{type_}": {
            "specversion": "1.0",
            "id": f"{stream}/{number}",
            "source": "/leads",
            "type": type_,
            "time": event.at,
            "receivedtime": at(9),
            "recordedtime": at(9),
            "datacontenttype": "application/json",
            "dataversion": 1,
            "partitionkey": key,
            "stream": stream,
            "streamversion": number,
            "sequence": f"{number:016}",
            "actor": "representative:7",
            "ingestkey": "desk",
            "data": json.loads(msgspec.json.encode(event)),
        }
        for number, (type_, (stream, key, event)) in enumerate(EVENTS.items(), 1)
    }
