"""Random histories of leads, and all else that the service reads, as they come into the log."""

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from services.leads.commands import (
    AbsorbLead,
    AssignLead,
    ChangePipeline,
    DefineScoring,
    DescribeLead,
    FollowPipeline,
    JudgeLead,
    LoseLead,
    MergeLead,
    MoveLead,
    NoteLead,
    ReleaseLead,
    ReopenLead,
    ReportVisit,
    RetirePipeline,
    UnmergeLead,
    WinLead,
)
from services.leads.consumers import SOURCE
from services.leads.decider import LEAD, PIPELINE, SCORING
from services.leads.decider.pipeline import stream_of
from services.leads.decider.scoring import STREAM
from services.leads.events import Stage
from services.leads.planning.commands import ChangeGoal, DefineCommissions, RetireGoal, SetGoal
from services.leads.planning.decider import COMMISSIONS, GOAL
from services.leads.planning.decider.goals import stream_of as stream_of_goal
from services.leads.planning.decider.rules import STREAM as PAID
from services.leads.planning.events import Aim, CommissionRule, Share
from services.leads.states import Merged, Unknown
from shared.deciding import store
from shared.deciding.store import Change, Decided, Kept, Origin
from shared.errors import Problem
from shared.log import partition_of
from shared.messages import Place, Record
from tests.leads.examples import REASONS, RULES, capture, define
from tests.leads.told import number
from tests.records import at, record, subject

PARTITIONS = 2
CURRENCIES = ("EUR", "GBP")


def _free(*names: str) -> tuple[Stage, ...]:
    """Stages between which leads move as they like."""
    return tuple(Stage(name, 10 * n, names) for n, name in enumerate(names))


FIRST, SECOND = _free("new", "contacted", "offer"), _free("new", "talking")
WHO = [subject(who) for who in ("user:1", "user:2", "email:a@x")]
SALES = stream_of("sales")
AIM = Aim("all", "won", "month", "2026-01-01")

LEADS = [number(n) for n in range(1, 4)]
FACTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "order": (("order.placed", "order.placed", "order.cancelled", "order.returned"), ("order",)),
    "subscription": (("subscription.started", "subscription.cancelled"), ("subscription",)),
    "cost": (("cost.recorded",), ("source",)),
    "contact": (("call.placed", "email.sent"), ("employee", "purpose")),
}
"""What else is told of customers: the types, and the fields that are numbers as text."""

SAID = st.tuples(
    st.sampled_from(
        [
            *(
                "capture",
                "capture",
                "describe",
                "describe",
                "move",
                "move",
                "assign",
                "win",
                "lose",
            ),
            *("reopen", "merge", "unmerge", "note", "follow", "change", "retire", "rules", "judge"),
            *("visit", "trait", "view", "belongs", "belongs", *FACTS, "goal", "commissions"),
        ]
    ),
    st.integers(0, 2),
    st.integers(0, 4),
)
"""What, about which lead, and how: a step of a history."""


