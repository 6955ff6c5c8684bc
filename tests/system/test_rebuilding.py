"""Views rebuilt and verified by command, beside a system that serves."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from services.contact.tables import metadata as contact_tables
from services.leads.tables import metadata as leads_tables
from services.profile.proof import QUEUES
from services.profile.tables import metadata as profile_tables
from shared.database import service_url
from tests.contact.examples import SENT
from tests.system.running import System, wait_until
from tests.system.telling_leads import tell_leads

METADATA = {"contact": contact_tables, "leads": leads_tables, "profile": profile_tables}


@pytest.fixture(scope="module")
def told(system: System) -> System:
    """A system that was told something for every table there is."""
    events = [*SENT.values(), *_people(), *SENT.values()]
    for start in range(0, len(events), 50):
        answer = system.post(events[start : start + 50])
        assert answer.status_code == 200, answer.text
    users = [{"kind": "user", "namespace": "shop", "value": value} for value in ("1", "2")]
    answer = httpx.post(
        f"{system.url}/v1/identity-decisions",
        json={"decision": "together", "identifiers": users, "reason": "heard by telephone"},
        headers=system.key("write"),
        timeout=10,
    )
    assert answer.status_code == 202, answer.text
    answer = httpx.post(
        f"{system.url}/v1/key-disownments",
        json={"key": "somebody-elses", "reason": "it leaked"},
        headers=system.key("ops"),
        timeout=10,
    )
    assert answer.status_code == 202, answer.text
    tell_leads(system)
    system.post({"type": "order.placed", "id": "bad", "source": "/x", "data": {"amount": "?"}})
    wait_until(lambda: _settled(system), 60, "both services are idle")
    return system


def _people() -> Iterator[dict[str, Any]]:
    """E-mail addresses seen with a user and with a crm number apart: a pair derived from them."""
    for n in range(40):
        for kind in ("user", "crm"):
            yield {
                "type": "page.viewed",
                "id": f"{kind}-{n}",
                "source": "/people",
                "data": {
                    "channel": "web",
                    "identifiers": [
                        {"kind": kind, "namespace": "shop", "value": str(n)},
                        {"kind": "email", "value": f"p{n}@example.com"},
                    ],
                },
            }


def _settled(system: System) -> bool:
    found = json.loads(system.rapport("status", "--json").stdout)
    services = {each["service"]: each for each in found["services"]}
    lag = [
        row["lag"]
        for each in services.values()
        for schema in each["schemas"]
        for row in schema["partitions"]
    ]
    counts = services["profile"]["counts"]
    return not any(lag) and not counts["pending"] and not counts["told_unsent"]


def verified(system: System, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code of verify, and what it found by service."""
    ended = system.rapport("verify", "all", "--json", *words)
    assert ended.stdout, ended.stderr
    found = json.loads(ended.stdout)
    return ended.returncode, {each["schema"].partition("_")[0]: each for each in found}


def test_a_view_equals_the_log_folded_anew(told: System) -> None:
    code, found = verified(told, "--workers", "2")
    assert code == 0, found
    assert {each["differences"] for each in found.values()} == {0}
    assert {name: _empty(each) for name, each in found.items()} == {
        "contact": ["parked"],
        "leads": ["parked"],
        "profile": ["parked"],
    }
    assert _schemas(told, "profile") == 1


def _empty(verdict: dict[str, Any]) -> list[str]:
    return sorted(each["table"] for each in verdict["tables"] if not each["rows"])


def _schemas(system: System, service: str) -> int:
    return len(json.loads(system.rapport("schemas", "list", service, "--json").stdout))


def test_a_rebuilt_view_serves_the_same_and_can_be_taken_back(told: System) -> None:
    before = told.profile("user:shop:42")
    for service in ("contact", "profile"):
        planned = told.rapport("rebuild", service, "--dry-run")
        assert (planned.returncode, "Nothing was changed" in planned.stdout) == (0, True)
        rebuilt = told.rapport("rebuild", service, "--workers", "2")
        assert rebuilt.returncode == 0, rebuilt.stderr
        assert "_2 serves" in rebuilt.stdout
    assert told.profile("user:shop:42") == before
    position = told.post(SENT["call.missed"] | {"id": "later"}).json()["position"]
    told.profile("phone:+442079460958", position)
    assert verified(told)[0] == 0
    returned = told.rapport("rebuild", "profile", "--back")
    assert (returned.returncode, "_1 serves" in returned.stdout) == (0, True)
    wait_until(lambda: _settled(told), 60, "both schemas are folded on")
    assert told.profile("user:shop:42") == before
    assert verified(told)[0] == 0


def test_a_value_changed_by_hand_is_found_in_every_table(told: System) -> None:
    wait_until(lambda: _settled(told), 60, "both services are idle")
    changed = {name: asyncio.run(_change_a_value_everywhere(told, name)) for name in METADATA}
    code, found = verified(told)
    assert code == 1
    for name, tables in changed.items():
        differing = {each["table"] for each in found[name]["tables"] if each["differences"]}
        assert tables <= differing, (name, tables - differing)
        assert found[name]["first"][0]["difference"]["key"]
    profile = found["profile"]["first"]
    assert any(shown["events"] for shown in profile)


async def _change_a_value_everywhere(system: System, service: str) -> set[str]:
    """Change the last column of one row of every table that has rows; their names."""
    url = service_url(system.settings["RAPPORT_DATABASE"], service)
    connection = await asyncpg.connect(url)
    try:
        schema = await connection.fetchval("SELECT schema FROM live WHERE service = $1", service)
        changed = set()
        for table in METADATA[service].sorted_tables:
            column = [column for column in table.columns if not column.primary_key][-1:]
            if table.name in QUEUES or not column:
                continue
            sql = _CHANGE.format(s=schema, t=table.name, c=column[0].name, v=_other(column[0]))
            if await connection.execute(sql) == "UPDATE 1":
                changed.add(table.name)
        return changed
    finally:
        await connection.close()


def _other(column: Any) -> str:
    """SQL for another value than the present one."""
    kind, name = column.type.python_type.__name__, f'"{column.name}"'
    return {
        "bool": f"NOT {name}",
        "int": f"{name} + 1",
        "Decimal": f"{name} + 1",
        "datetime": f"{name} + interval '1 microsecond'",
        "UUID": "gen_random_uuid()",
    }.get(kind, f"coalesce({name}, '') || ' '")


_CHANGE = """
UPDATE {s}.{t} SET "{c}" = {v}
WHERE ctid = (SELECT ctid FROM {s}.{t} WHERE "{c}" IS NOT NULL LIMIT 1)
"""
