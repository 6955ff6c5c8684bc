"""One event of every type that is decided about prospects, with everything in it."""

from typing import Any

from services.leads.prospects.decider import PROSPECT, REACTIVATION, TARGET_LIST
from services.leads.prospects.decider.knowing import stream_of
from services.leads.prospects.decider.lists import stream_of as stream_of_list
from services.leads.prospects.decider.returning import STREAM
from services.leads.prospects.events import (
    ProspectBarred,
    ProspectDescribed,
    ProspectDropped,
    ProspectDue,
    ProspectEvent,
    ProspectKept,
    ProspectListed,
    ProspectPromoted,
    ProspectPutOff,
    ProspectReleased,
    ProspectUnlisted,
    ReactivationDefined,
    Return,
    TargetListClosed,
    TargetListDefined,
    TargetListEvent,
    TargetListFilled,
)
from shared.messages import Identifier
from tests.leads.examples import JANE, ME
from tests.records import at

_IDENTIFIERS = (Identifier("user", "42", "shop", JANE),)
_OF_PROSPECTS: list[ProspectEvent] = [
    ProspectKept(
        subject=JANE,
        name="Jane Doe",
        source="/fairs/utrecht",
        identifiers=_IDENTIFIERS,
        organisation="Doe & Daughters",
        fields={"seats": 20, "note": "soon"},
        come_back=at(50),
        into="win-back",
        rule="price",
        at=at(1),
    ),
    ProspectDescribed(
        name="Jane", organisation=None, identifiers=_IDENTIFIERS, fields={"gone": None}, at=at(2)
    ),
    ProspectPutOff(at(60), "after the summer", "win-back", "price", at=at(3)),
    ProspectDue(at(60), "win-back", at=at(61)),
    ProspectBarred(JANE, "consent withdrawn: marketing", "consent", _IDENTIFIERS, at=at(4)),
    ProspectReleased("she called", at(60), at=at(5)),
    ProspectPromoted(ME, "sales", at=at(6)),
    ProspectDropped("moved away", at=at(7)),
    ProspectListed("spring", at=at(2)),
    ProspectUnlisted("spring", at=at(3)),
]
_OF_LISTS: list[TargetListEvent] = [
    TargetListDefined("spring", "Bought last year", {"orders_gte": "1"}, at=at(1)),
    TargetListFilled("spring", 200, 190, "further", at=at(2)),
    TargetListClosed("spring", "over", at=at(3)),
]
_RULE = Return("price", 180, ("sales",), ("price",), "sales", promote=True)
_RULES = ReactivationDefined(1, (_RULE, Return("rest", 90)), at=at(1))
_PROSPECT, _LIST = stream_of(JANE), stream_of_list("spring")

EVENTS: dict[str, tuple[str, str, Any]] = {
    **{PROSPECT.name_of(event): (_PROSPECT, JANE, event) for event in _OF_PROSPECTS},
    **{TARGET_LIST.name_of(event): (_LIST, _LIST, event) for event in _OF_LISTS},
    REACTIVATION.name_of(_RULES): (STREAM, STREAM, _RULES),
}
"""By type: the stream, the partition key, the event."""
