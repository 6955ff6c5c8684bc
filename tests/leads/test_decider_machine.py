"""Laws under random commands: no illegal state, and what is kept is the fold of what happened."""

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.leads.commands import (
    AbsorbLead,
    AssignLead,
    ChangePipeline,
    DefinePipeline,
    DescribeLead,
    FollowPipeline,
    JudgeLead,
    LoseLead,
    MergeLead,
    MoveLead,
    NoteLead,
    ReleaseLead,
    ReopenLead,
    RetirePipeline,
    UnmergeLead,
    WinLead,
)
from services.leads.decider import LEAD, PIPELINE
from services.leads.decider.pipeline import defined
from services.leads.events import Stage
from services.leads.states import Defined, Known, Merged, Open, Retired, Unknown
from shared.decider import Claim, Decider
from shared.errors import Problem
from tests.leads.examples import JANE, JOHN, REASONS, capture
from tests.leads.given import kept
from tests.records import at

NAMES = ("sales", "partner")
LEADS = [f"0191d5a0-0000-7000-8000-00000000000{number}" for number in range(3)]
STAGES = ("a", "b", "c", "d")

leads = st.sampled_from(LEADS)
names = st.sampled_from(NAMES)
subjects = st.sampled_from([JANE, JOHN])
stage_names = st.sampled_from([*STAGES, "nowhere"])
texts = st.sampled_from(["x", "y", "z", ""])
moneys: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        *({}, {"amount": 100, "currency": "EUR"}, {"amount": 7, "currency": "JPY"}),
        *({"amount": 5}, {"currency": "EUR"}, {"amount": None, "currency": None}),
        *({"amount": 1.5, "currency": "EUR"}, {"amount": 1, "currency": "EURO"}, {"amount": -1}),
    ]
)


@st.composite
def stages(draw: st.DrawFn) -> tuple[Stage, ...]:
    """Stages of a pipeline that are right."""
    there = draw(st.permutations(STAGES))[: draw(st.integers(2, 3))]
    some = st.lists(st.sampled_from(there), min_size=1, unique=True).map(tuple)
    needs = st.sampled_from([(), (), ("amount",), ("owner", "fields.size")])
    return tuple(
        Stage(name, 10 * number, draw(some), draw(needs) if number else ())
        for number, name in enumerate(there)
    )


