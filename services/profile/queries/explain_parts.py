"""What an event gives to a field of the profile, and whether that still stands.

Pure: an event's row, its data undecoded, and what became of the thing that it mentions come in.
Each function takes what stands after the field's name, and answers None for an event that never
gave anything to it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

Data = Mapping[str, msgspec.Raw]
Row = Mapping[str, Any]


class Seen(NamedTuple):
    """An event that a field may rest on. `thing`: what became of the thing that it mentions."""

    row: Row
    data: Data
    thing: Row

    @property
    def stamp(self) -> str:
        return "{time}{recorded}{source}\x1f{id}\x1f{subject}".format_map(self.row)

    def fields(self, *names: str) -> dict[str, Any]:
        """What the data has of these fields."""
        return {name: self.data[name] for name in names if name in self.data}


class Part(NamedTuple):
    """What an event gives to a value, and why that does not stand, if so."""

    contributed: Mapping[str, Any]
    lost: str | None = None


def one(seen: Seen, rest: str) -> Part:
    return Part({"count": 1})


def moment(seen: Seen, rest: str) -> Part:
    return Part({"time": seen.row["time"]})


def trait(seen: Seen, rest: str) -> Part | None:
    traits = msgspec.json.decode(seen.data.get("traits", b"{}"), type=dict[str, msgspec.Raw])
    if rest not in traits:
        return None
    given = {"traits": {rest: traits[rest]}}
    stands = seen.row["event"] == seen.thing["event"] and seen.row["subject"] == seen.thing["by"]
    return Part(given, None if stands else "a later event says otherwise")


def whom(seen: Seen, rest: str) -> Part:
    return Part(seen.fields("identifiers", "decision", "reason"))


def stands(order: Row) -> bool:
    """Whether an order counts: placed, and not cancelled since."""
    placed, cancelled = order["placed"], order["cancelled"]
    return placed is not None and (cancelled is None or cancelled <= placed)


def _placed(seen: Seen, given: Mapping[str, Any]) -> Part:
    """What order.placed gives, or order.cancelled takes away."""
    order = seen.thing
    if seen.row["type"] == "order.cancelled":
        if seen.stamp != order["cancelled"]:
            return Part(given, "the order was cancelled again later")
        return Part(given, "the order was placed again later" if stands(order) else None)
    if seen.stamp != order["placed"]:
        return Part(given, "the order was placed again later")
    return Part(given, None if stands(order) else "the order was cancelled later")


def count(seen: Seen, rest: str) -> Part:
    return _placed(seen, seen.fields("namespace", "order"))


def status(seen: Seen, rest: str) -> Part | None:
    if seen.thing["status"] != rest:
        return None
    last = seen.stamp == seen.thing["status_stamp"]
    given = seen.fields("namespace", "order")
    return Part(given, None if last else "a later event changed the status")


def ordered(seen: Seen, rest: str) -> Part | None:
    return moment(seen, rest) if stands(seen.thing) else None


def returns(seen: Seen, rest: str) -> Part:
    return Part(seen.fields("namespace", "order", "amount"))


def revenue(seen: Seen, rest: str) -> Part | None:
    currency, _, part = rest.partition(".")
    if seen.thing["currency"] != currency or not seen.thing["priced"]:
        return None
    given = seen.fields("namespace", "order", "amount", "currency")
    if seen.row["type"] != "order.returned":
        return None if part == "returned" else _placed(seen, given)
    if part in ("orders", "amount", "average"):
        return None
    return Part(given, None if stands(seen.thing) else "the order does not count")


_BEGAN = ("lead.captured", "lead.reopened", "lead.unmerged")


def lead_open(seen: Seen, rest: str) -> Part | None:
    return _stood(seen) if seen.row["type"] in _BEGAN else None


def lead_closed(seen: Seen, rest: str) -> Part:
    return _stood(seen)


def _stood(seen: Seen) -> Part:
    """What an event gives that says how a lead stands: the latest of them says so."""
    latest = seen.thing["version"] == seen.thing["stood"]
    lost = None if latest else f"the lead is {seen.thing['state']} by a later event"
    return Part({"lead": seen.thing["lead"], "count": 1}, lost)


def pipeline_value(seen: Seen, rest: str) -> Part | None:
    given = seen.fields("amount", "currency")
    if _text(given.get("currency")) != rest:
        return None
    lost = None
    if seen.thing["version"] != seen.thing["priced"]:
        lost = "a later event says another amount"
    elif seen.thing["state"] != "open":
        lost = f"the lead is {seen.thing['state']}"
    return Part({"lead": seen.thing["lead"], **given}, lost)


def won_value(seen: Seen, rest: str) -> Part | None:
    given = seen.fields("amount", "currency")
    if _text(given.get("currency")) != rest:
        return None
    return Part({**_stood(seen).contributed, **given}, _stood(seen).lost)


def _text(value: msgspec.Raw | None) -> str | None:
    return None if value is None else msgspec.json.decode(value, type=str | None)


def csat(seen: Seen, rest: str) -> Part | None:
    return _answer(seen, "csat")


def nps(seen: Seen, rest: str) -> Part | None:
    part = _answer(seen, "nps")
    if part is None or rest not in ("promoters", "detractors"):
        return part
    nps = msgspec.json.decode(seen.data["nps"], type=int)
    return part if (nps >= 9 if rest == "promoters" else nps <= 6) else None


def _answer(seen: Seen, name: str) -> Part | None:
    given = seen.fields(name)
    return Part(given) if given and bytes(given[name]) != b"null" else None


def consent(seen: Seen, rest: str) -> Part | None:
    if seen.thing["purpose"] != msgspec.json.decode(seen.data.get("purpose", b'""')):
        return None
    given = seen.fields("purpose", "topics", "times")
    if seen.row["position"] == seen.thing["position"]:
        return Part(given)
    return Part(given, "a later event says otherwise; of two at one moment a withdrawal goes first")


def subscription(seen: Seen, rest: str) -> Part:
    thing, verb = seen.thing, seen.row["type"].partition(".")[2]
    terms = seen.fields("term", "amount", "currency")
    said: dict[str, tuple[object, bool]] = {
        "status": (verb, seen.stamp == thing["status_stamp"]),
        **{name: (value, seen.stamp == thing["stamp"]) for name, value in terms.items()},
    }
    if verb == "started":
        said["started"] = (seen.row["time"], seen.row["time"] == thing["started"])
    if verb == "renewed":
        said["renewals"] = (1, True)
    return _of_several(said)


def product(seen: Seen, rest: str) -> Part:
    described = seen.fields("sku", "name")
    time = seen.row["time"]
    return _of_several(
        {name: (value, seen.stamp == seen.thing["stamp"]) for name, value in described.items()}
        | {"registered": (time, time == seen.thing["registered"])}
    )


def membership(seen: Seen, rest: str) -> Part:
    organisation = msgspec.json.decode(
        seen.data.get("organisation", b"{}"), type=dict[str, msgspec.Raw]
    )
    said: dict[str, tuple[object, bool]] = {}
    if seen.thing["mine"]:
        role = seen.fields("role", "member")
        said = {name: (value, seen.thing["latest"]) for name, value in role.items()}
    if "name" in organisation:
        said["name"] = (organisation["name"], seen.stamp == seen.thing["stamp"])
    return _of_several(said)


def _of_several(said: Mapping[str, tuple[object, bool]]) -> Part:
    """What still stands of what an event said; where nothing does, all of it, as lost."""
    left = {name: value for name, (value, stands) in said.items() if stands}
    if left:
        return Part(left)
    return Part({name: value for name, (value, _) in said.items()}, "later events say otherwise")