class History:
    """What is decided, and what else happens, as it comes into the log."""

    def __init__(self) -> None:
        self.states: dict[str, Any] = {}
        self.records: list[Record] = []
        self._versions: dict[str, int] = {}
        self._keys: dict[str, str] = {}
        self._step = 0
        self._position = 0
        self.carry_out(PIPELINE, SALES, define(stages=FIRST))
        for lead in range(2):
            self.say("capture", lead, lead)

    def say(self, what: str, lead: int, how: int) -> None:
        self._step += 1
        if what in ("trait", "view", "belongs", *FACTS):
            self._tell(what, lead, how)
        elif what == "merge":
            self._merge(LEADS[lead], LEADS[how % 3])
        elif what == "unmerge":
            self._unmerge(LEADS[lead])
        elif what in ("change", "retire"):
            self.carry_out(PIPELINE, SALES, self._on_pipeline(what, how))
        elif what in ("goal", "commissions"):
            self._plan(what, how)
        elif what == "rules":
            rules = msgspec.structs.replace(RULES, half_life=10 + how)
            self.carry_out(SCORING, STREAM, DefineScoring(rules=rules, at=self.now))
        else:
            self.carry_out(LEAD, LEADS[lead], self._on_lead(what, lead, how))

    def _plan(self, what: str, how: int) -> None:
        if what == "commissions":
            rule = CommissionRule("r", (Share("owner", 1 + how),), rate=1)
            self.carry_out(COMMISSIONS, PAID, DefineCommissions(rules=(rule,), at=self.now))
            return
        wanted: list[Any] = [
            SetGoal(aim=AIM, target=1 + how, at=self.now),
            ChangeGoal(target=10 + how, at=self.now),
            RetireGoal(at=self.now),
        ]
        self.carry_out(GOAL, stream_of_goal(AIM), wanted[how % 3])

    @property
    def now(self) -> str:
        return at(self._step * 7 % 40)  # what happened later may be told first

    def _on_pipeline(self, what: str, how: int) -> Any:
        if what == "retire" and how == 4:  # seldom, for not much follows
            return RetirePipeline(at=self.now)
        if how % 2:
            moved = {"talking": "offer"}
            return ChangePipeline(stages=FIRST, reasons=REASONS, moved=moved, at=self.now)
        moved = {"contacted": "talking", "offer": "talking"}
        return ChangePipeline(stages=SECOND, reasons=REASONS, moved=moved, at=self.now)

    def _on_lead(self, what: str, lead: int, how: int) -> Any:
        pipeline, when = self.states[SALES], dict[str, Any](at=self.now)
        amount = {"amount": how * 100, "currency": CURRENCIES[how % 2]}
        money: dict[str, Any] = amount if how % 3 else {}
        nothing: dict[str, Any] = {"amount": None, "currency": None}
        stage = ["new", "contacted", "offer", "talking", "new"][how]
        made: dict[str, Any] = {
            "capture": lambda: capture(pipeline=pipeline, subject=WHO[lead], **money, **when),
            "describe": lambda: DescribeLead(
                title=f"T{how}",
                product=[None, "P", "Q"][how % 3],
                expected_close=[None, "2026-03-01"][how % 2],
                fields={"budget": [None, 7][how % 2], f"f{how}": "\\ \"quoted\", 'so'"},
                **(money or nothing),
                **when,
            ),
            "move": lambda: MoveLead(pipeline=pipeline, stage=stage, **when),
            "assign": lambda: AssignLead(
                owner=f"representative:{how}",
                reason="so",
                rule=[None, "north"][how % 2],
                **when,
            ),
            "win": lambda: WinLead(amount=how, currency="GBP", **when),
            "lose": lambda: LoseLead(
                pipeline=pipeline, reason="price", competitor=[None, "X"][how % 2], **when
            ),
            "reopen": lambda: ReopenLead(pipeline=pipeline, reason="again", **when),
            "note": lambda: NoteLead(text="tab\there", **when),
            "visit": lambda: ReportVisit(text="Saw them.", outcome="so", **when),
            "follow": lambda: FollowPipeline(pipeline=pipeline, **when),
            "judge": lambda: JudgeLead(
                version=1 + how % 2,
                points=40.5 + 5 * how,
                hot=50,
                failed=[None, (), ("least",)][how % 3],
                asked=(45, 50),
                **when,
            ),
        }
        return made[what]()

    def _merge(self, lead: str, into: str) -> None:
        target = self.states.get(into, Unknown())
        merge = MergeLead(lead=lead, into=into, target=target, at=self.now)
        if self.carry_out(LEAD, lead, merge):
            self.carry_out(LEAD, into, AbsorbLead(lead=lead, at=self.now))

    def _unmerge(self, lead: str) -> None:
        before = self.states.get(lead)
        if isinstance(before, Merged) and self.carry_out(LEAD, lead, UnmergeLead(at=self.now)):
            self.carry_out(LEAD, before.into, ReleaseLead(lead=lead, at=self.now))

    def carry_out(self, decider: Any, stream: str, command: Any) -> bool:
        """What a command comes to, as the event store writes it; whether it was taken."""
        before = self.states.get(stream, decider.initial)
        try:
            events = decider.decide(before, command)
        except Problem:
            return False
        key = self._keys.setdefault(stream, getattr(command, "subject", stream))
        version = self._versions.get(stream, 0)
        after = decider.fold(events, before)
        decided = [Decided(event, Origin("service:app")) for event in events]
        change = Change(decider, Kept(stream, version, before, key), decided, after, key)
        for n, each in enumerate(decided, version + 1):
            self._position += 1
            row = store._row(SOURCE, change, each, n, self._position, at(100 + self._step))
            self._append("leads.1", key, row[-1])
        self._versions[stream] = version + len(events)
        self.states[stream] = after
        return bool(events)

    def _tell(self, what: str, lead: int, how: int) -> None:
        said: dict[str, Any] = {"id": f"{what}{how}", "seconds": how, "recorded": how + lead}
        if what == "belongs":
            about: dict[str, Any] = {
                "subject": WHO[lead],
                "customer": WHO[(lead + how) % 3],
                "revision": how,
            }
            made = record("belongs", source=f"/p/{lead}", topic="customers.1", **said, **about)
            self._append("customers.1", WHO[lead], made.value)
            return
        who = ("user:1", "user:2", "email:a@x")[lead]
        traits: dict[str, Any] = {
            "traits": {"country": ["GB", "FR", None][how % 3], f"t{how}": how}
        }
        type_, fields = ("customer.described", traits) if what == "trait" else ("page.viewed", {})
        if what in FACTS:
            types, numbers = FACTS[what]
            type_, fields = types[how % len(types)], {each: str(lead) for each in numbers}
            fields |= {"amount": how, "currency": CURRENCIES[how % 2], "term": "P1M"}
        made = record(type_, who, **said, **fields)
        self._append("interactions.1", WHO[lead], made.value)

    def _append(self, topic: str, key: str, value: Any) -> None:
        self.records.append(Record(Place(topic, 0, 0), key.encode(), value))

    def lanes(self, again: Sequence[int]) -> list[list[Record]]:
        """The partitions; the relay may append again what it did not see appended."""
        lanes: list[list[Record]] = [[] for _ in range(PARTITIONS)]
        ends: dict[tuple[str, int], int] = {}
        repeated = [self.records[n % len(self.records)] for n in again]
        for one in [*self.records, *repeated]:
            assert one.key is not None
            partition = partition_of(one.key.decode(), PARTITIONS)
            offset = ends.get((one.place.topic, partition), 0)
            ends[one.place.topic, partition] = offset + 1
            lanes[partition].append(one._replace(place=Place(one.place.topic, partition, offset)))
        return lanes
