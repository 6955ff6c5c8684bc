"""Who belongs to whom: the vectors with a known answer, and the laws."""

import random
from collections.abc import Sequence
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.profile.explanation import Link, Reason, chain, explain
from services.profile.identity import Candidate, Decision, Identity, Pair, identify
from shared.identifiers import RANK

KIND = {"d": "device", "p": "phone", "e": "email", "l": "loyalty", "c": "crm", "u": "user"}


def rank(subject: str) -> int:
    return RANK[KIND[subject[0]]]


def ordered(one: str, other: str) -> tuple[str, str]:
    """Weaker, stronger; of equals the smaller subject is the stronger."""
    if (rank(one), other) < (rank(other), one):
        return one, other
    return other, one


def seen(*events: str) -> list[Pair]:
    """The pairs of events in their order; an event is its identifiers: "u1 e1"."""
    pairs = []
    for moment, event in enumerate(events):
        for one, other in combinations(event.split(), 2):
            weaker, stronger = ordered(one, other)
            pairs.append(Pair(weaker, stronger, rank(weaker), rank(stronger), f"{moment:03}"))
    return pairs


def decided(*decisions: str) -> list[Decision]:
    """Decisions in their order: "apart e1 u7"."""
    made = []
    for moment, text in enumerate(decisions):
        verb, one, other = text.split()
        weaker, stronger = ordered(one, other)
        made.append(Decision(weaker, stronger, rank(weaker), rank(stronger), verb, f"{moment:03}"))
    return made


def customers(identity: Identity) -> list[list[str]]:
    """The sets of identifiers that are one customer."""
    groups: dict[str, list[str]] = {}
    for subject, customer in identity.customers.items():
        groups.setdefault(customer, []).append(subject)
    return sorted(sorted(group) for group in groups.values())


def candidates(identity: Identity, pairs: Sequence[Pair], subject: str) -> list[Candidate]:
    direct = [
        Candidate(pair.stronger, pair.stronger_rank, True, pair.stamp)
        for pair in pairs
        if pair.weaker == subject and pair.stronger_rank > pair.weaker_rank
    ]
    through = [
        Candidate(pair.stronger, pair.stronger_rank, False, pair.stamp)
        for pair in identity.derived
        if pair.weaker == subject
    ]
    return direct + through


def test_an_email_seen_with_two_users_belongs_to_the_first() -> None:
    pairs = seen("u1 e1", "u2 e1")
    identity = identify(pairs, [])
    assert customers(identity) == [["e1", "u1"], ["u2"]]
    [lost] = explain(candidates(identity, pairs, "e1"), set())
    assert (lost.candidate.subject, lost.reason) == ("u2", Reason.LATER)
    assert lost.owner is not None
    assert lost.owner.subject == "u1"


def test_a_device_belongs_to_the_user_of_its_email() -> None:
    assert customers(identify(seen("d1", "e1 d1", "u1 e1"), [])) == [["d1", "e1", "u1"]]


def test_two_owners_of_an_email_are_one_customer_named_by_the_stronger() -> None:
    identity = identify(seen("c5 e1", "u7 e1"), [])
    assert customers(identity) == [["c5", "e1", "u7"]]
    assert identity.customer("c5") == "u7"


def test_two_of_one_kind_are_not_joined_by_what_they_share() -> None:
    assert customers(identify(seen("e1 p1", "e2 p1"), [])) == [["e1", "p1"], ["e2"]]
    assert customers(identify(seen("u1 u2"), [])) == [["u1"], ["u2"]]


def test_a_device_seen_with_51_users_belongs_to_nobody_of_any_kind() -> None:
    users = [f"u{n} d1" for n in range(50)]
    assert identify(seen("e1 d1", *users), []).customer("d1") == "u0"
    identity = identify(seen("e1 d1", *users, "u50 d1"), [])
    assert identity.customer("d1") == "d1"
    assert identity.shared == {"d1"}
    assert not identity.derived


def test_separating_the_email_from_its_user_gives_two_customers_and_can_be_undone() -> None:
    pairs = seen("c5 e1", "u7 e1")
    assert customers(identify(pairs, decided("apart e1 u7"))) == [["c5", "e1"], ["u7"]]
    undone = identify(pairs, decided("apart e1 u7", "observed e1 u7"))
    assert undone.customers == identify(pairs, []).customers


def test_an_owner_seen_directly_goes_before_one_through_a_third() -> None:
    identity = identify(seen("c5 u8", "e1 c5", "e1 u7"), [])
    assert customers(identity) == [["c5", "u8"], ["e1", "u7"]]


