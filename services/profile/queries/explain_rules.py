"""The fields of a profile that can be explained: how each is computed, where its events are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.profile.queries import explain_parts as parts
from services.profile.queries.explain_parts import Part, Seen

OWN, ORDERS, SUBSCRIPTIONS, PRODUCTS, CONSENTS, MEMBERSHIPS, PAIRS, TRAITS, LEADS = (
    "own",
    "orders",
    "subscriptions",
    "products",
    "consents",
    "memberships",
    "pairs",
    "traits",
    "leads",
)
"""Where the events of a field are found."""

Parts = Callable[[Seen, str], Part | None]
"""What an event gives, by what stands after the field's name; None: nothing, it never did."""


@dataclass(frozen=True)
class Rule:
    """How the fields of one name are computed.

    `at`: only events of the very moment that is the value. `of`: what stands after the name.
    """

    name: str
    sentence: str
    part: Parts
    source: str = OWN
    types: Sequence[str] = ()
    of: str = ""
    at: bool = False

    @property
    def shown(self) -> str:
        """The field as a list of all shows it."""
        return f"{self.name}.{self.of}" if self.of else self.name


_FEEDBACK = ("feedback.given",)
_PLACED = ("order.placed", "order.cancelled")
_MONEY = (
    "Over the orders of this currency that were placed and not cancelled since, the latest "
    "order.placed of each"
)
_BELONGS = (
    "What was seen together in one event, and what people decided about two identifiers; "
    "`belonging` has the whole reason for each."
)

RULES = (
    Rule("id", _BELONGS, parts.whom, PAIRS),
    Rule("subjects", _BELONGS, parts.whom, PAIRS),
    Rule("identifiers", _BELONGS, parts.whom, PAIRS),
    Rule("first_seen", "The earliest time of the customer's events.", parts.moment, at=True),
    Rule("last_seen", "The latest time of the customer's events.", parts.moment, at=True),
    Rule("interactions.total", "The number of the customer's events.", parts.one),
    Rule(
        "interactions.by_channel",
        "The number of the customer's events on this channel.",
        parts.one,
        of="<channel>",
    ),
    Rule(
        "interactions.by_type",
        "The number of the customer's events of this type.",
        parts.one,
        of="<type>",
    ),
    Rule(
        "traits",
        "The latest value that an event gave; null takes the trait away.",
        parts.trait,
        TRAITS,
        ("customer.described",),
        "<name>",
    ),
    Rule(
        "orders.count",
        "The number of orders that were placed and not cancelled since. An order is the customer's "
        "whose event with an identifier was its earliest, whoever speaks of it later.",
        parts.count,
        ORDERS,
        _PLACED,
    ),
    Rule(
        "orders.by_status",
        "The number of orders whose latest event is of this kind.",
        parts.status,
        ORDERS,
        of="<status>",
    ),
    Rule(
        "orders.first",
        "The time at which the first of the orders that count was placed.",
        parts.ordered,
        ORDERS,
        ("order.placed",),
        at=True,
    ),
    Rule(
        "orders.last",
        "The time at which the last of the orders that count was first placed.",
        parts.ordered,
        ORDERS,
        ("order.placed",),
        at=True,
    ),
    Rule(
        "orders.returns",
        "The number of times that something was given back.",
        parts.returns,
        ORDERS,
        ("order.returned",),
    ),
    Rule(
        "revenue",
        f"{_MONEY}: `orders` their number, `amount` the sum, `returned` what was given back of "
        "them, `net` the difference, `average` the amount by order, rounded; in minor units.",
        parts.revenue,
        ORDERS,
        (*_PLACED, "order.returned"),
        "<currency>",
    ),
    Rule(
        "leads.open",
        "The number of leads that were captured and not closed since, or are open again.",
        parts.lead_open,
        LEADS,
        ("lead.captured", "lead.reopened", "lead.unmerged"),
    ),
    Rule(
        "leads.won",
        "The number of leads that were won and not opened again since.",
        parts.lead_closed,
        LEADS,
        ("lead.won",),
    ),
    Rule(
        "leads.lost",
        "The number of leads that were lost and not opened again since.",
        parts.lead_closed,
        LEADS,
        ("lead.lost",),
    ),
    Rule(
        "leads.pipeline_value",
        "The sum of the amounts of open leads, the latest that was said of each; in minor units.",
        parts.pipeline_value,
        LEADS,
        ("lead.captured", "lead.described"),
        "<currency>",
    ),
    Rule(
        "leads.won_value",
        "The sum of what leads were won for that are not open again; in minor units.",
        parts.won_value,
        LEADS,
        ("lead.won",),
        "<currency>",
    ),
    Rule("complaints", "The number of complaints raised.", parts.one, types=("complaint.raised",)),
    Rule(
        "satisfaction.csat",
        "Over all answers from 1 to 5: `responses` their number, `average` their mean.",
        parts.csat,
        types=_FEEDBACK,
    ),
    Rule(
        "satisfaction.nps",
        "Over all answers from 0 to 10: `promoters` gave 9 or 10, `detractors` 0 to 6, `score` is "
        "the share of promoters less that of detractors, in percent.",
        parts.nps,
        types=_FEEDBACK,
    ),
    Rule(
        "consents",
        "The latest event about this channel, address and purpose, whoever's it is; of two at one "
        "moment a withdrawal goes first.",
        parts.consent,
        CONSENTS,
        of="<channel>.<address>.<purpose>",
    ),
    Rule(
        "subscriptions",
        "Status by the latest event, terms by the latest that named any, `started` by the "
        "earliest start, `renewals` counted.",
        parts.subscription,
        SUBSCRIPTIONS,
        of="<namespace>.<number>",
    ),
    Rule(
        "products",
        "Described by the latest registration, registered at the earliest.",
        parts.product,
        PRODUCTS,
        of="<namespace>.<number>",
    ),
    Rule(
        "memberships",
        "Role and membership by the customer's latest event about the organisation; its name by "
        "the latest event that named it, whoever's it is.",
        parts.membership,
        MEMBERSHIPS,
        ("membership.changed",),
        "<namespace>.<number>",
    ),
)
"""All that can be explained."""

_PARTS = {
    "satisfaction.csat": ("", "responses", "average"),
    "satisfaction.nps": ("", "responses", "promoters", "detractors", "score"),
}
_OF_REVENUE = ("orders", "amount", "returned", "net", "average")
FIELDS = tuple(rule.shown for rule in RULES)
"""The fields as a problem lists them."""


def rule_of(field: str) -> tuple[Rule, str] | None:
    """The rule of a field, and what stands after its name; None where there is no such field."""
    for rule in RULES:
        if field == rule.name or field.startswith(f"{rule.name}."):
            rest = field[len(rule.name) + 1 :]
            return (rule, rest) if _is_whole(rule, rest) else None
    return None


def _is_whole(rule: Rule, rest: str) -> bool:
    if rule.name in _PARTS:
        return rest in _PARTS[rule.name]
    if rule.name == "revenue":
        currency, dot, part = rest.partition(".")
        return bool(currency) and (not dot or part in _OF_REVENUE)
    return bool(rest) == bool(rule.of) and rest.count(".") >= rule.of.count(".")