class Machine(RuleBasedStateMachine):
    """A store of streams and claims, as the real one promises to be."""

    def __init__(self) -> None:
        super().__init__()
        self.events: dict[str, list[Any]] = {}
        self.states: dict[str, Any] = {}
        self.held: dict[Claim, str] = {}
        self.moment = 0

    @initialize(some=stages())
    def begin(self, some: tuple[Stage, ...]) -> None:
        for name in NAMES:
            wanted: dict[str, Any] = {
                "name": name,
                "kind": "sales",
                "stages": some,
                "reasons": REASONS,
            }
            assert self.carry_out((name, DefinePipeline(**wanted, at=self.now())))
        for lead, subject in zip(LEADS, (JANE, JOHN), strict=False):
            self.capture(lead, "sales", subject, {}, "x")

    def carry_out(self, *wanted: tuple[str, Any]) -> bool:
        """All of these commands or none: what a transaction does. Whether they were taken."""
        decided: dict[str, tuple[Decider[Any, Any, Any], list[Any], Any]] = {}
        for stream, command in wanted:
            decider = self._decider(stream)
            state = self.states.get(stream, decider.initial)
            try:
                events = [*decider.decide(state, command)]
            except Problem:
                return False
            decided[stream] = (decider, events, decider.fold(events, state))
        held = {claim: stream for claim, stream in self.held.items() if stream not in decided}
        for stream, (decider, _, after) in decided.items():
            for claim in decider.claims(after):
                if held.setdefault(claim, stream) != stream:
                    return False
        self.held = held
        for stream, (_, events, after) in decided.items():
            self.events.setdefault(stream, []).extend(events)
            self.states[stream] = after
        return True

    def now(self) -> str:
        self.moment += 1
        return at(self.moment)

    def pipeline(self, name: str) -> Any:
        return self.states.get(name, PIPELINE.initial)

    def lead(self, lead: str) -> Any:
        return self.states.get(lead, LEAD.initial)

    def own(self, lead: str) -> Any:
        """The pipeline of a lead; any one where there is no lead."""
        state = self.lead(lead)
        return self.pipeline("sales" if isinstance(state, Unknown) else state.lead.pipeline)

    @rule(name=names, stages=stages(), other=stage_names)
    def change(self, name: str, stages: tuple[Stage, ...], other: str) -> None:
        """Leads of removed stages go to the first one, or where there may be nothing."""
        there = {stage.name for stage in stages}
        gone = [stage.name for stage in defined(self.pipeline(name)).stages]
        target = other if other == "nowhere" else stages[0].name
        moved = {each: target for each in gone if each not in there}
        command = ChangePipeline(stages=stages, reasons=REASONS, moved=moved, at=self.now())
        taken = self.carry_out((name, command))
        assert not (taken and moved and target == "nowhere")

    @rule(name=names)
    def follow(self, name: str) -> None:
        """After that, every open lead is in a stage of its pipeline by name."""
        for lead in LEADS:
            state = self.lead(lead)
            if isinstance(state, Open) and state.lead.pipeline == name:
                command = FollowPipeline(pipeline=self.pipeline(name), at=self.now())
                assert self.carry_out((lead, command))
                assert defined(self.pipeline(name)).stage(self.lead(lead).lead.stage)

    @rule(name=names, chance=st.integers(0, 9))
    def retire(self, name: str, chance: int) -> None:
        if chance == 0:
            self.carry_out((name, RetirePipeline(at=self.now())))

    @rule(lead=leads, name=names, subject=subjects, money=moneys, title=texts)
    def capture(
        self, lead: str, name: str, subject: str, money: dict[str, Any], title: str
    ) -> None:
        there = {"pipeline": self.pipeline(name), "subject": subject, "title": title}
        self.carry_out((lead, capture(**there, **money, at=self.now())))

    @rule(lead=leads, money=moneys)
    def price(self, lead: str, money: dict[str, Any]) -> None:
        self.carry_out((lead, DescribeLead(**money, at=self.now())))

    @rule(lead=leads, size=st.none() | st.integers(0, 3) | st.booleans(), title=texts)
    def describe(self, lead: str, size: Any, title: str) -> None:
        self.carry_out((lead, DescribeLead(title=title, fields={"size": size}, at=self.now())))

    @rule(lead=leads, which=st.integers(0, 3))
    def move(self, lead: str, which: int) -> None:
        """Along one of the moves that are allowed: it may lack what the stage requires."""
        state, pipeline = self.lead(lead), defined(self.own(lead))
        if isinstance(state, Unknown):
            return
        stage = pipeline.stage(pipeline.present(state.lead.stage))
        assert stage is not None
        target = stage.moves[which % len(stage.moves)]
        command = MoveLead(pipeline=self.own(lead), stage=target, at=self.now())
        if self.carry_out((lead, command)):
            assert self.lead(lead).lead.stage == target

    @rule(lead=leads, name=names, stage=stage_names)
    def move_through_any_pipeline(self, lead: str, name: str, stage: str) -> None:
        command = MoveLead(pipeline=self.pipeline(name), stage=stage, at=self.now())
        self.carry_out((lead, command))

    @rule(lead=leads, owner=texts)
    def assign(self, lead: str, owner: str) -> None:
        self.carry_out((lead, AssignLead(owner=owner, reason="because", at=self.now())))

    @rule(lead=leads, money=moneys)
    def win(self, lead: str, money: dict[str, Any]) -> None:
        self.carry_out((lead, WinLead(**money, at=self.now())))

    @rule(lead=leads, reason=st.sampled_from([*REASONS, "weather"]))
    def lose(self, lead: str, reason: str) -> None:
        taken = self.carry_out(
            (lead, LoseLead(pipeline=self.own(lead), reason=reason, at=self.now()))
        )
        assert not (taken and reason == "weather")

    @rule(lead=leads)
    def reopen(self, lead: str) -> None:
        command = ReopenLead(pipeline=self.own(lead), reason="again", at=self.now())
        if self.carry_out((lead, command)):
            assert isinstance(self.lead(lead), Open)

    @rule(lead=leads, into=leads)
    def merge(self, lead: str, into: str) -> None:
        moment, target = self.now(), self.lead(into)
        taken = self.carry_out(
            (lead, MergeLead(lead=lead, into=into, target=target, at=moment)),
            (into, AbsorbLead(lead=lead, at=moment)),
        )
        assert not (taken and lead == into)

    @rule(lead=leads)
    def unmerge(self, lead: str) -> None:
        state = self.lead(lead)
        if isinstance(state, Merged):
            moment = self.now()
            other = (state.into, ReleaseLead(lead=lead, at=moment))
            self.carry_out((lead, UnmergeLead(at=moment)), other)

    @rule(lead=leads, text=texts)
    def note(self, lead: str, text: str) -> None:
        self.carry_out((lead, NoteLead(text=text, at=self.now())))

    @rule(lead=leads, version=st.integers(1, 3), points=st.integers(40, 60))
    def judge(self, lead: str, version: int, points: int) -> None:
        failed = () if points > 45 else ("least",)
        at = self.now()
        command = JudgeLead(version=version, points=points, hot=50, failed=failed, at=at)
        self.carry_out((lead, command))

    @invariant()
    def what_is_kept_is_the_fold_of_what_happened(self) -> None:
        for stream, events in self.events.items():
            decider, state = self._decider(stream), self.states[stream]
            assert decider.fold(events) == state
            kept(decider, state)
            for event in events:
                type_ = decider.events[decider.name_of(event)]
                assert msgspec.json.decode(msgspec.json.encode(event), type=type_) == event

    @invariant()
    def an_open_lead_is_in_a_stage_of_its_pipeline(self) -> None:
        for state in self._open():
            pipeline = self.pipeline(state.pipeline)
            assert isinstance(pipeline, Defined | Retired)
            there = defined(pipeline)
            assert there.stage(there.present(state.stage)) is not None

    @invariant()
    def a_customer_has_one_open_lead_in_a_pipeline(self) -> None:
        places = [(lead.pipeline, lead.subject) for lead in self._open()]
        assert len(places) == len({*places})
        assert self.held.keys() == {Claim(f"open/{name}", subject) for name, subject in places}

    @invariant()
    def an_amount_is_whole_and_has_a_currency(self) -> None:
        for lead in LEADS:
            state = self.lead(lead)
            if not isinstance(state, Unknown):
                assert (state.lead.amount is None) == (state.lead.currency is None)
                assert state.lead.amount is None or state.lead.amount >= 0

    @invariant()
    def a_merge_leads_to_one_that_knows_of_it_and_never_back(self) -> None:
        for lead in LEADS:
            seen, state = {lead}, self.lead(lead)
            while isinstance(state, Merged):
                assert lead in self.lead(state.into).lead.absorbed
                assert state.into not in seen
                lead = state.into
                seen.add(lead)
                state = self.lead(lead)

    def _open(self) -> list[Known]:
        return [state.lead for lead in LEADS if isinstance(state := self.lead(lead), Open)]

    def _decider(self, stream: str) -> Decider[Any, Any, Any]:
        return PIPELINE if stream in NAMES else LEAD


Machine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
test_no_command_leads_to_an_illegal_state = Machine.TestCase
