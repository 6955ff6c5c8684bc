"""Laws of public keys, whatever a page sends: what counts, what is only claimed, whose source."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.contact.attributes import is_within
from services.contact.granting import own_source
from services.contact.identifying import Resolver
from shared.auth import PUBLIC, Key
from shared.identifiers import KINDS, subject_of
from tests.contact.sending import SENDING, admitted
from tests.records import SECRET

PAGE = Key("web", frozenset([PUBLIC]), "service:web", "shop", "/keys/web", frozenset(["x"]))
VALUES = st.sampled_from(["1", "2", "A@x", "a@x", " 1", "+49 30 1", "null", "guest"])
IDENTIFIERS = st.lists(
    st.fixed_dictionaries(
        {"kind": st.sampled_from([*KINDS, "cookie"]), "value": VALUES},
        optional={
            "namespace": st.sampled_from(["", "shop", "desk"]),
            "claim": st.booleans(),
            "subject": st.just("5b2f0b0e-5a55-8c1d-9f0a-2d6f3a1c7e42"),
            "seen": st.integers(0, 9),
        },
    ),
    max_size=12,
)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,8}", fullmatch=True)


def recorded(given: list[dict[str, Any]], vouched: frozenset[str]) -> dict[str, Any]:
    sending = SENDING._replace(key=PAGE, vouched=vouched)
    return admitted({"type": "x", "data": {"identifiers": given}}, sending)


def subject(one: dict[str, Any]) -> str | None:
    """The subject that a server's key would get for an identifier."""
    return subject_of(SECRET, one["kind"], one.get("namespace", "shop"), one["value"])


@given(IDENTIFIERS, IDENTIFIERS)
def test_only_a_device_and_what_is_vouched_for_counts_and_each_kind_once(
    sent: list[dict[str, Any]], known: list[dict[str, Any]]
) -> None:
    vouched = Resolver(SECRET).subjects(known, "shop")
    record = recorded(sent, vouched)
    found = record["data"]["identifiers"]
    counted = [one for one in found if "subject" in one]
    assert len(found) == len(sent)
    for one, came in zip(found, sent, strict=True):
        assert ("subject" in one) is not one.get("claim", False)
        assert one["kind"] == came["kind"]
        assert one.get("seen") == came.get("seen")
        if "subject" in one:
            assert one["subject"] == subject(came)
            assert one["kind"] == "device" or one["subject"] in vouched
    subjects = {one["kind"]: one["subject"] for one in counted}
    assert {(one["kind"], one["subject"]) for one in counted} == set(subjects.items())
    strongest = [subjects[kind] for kind in reversed(KINDS) if kind in subjects]
    if strongest:
        assert record["partitionkey"] == strongest[0]


@given(IDENTIFIERS)
def test_nothing_that_is_sent_is_lost(sent: list[dict[str, Any]]) -> None:
    page = recorded(sent, frozenset())["data"]["identifiers"]
    server = admitted({"type": "x", "data": {"identifiers": sent}})["data"]["identifiers"]

    def bare(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{n: v for n, v in one.items() if n not in ("subject", "claim")} for one in found]

    assert bare(page) == bare(server)


@given(NAMES, NAMES, st.text(max_size=8))
def test_no_two_keys_share_a_source(one: str, other: str, rest: str) -> None:
    for source in (own_source(one) + rest, own_source(one)):
        both = is_within(source, own_source(one)) and is_within(source, own_source(other))
        assert not both or one == other


def test_what_a_page_claims_is_the_same_bytes_each_time() -> None:
    sent = [{"kind": "email", "value": "Jane@X", "claim": False, "subject": "x"}]
    shown = {"kind": "email", "value": "jane@x", "given": "Jane@X", "claim": True}
    for _ in range(2):
        assert recorded([dict(one) for one in sent], frozenset())["data"]["identifiers"] == [shown]
