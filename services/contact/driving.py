"""Driving: refused items go through the same door again, fixed or as they are."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from services.contact import closing, keys
from services.contact.answers import Outcome
from services.contact.asking import Asked
from services.contact.closing import Act
from services.contact.door import Door
from services.contact.faults import Refusal
from services.contact.intake import Admitted, Sending
from services.contact.patching import NOTHING, Fix, Sent, fixed
from services.contact.queries import quarantine
from services.contact.queries.quarantine import Chosen, Mark
from services.contact.refused import partition_key
from services.contact.turns import Turns, item_of
from shared.database import Connection
from shared.errors import Conflict, FieldError, NotReady, Problem, Unprocessable

PAGE = 200
"""Items that are driven together at most."""

Result = dict[str, Any]


class Made(NamedTuple):
    """What became of an item at the door: events that are let in, or reasons."""

    item: dict[str, Any]
    admitted: list[Admitted]
    reasons: Sequence[FieldError]


@dataclass(frozen=True)
class Page:
    """What became of some items, and where to go on; None where there are no more."""

    results: list[Result]
    after: Mark | None


class Driver:
    """Drives items of the quarantine, through the door that refused them."""

    def __init__(self, turns: Turns, door: Door) -> None:
        self._turns = turns
        self._door = door

    async def drive(
        self, schema: str, id: str, act: Act, fix: Fix = NOTHING, *, dry_run: bool = False
    ) -> Result:
        """Send one item through its door again, in the name of the key that sent it first.

        The answer has `status`: `driven` with the `events` it became (also where it was driven
        before), `refused` with the `reasons`, in a dry run `valid`. It is let in whole or not at
        all. Raises NotFound, Conflict for one that was discarded, Unprocessable for a fix that
        cannot be applied, NotReady.
        """
        async with self._turns.turn(schema) as connection:
            item = await item_of(connection, schema, id)
            if item["state"] == "discarded":
                raise Conflict("This was given up; its bytes stand in the log.", code="discarded")
            if item["state"] == "driven":
                return {"id": id, "status": "driven", "again": True}
            made = await self._made(connection, item, act, fix)
            if dry_run:
                return _looked_at(made) | _shown(item, fix)
            (result,) = await self._carry_out([made], act, fix)
        return result

    async def drive_page(
        self,
        schema: str,
        chosen: Chosen,
        act: Act,
        fix: Fix = NOTHING,
        *,
        after: Mark | None = None,
        limit: int = PAGE,
        dry_run: bool = False,
    ) -> Page:
        """Drive the oldest open items after a mark: those of a reason, say. A fix that cannot be
        applied to an item leaves that one as it is: `unchanged`, with the `reasons`.

        What is driven or refused again is passed; call it again with `after` until that is None.
        """
        async with self._turns.turn(schema) as connection:
            marks = await quarantine.oldest(connection, schema, chosen, after, limit)
            found = await quarantine.items(connection, schema, [mark.id for mark in marks])
            made: list[Made] = []
            unchanged: list[Result] = []
            for item in found:
                try:
                    made.append(await self._made(connection, item, act, fix))
                except (Unprocessable, Conflict) as problem:
                    unchanged.append(_unchanged(item, problem))
            if dry_run:
                results = [_looked_at(one) for one in made]
            else:
                results = await self._carry_out(made, act, fix)
        return Page([*results, *unchanged], marks[-1] if marks else None)

    # Through the door

    async def _made(self, connection: Connection, item: dict[str, Any], act: Act, fix: Fix) -> Made:
        """What becomes of an item now. Raises Unprocessable, Conflict, NotReady."""
        key = await keys.named(connection, item["key"])
        if key is None:
            raise Conflict(f"There is no key {item['key']} any more.", code="key_unknown")
        said = msgspec.json.decode(item["sent"])
        sent = fixed(_sent(item, said["headers"]), fix)
        before, after = said["around"] or ("", "")
        sending = Sending(
            key, item["received"], act.at, act.traceparent, frozenset(said["vouched"])
        )
        body = before.encode() + sent.content + after.encode()
        asked = Asked(sending, body, sent.names, path=item["path"])
        try:
            return _made(item, await self._door.again(asked, item["id"]))
        except NotReady:
            raise
        except Problem as problem:
            whole = FieldError("", problem.code, problem.detail)
            return Made(item, [], problem.errors or (whole,))

    async def _carry_out(self, made: Sequence[Made], act: Act, fix: Fix) -> list[Result]:
        """Append the events, and then what became of the items. Raises NotReady."""
        admitted = [event for one in made for event in one.admitted]
        positions = iter(await self._turns.let_in(admitted))
        records, results = [], []
        for one in made:
            id = one.item["id"]
            if one.reasons:
                reasons = [error.as_dict() for error in one.reasons]
                results.append({"id": id, "status": "refused", "reasons": reasons})
                if msgspec.json.decode(one.item["reasons"]) == reasons:
                    continue  # no news is not an event
                records.append(closing.refused_again(id, act, reasons, fix.said()))
            else:
                events = [{"id": event.id, "position": next(positions)} for event in one.admitted]
                results.append({"id": id, "status": "driven", "events": events})
                records.append(closing.driven(id, act, events, fix.said()))
        kept = dict(
            zip([r.partitionkey for r in records], await self._turns.keep(records), strict=True)
        )
        for result in results:
            position = kept.get(partition_key(result["id"]))
            if position is not None:
                result["position"] = position
        return results


def _sent(item: dict[str, Any], headers: dict[str, str]) -> Sent:
    names = {name.encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}
    if item["content_type"]:
        names[b"content-type"] = item["content_type"].encode("latin-1")
    return Sent(base64.b64decode(item["bytes"]), names)


def _made(item: dict[str, Any], outcomes: Sequence[Outcome]) -> Made:
    """Let in whole, or not at all."""
    reasons = [one.error for one in outcomes if isinstance(one, Refusal)]
    if not outcomes:
        reasons = [FieldError("", "nothing", "There is no event in this.")]
    admitted = [one for one in outcomes if isinstance(one, Admitted)]
    return Made(item, [] if reasons else admitted, reasons)


def _looked_at(made: Made) -> Result:
    if made.reasons:
        reasons = [error.as_dict() for error in made.reasons]
        return {"id": made.item["id"], "status": "refused", "reasons": reasons}
    events = [{"id": event.id} for event in made.admitted]
    return {"id": made.item["id"], "status": "valid", "events": events}


def _shown(item: dict[str, Any], fix: Fix) -> Result:
    """What is sent after the fix, exactly."""
    sent = fixed(_sent(item, msgspec.json.decode(item["sent"])["headers"]), fix)
    return {"bytes": base64.b64encode(sent.content).decode()}


def _unchanged(item: dict[str, Any], problem: Problem) -> Result:
    whole = FieldError("", problem.code, problem.detail)
    reasons = [error.as_dict() for error in problem.errors or (whole,)]
    return {"id": item["id"], "status": "unchanged", "reasons": reasons}
