"""Histories of a few customers, with all that can happen to them, for property tests."""

from typing import Any

from hypothesis import strategies as st

from shared.messages import Record
from tests.records import decided, identifier, record

PEOPLE = [
    f"{kind}:{name}"
    for kind in ("device", "phone", "email", "loyalty", "crm", "user")
    for name in ("x1", "x2", "x3")
]


people = st.sampled_from(PEOPLE)
several = st.lists(people, min_size=1, max_size=3, unique=True)
anybody = st.lists(people, max_size=2, unique=True)
letters = st.sampled_from("xy")


@st.composite
def happening(draw: st.DrawFn) -> tuple[str, list[str], dict[str, Any]]:
    """A type, whom it names, and its own fields."""
    money = {"amount": draw(st.integers(0, 9)), "currency": draw(st.sampled_from(["EUR", "USD"]))}
    order = {"order": draw(letters)}
    mail = draw(st.sampled_from(["email:x1", "email:x2"]))
    wish = {"address": mail[6:], "purpose": "news", "consent_channel": "email"}
    verb = draw(st.sampled_from(["together", "apart", "observed"]))
    organisation = {"id": "o", "name": draw(st.sampled_from([None, "", "x", "y"]))}
    two = draw(st.lists(people, min_size=2, max_size=2, unique=True))
    kinds: list[tuple[str, list[str], dict[str, Any]]] = [
        ("page.viewed", draw(several), {}),
        ("page.viewed", draw(several), {}),
        ("page.viewed", draw(several), {}),
        (f"identifiers.{verb}", two, {"decision": verb}),
        ("identifiers.seen", draw(several), {}),
        ("key.disowned", [], {"disowned": draw(st.sampled_from("abc"))}),
        ("order.placed", draw(anybody), order | money),
        ("order.cancelled", draw(anybody), order),
        ("order.returned", draw(anybody), order | money),
        ("subscription.started", draw(anybody), {"subscription": draw(letters)} | money),
        ("subscription.cancelled", draw(anybody), {"subscription": draw(letters)}),
        ("product.registered", draw(anybody), {"serial": "p", "name": draw(letters)}),
        ("feedback.given", draw(several), {"csat": 3, "nps": draw(st.integers(0, 10))}),
        ("customer.described", draw(several), {"traits": {draw(letters): "\u0000a"}}),
        ("consent.granted", draw(anybody), wish | {"address_identifier": identifier(mail)}),
        (
            "consent.withdrawn",
            draw(anybody),
            wish | {"address_identifier": identifier(mail)},
        ),
        ("membership.changed", draw(anybody), {"organisation": organisation, "role": "r"}),
    ]
    kind: tuple[str, list[str], dict[str, Any]] = draw(st.sampled_from(kinds))
    return kind


@st.composite
def of_leads(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A type of event of a lead after its first, and its own fields."""
    money = {"amount": draw(st.integers(0, 9)), "currency": draw(st.sampled_from(["EUR", "USD"]))}
    nothing = {"amount": None, "currency": None}
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("lead.described", money),
        ("lead.described", draw(st.sampled_from([nothing, {"title": "x"}]))),
        ("lead.moved", {"left": "new", "stage": draw(letters), "revision": 1}),
        ("lead.assigned", {"owner": "representative:7", "reason": "r"}),
        ("lead.won", {"stage": "new"} | money),
        ("lead.lost", {"stage": "new", "reason": "price"}),
        ("lead.reopened", {"stage": "again", "revision": 1, "reason": "r"}),
        ("lead.merged", {"into": "x"}),
        ("lead.unmerged", {"out_of": "x"}),
        ("lead.noted", {"text": "not shown"}),
        ("pipeline.retired", {"name": "not shown"}),
    ]
    kind: tuple[str, dict[str, Any]] = draw(st.sampled_from(kinds))
    return kind


def captured(**fields: Any) -> dict[str, Any]:
    """The fields of lead.captured."""
    asked = {"pipeline": "sales", "revision": 1, "stage": "new", "title": "Quote"}
    return asked | {"source": "/web", "channel": "web", "subject": "x"} | fields


@st.composite
def leads(draw: st.DrawFn) -> list[Record]:
    """What happened to a few leads, each a stream that begins with its capture."""
    made: list[Record] = []
    for stream in range(draw(st.integers(0, 2))):
        who = draw(people)
        happened = [("lead.captured", captured()), *draw(st.lists(of_leads(), max_size=5))]
        for version, (type_, fields) in enumerate(happened, 1):
            times: dict[str, Any] = {
                name: draw(st.integers(0, 9)) for name in ("seconds", "recorded")
            }
            key = draw(st.sampled_from("ab"))
            offset = 100 + len(made)
            made.append(
                decided(type_, who, stream, version, **times, key=key, offset=offset, **fields)
            )
    return made


@st.composite
def histories(draw: st.DrawFn) -> list[Record]:
    """Records that happened and were recorded whenever.

    Some share name and times with one of another subject, and are other events all the same.
    """
    made: list[Record] = []
    names: list[tuple[str, int, int]] = []
    taken: set[tuple[bytes | None, str]] = set()
    for number in range(draw(st.integers(1, 25))):
        type_, who, fields = draw(happening())
        of_identity = {"decision", "disowned"} & fields.keys()
        fields["topic"] = "identity.1" if of_identity else "interactions.1"
        fields["key"] = draw(st.sampled_from("ab"))
        own = str(number), draw(st.integers(0, 9)), draw(st.integers(0, 9))
        id, seconds, recorded = draw(st.sampled_from([own, *names]))
        one = record(type_, *who, id=id, seconds=seconds, recorded=recorded, **fields)
        if (one.key, id) in taken:
            id, seconds, recorded = own
            one = record(type_, *who, id=id, seconds=seconds, recorded=recorded, **fields)
        taken.add((one.key, id))
        names.append((id, seconds, recorded))
        made.append(one._replace(place=one.place._replace(offset=number)))
    return draw(st.permutations([*made, *draw(leads())]))
