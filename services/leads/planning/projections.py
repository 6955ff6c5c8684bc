"""Rows of goals and of the rules of commissions."""

import msgspec

from services.leads.part import Rows
from services.leads.planning import tables
from services.leads.planning.events import (
    CommissionsDefined,
    GoalChanged,
    GoalRetired,
    GoalSet,
)
from shared.merging import Merge, greatest, latest, least
from shared.projection import Event

GOALS = Merge(
    tables.goals,
    least("kind", "name", "measure", "currency", "period", "first"),
    latest("aimed", "target"),
    latest("stood", "retired"),
    greatest("version"),
)
RULES = Merge(tables.commission_rules)


def goal(event: Event) -> Rows:
    envelope, body = event.envelope, event.body
    version = envelope.streamversion
    named = {"goal": envelope.stream, "version": version}
    match body:
        case GoalSet(aim=aim, target=target):
            about = {name: getattr(aim, name) for name in aim.__struct_fields__}
            said = about | {"aimed": version, "target": target, "stood": version, "retired": False}
        case GoalChanged(target=target):
            said = {"aimed": version, "target": target}
        case GoalRetired():
            said = {"stood": version, "retired": True}
        case _:
            return
    yield "goals", GOALS.row(**named, **said)


def rules(event: Event) -> Rows:
    body = event.body
    assert isinstance(body, CommissionsDefined)
    yield "commission_rules", (body.version, body.at, msgspec.json.encode(body.rules).decode())