def test_a_separation_also_strikes_the_pair_through_a_third() -> None:
    pairs = seen("p1 e1", "p1 u7", "e1 u7")
    assert identify(pairs, []).customer("e1") == "u7"
    identity = identify(pairs, decided("apart e1 u7"))
    assert identity.customer("e1") == "e1"
    lost = explain(candidates(identity, pairs, "e1"), {"u7"})
    assert [(one.candidate.subject, one.reason) for one in lost] == [("u7", Reason.APART)]


def test_an_email_follows_the_user_it_was_seen_with_not_the_one_of_its_device() -> None:
    pairs = seen("d1 u1", "d1 e1", "e1 u2")
    identity = identify(pairs, [])
    assert identity.customer("e1") == "u2"
    assert identity.customer("d1") == "u1"
    [lost] = explain(candidates(identity, pairs, "e1"), set())
    assert (lost.candidate.subject, lost.reason) == ("u1", Reason.DERIVED)


def test_those_held_apart_still_count_towards_shared() -> None:
    identity = identify(
        seen("d1 u1", "d1 u2", "d1 u3"), decided("apart d1 u1", "apart d1 u2"), shared_above=2
    )
    assert identity.shared == {"d1"}


def test_of_two_seen_at_the_same_moment_the_smaller_subject_owns() -> None:
    pairs = [Pair("e1", "u2", 2, 5, "1"), Pair("e1", "u1", 2, 5, "1")]
    identity = identify(pairs, [])
    assert identity.customer("e1") == "u1"
    assert [one.reason for one in explain(candidates(identity, pairs, "e1"), ())] == [
        Reason.GREATER
    ]


def test_every_candidate_of_a_shared_identifier_lost_for_that() -> None:
    pairs = seen("d1 u1", "d1 u2")
    identity = identify(pairs, [], shared_above=1)
    lost = explain(candidates(identity, pairs, "d1"), (), shared_above=1)
    assert [(one.candidate.subject, one.reason, one.owner) for one in lost] == [
        ("u1", Reason.SHARED, None),
        ("u2", Reason.SHARED, None),
    ]


def test_together_joins_roots_whatever_they_are_by_then() -> None:
    decisions = decided("together e1 e2")
    assert customers(identify([], decisions)) == [["e1", "e2"]]
    identity = identify(seen("u1 e1", "u2 e2"), decisions)
    assert customers(identity) == [["e1", "e2", "u1", "u2"]]
    assert identity.customer("e2") == "u1"


def test_apart_does_not_cut_what_others_hold_together() -> None:
    identity = identify(seen("e1 u1"), decided("together e1 u1", "together p1 e1", "apart p1 u1"))
    assert customers(identity) == [["e1", "p1", "u1"]]


def test_the_chain_between_two_goes_through_what_was_seen_and_decided() -> None:
    identity = identify(seen("d1 e1", "d1 u1", "u2 e2"), decided("together u1 e2"))
    assert chain(identity, "e1", "u2") == [
        Link("e1", "d1", "seen"),
        Link("d1", "u1", "seen"),
        Link("u1", "e2", "together"),
        Link("e2", "u2", "seen"),
    ]
    assert chain(identity, "e1", "e1") == []
    assert chain(identify(seen("e1 u1"), []), "e1", "u2") == []


subjects = st.sampled_from([f"{kind}{n}" for kind in KIND for n in (1, 2, 3)])
stamps = st.integers(0, 12).map("{:03}".format)


@st.composite
def two(draw: st.DrawFn) -> tuple[str, str]:
    one, other = draw(st.lists(subjects, min_size=2, max_size=2, unique=True))
    return ordered(one, other)


@st.composite
def pair(draw: st.DrawFn) -> Pair:
    weaker, stronger = draw(two())
    return Pair(weaker, stronger, rank(weaker), rank(stronger), draw(stamps))


@st.composite
def decision(draw: st.DrawFn) -> Decision:
    weaker, stronger = draw(two())
    verb = draw(st.sampled_from(["together", "apart", "observed"]))
    return Decision(weaker, stronger, rank(weaker), rank(stronger), verb, draw(stamps))


pairs_seen = st.lists(pair(), max_size=30)
decisions_made = st.lists(decision(), max_size=6, unique_by=lambda one: one.stamp)
limits = st.integers(1, 4)


@given(pairs_seen, decisions_made, limits, st.randoms(use_true_random=False))
def test_any_order_gives_the_same(
    pairs: list[Pair], decisions: list[Decision], limit: int, order: random.Random
) -> None:
    whole = identify(pairs, decisions, limit)
    order.shuffle(pairs)
    order.shuffle(decisions)
    again = identify(pairs, decisions, limit)
    assert (again.owners, again.derived, again.shared) == (
        whole.owners,
        whole.derived,
        whole.shared,
    )
    assert again.customers == whole.customers


