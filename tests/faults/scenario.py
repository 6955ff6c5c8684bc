"""A scenario: what is done to a deployment, and the row that tells of it."""

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace

from shared.clock import monotonic
from tests.faults.audit import Audit, audit
from tests.faults.report import Row
from tests.faults.stage import Apart, Stage


class NotRun(Exception):
    """It cannot be done here; the message says why."""


@dataclass(frozen=True)
class Done:
    """What was done, to which deployment, and what of that was not as it must be."""

    what: str
    deployment: Apart
    broken: tuple[str, ...] = ()


Scenario = Callable[[Stage], Done]


def run(name: str, scenario: Scenario, stage: Stage) -> Row:
    """Do it and audit what it left behind; after harm the shared deployment is used no more."""
    began = monotonic()
    try:
        done = scenario(stage)
        found = _audited(done.deployment)
        row = Row(name, done.what, found, monotonic() - began, done.broken)
    except NotRun as reason:
        row = Row(name, "", Audit(), monotonic() - began, not_run=str(reason))
    except Exception as error:
        traceback.print_exc()
        broken = (f"{type(error).__name__}: {str(error)[:1000]}",)
        row = Row(name, "", Audit(), monotonic() - began, broken)
    if row.failed:
        print(stage.last_words(), file=sys.stderr)
    stage.clear(shared=row.failed)
    return row


def _audited(apart: Apart) -> Audit:
    """All that was ever sent is compared; what is counted as sent is what was sent since last."""
    found = audit(apart, apart.accounts)
    latest = apart.accounts[apart.audited :]
    apart.audited = len(apart.accounts)
    sent, acknowledged = (
        sum(len(ids) for ids in each)
        for each in zip(*((one.sent, one.acknowledged) for one in latest), strict=True)
    )
    return replace(found, sent=sent, acknowledged=acknowledged)