@given(pairs_seen, decisions_made, limits, two())
def test_apart_gives_the_customers_of_the_whole_with_that_pair_not_formed(
    pairs: list[Pair], decisions: list[Decision], limit: int, apart: tuple[str, str]
) -> None:
    weaker, stronger = apart
    decisions = [one for one in decisions if (one.weaker, one.stronger) != apart]
    verdict = Decision(weaker, stronger, rank(weaker), rank(stronger), "apart", "999")
    separated = identify(pairs, [*decisions, verdict], limit)
    expected = without_pair(pairs, decisions, limit, apart)
    assert separated.customers == {**expected, **known(separated, expected)}


def known(identity: Identity, expected: dict[str, str]) -> dict[str, str]:
    """The separated two themselves are known by the decision, even where no pair named them."""
    return {subject: subject for subject in identity.customers if subject not in expected}


def without_pair(
    pairs: list[Pair], decisions: list[Decision], limit: int, apart: tuple[str, str]
) -> dict[str, str]:
    """The whole function told another way: one kind at a time, the pair not formed but counted."""
    ranks = {p.weaker: p.weaker_rank for p in pairs} | {p.stronger: p.stronger_rank for p in pairs}
    for one in decisions:
        ranks |= {one.weaker: one.weaker_rank, one.stronger: one.stronger_rank}
    verbs: dict[tuple[str, str], tuple[str, str]] = {}
    for one in decisions:
        at = (one.weaker, one.stronger)
        verbs[at] = max(verbs.get(at, ("", "")), (one.stamp, one.verb))
    cut = {at for at, (_, verb) in verbs.items() if verb == "apart"} | {apart}
    met = [(p.weaker, p.stronger, 0, p.stamp) for p in pairs if p.weaker_rank < p.stronger_rank]
    parents: dict[str, str] = {}
    for level in range(6):
        for subject in [subject for subject in ranks if ranks[subject] == level]:
            mine = [(s, through, stamp) for w, s, through, stamp in met if w == subject]
            owners = elect(subject, mine, cut, ranks, limit)
            for (_, stamp, lower), (_, other, upper) in combinations(owners, 2):
                met.append((lower, upper, 1, max(stamp, other)))
            if owners:
                parents[subject] = owners[-1][2]
    return gather(ranks, parents, [at for at, (_, verb) in verbs.items() if verb == "together"])


def elect(
    subject: str,
    mine: list[tuple[str, int, str]],
    cut: set[tuple[str, str]],
    ranks: dict[str, int],
    limit: int,
) -> list[tuple[int, str, str]]:
    owners = []
    for kind in range(6):
        of_kind = [(through, stamp, s) for s, through, stamp in mine if ranks[s] == kind]
        if len({s for _, _, s in of_kind}) > limit:
            return []
        open_ones = [one for one in of_kind if (subject, one[2]) not in cut]
        owners += [min(open_ones)] if open_ones else []
    return owners


def gather(
    ranks: dict[str, int], parents: dict[str, str], together: list[tuple[str, str]]
) -> dict[str, str]:
    """Merge sets by hand: identifiers that share a root, then roots held together."""
    group = {subject: {subject} for subject in ranks}
    for one, other in [*parents.items(), *together]:
        merged = group[one] | group[other]
        group.update(dict.fromkeys(merged, merged))
    return {
        subject: min(members, key=lambda member: (-ranks[member], member))
        for subject, members in group.items()
    }


@given(pairs_seen, decisions_made, limits, two(), st.sampled_from(["together", "apart"]))
def test_as_observed_undoes_what_was_decided(
    pairs: list[Pair], decisions: list[Decision], limit: int, at: tuple[str, str], verb: str
) -> None:
    decisions = [one for one in decisions if (one.weaker, one.stronger) != at]
    made = Decision(*at, rank(at[0]), rank(at[1]), verb, "990")
    undone = identify(pairs, [*decisions, made, made._replace(verb="observed", stamp="991")], limit)
    before = identify(pairs, decisions, limit)
    assert all(undone.customer(subject) == before.customer(subject) for subject in undone.ranks)


@given(pairs_seen, decisions_made, limits, subjects, subjects)
def test_a_chain_joins_two_exactly_where_they_are_one_customer(
    pairs: list[Pair], decisions: list[Decision], limit: int, start: str, end: str
) -> None:
    identity = identify(pairs, decisions, limit)
    links = chain(identity, start, end)
    if start == end or identity.customer(start) != identity.customer(end):
        assert links == []
        return
    assert [links[0].start, links[-1].end] == [start, end]
    assert all(one.end == other.start for one, other in pairwise(links))
    met = {(p.weaker, p.stronger) for p in pairs}
    for link in links:
        at = ordered(link.start, link.end)
        assert at in (met if link.by == "seen" else identity.together)
