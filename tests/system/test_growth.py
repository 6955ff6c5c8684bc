"""The log grows while the system runs, whatever kills the copy: nothing is lost or doubled."""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from shared.failpoints import EXIT
from shared.log import Log, Origin
from tests.faults.audit import audit
from tests.faults.points import armed
from tests.shared.growing import records
from tests.system.load import Load, under_load
from tests.system.running import ROOT, System, environment, order, run, wait_until

RAPPORT = ("-c", "from services.cli import main; main()")
COPY = (*RAPPORT, "topics", "copy", "--partitions", "4", "--json")
TOPICS = ("interactions", "quarantine", "declarations", "identity", "customers")


@pytest.fixture(scope="module")
def loads() -> list[Load]:
    """All that was ever sent to the system."""
    return []


def plan(system: System) -> dict[str, dict[str, Any]]:
    """Every generation by its name in Kafka, without prefix."""
    prefix = system.settings["RAPPORT_TOPIC_PREFIX"]
    rows = json.loads(system.rapport("topics", "plan", "--json").stdout)
    return {row["name"].removeprefix(prefix): row for row in rows}


def copy(system: System, partitions: int, *words: str) -> Any:
    """Copy in this process, to its end."""
    ended = system.rapport("topics", "copy", "--partitions", str(partitions), "--json", *words)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def grow(system: System, partitions: int) -> None:
    """Copy and switch; the services end by themselves, and whoever supervises them starts them."""
    results = copy(system, partitions)
    assert {(each["partitions"], each["switched"]) for each in results} == {(partitions, True)}
    assert system.program.ended(30.0) == 2
    assert system.program.says("no longer the present generation")
    system.start()


def serves(system: System, generation: int) -> bool:
    """Whether the views that serve are folded from a generation."""
    found = json.loads(system.rapport("status", "--json").stdout)
    names = {
        row["topic"]
        for service in found["services"]
        for schema in service["schemas"]
        for row in schema["partitions"]
        if schema["live"]
    }
    return {name.rpartition(".")[2] for name in names} == {str(generation)}


@pytest.fixture(scope="module")
def grown(system: System, loads: list[Load]) -> System:
    """A system that was grown to three partitions under load."""
    with under_load(system) as load:
        loads.append(load)
        grow(system, 3)
        load.go_on()
    assert load.unsettled > 0
    wait_until(lambda: serves(system, 2), 60.0, "the views are those of the next generation")
    return system


def test_nothing_is_lost_or_doubled_when_it_grows(grown: System, loads: list[Load]) -> None:
    assert audit(grown, loads).examples == ()


def test_policies_go_on_behind_what_they_had_passed(grown: System) -> None:
    assert grown.program.says("interactions.2 is gone on with behind")


def test_the_plan_shows_every_generation(grown: System) -> None:
    found = plan(grown)
    present, former = found["interactions.2"], found["interactions.1"]
    assert (present["role"], present["partitions"], present["fenced"]) == ("present", 3, False)
    assert (former["role"], former["partitions"], former["fenced"]) == ("old", 2, True)
    assert {row["state"] for row in found.values()} == {"fine"}
    assert former["records"] > 0


def test_a_position_of_either_generation_is_understood(grown: System) -> None:
    prefix = grown.settings["RAPPORT_TOPIC_PREFIX"]
    for position in (f"{prefix}interactions.1/0/7", f"{prefix}interactions.2/0/7"):
        assert grown.rapport("events", "show", position).returncode == 0
        assert grown.get("/v1/customers", limit="1", min_position=position).status_code == 200


def test_a_generation_that_a_view_is_folded_from_is_not_dropped(grown: System) -> None:
    ended = grown.rapport("topics", "drop", "interactions.1", "--yes")
    assert ended.returncode == 1
    assert "is folded from it" in ended.stderr
    assert grown.rapport("topics", "drop", "interactions.2", "--yes").returncode == 1
    assert grown.rapport("topics", "drop", "nonsense", "--yes").returncode == 2


def test_one_topic_alone_keeps_the_number_that_all_have(grown: System) -> None:
    words = ("topics", "copy", "--topic", "quarantine", "--dry-run", "--json", "--partitions")
    assert grown.rapport(*words, "4").returncode == 2
    [dry] = json.loads(grown.rapport(*words, "3").stdout)
    assert (dry["topic"], dry["generation"]) == ("quarantine", 3)


def test_a_copy_that_is_given_up_changes_nothing(grown: System) -> None:
    before = plan(grown)
    assert {each["switched"] for each in copy(grown, 5, "--no-switch")} == {False}
    assert plan(grown)["interactions.3"]["role"] == "next"
    assert grown.rapport("topics", "abandon").returncode == 0
    assert plan(grown) == before


@pytest.mark.slow
def test_ended_while_fenced_it_opens_the_topics_again(grown: System, tmp_path: Path) -> None:
    settings = grown.settings | armed(f"copy.fenced=pause:{tmp_path}/sent")
    with subprocess.Popen([sys.executable, *COPY], cwd=ROOT, env=environment(settings)) as child:
        wait_until(lambda: plan(grown)["interactions.2"]["fenced"], 60.0, "it is fenced")
        child.send_signal(signal.SIGTERM)
        (tmp_path / "sent").touch()
        assert child.wait(60) == 130
    assert not plan(grown)["interactions.2"]["fenced"]
    assert grown.rapport("topics", "abandon").returncode == 0


@pytest.mark.slow
def test_killed_while_fenced_it_finishes_later(grown: System, loads: list[Load]) -> None:
    with under_load(grown, lanes=1) as load:
        loads.append(load)
        killed(grown, "copy.fenced")
        assert plan(grown)["interactions.2"]["fenced"]
        answer = grown.post(order("refused", "u1"))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        grow(grown, 4)
        load.go_on(10)
    asyncio.run(compare(grown))
    wait_until(lambda: serves(grown, 3), 60.0, "the views are those of the next generation")
    assert audit(grown, loads).examples == ()


def killed(system: System, point: str) -> None:
    """Copy in a process of its own, which dies at a point."""
    ended = run(*COPY, settings=system.settings | armed(f"{point}=exit"))
    assert ended.returncode == EXIT, ended.stderr


async def compare(system: System) -> None:
    """All of the second generation of each topic is in the third one, once."""
    prefix = system.settings["RAPPORT_TOPIC_PREFIX"]
    log = await Log.connect(system.settings["RAPPORT_KAFKA"])
    try:
        for topic in TOPICS:
            former = await records(log, f"{prefix}{topic}.2")
            made = await records(log, f"{prefix}{topic}.3")
            copied = [one for one in made if one.origin is not None]
            assert Counter((r.key, r.value) for r in copied) == Counter(
                (r.key, r.value) for r in former
            )
            assert {r.origin for r in copied} == {Origin(2, r.partition, r.offset) for r in former}
    finally:
        await log.close()


def test_what_is_stored_is_mapped_on_the_way(grown: System, tmp_path: Path) -> None:
    sold = {"id": "F-1", "mail": "mapped@example.com", "total": "49.90"}
    event = {"id": "foreign", "source": "/other", "type": "com.example.sold", "data": sold}
    assert grown.post(event).status_code == 202
    rule = {
        "type": "order.placed",
        "identifiers": [{"kind": "email", "value": "/mail"}],
        "fields": {
            "order": "/id",
            "currency": {"constant": "EUR"},
            "amount": {"at": "/total", "convert": "minor_units", "currency": "EUR"},
        },
    }
    file = tmp_path / "sold.json"
    file.write_text(json.dumps(rule))
    tried = grown.rapport("types", "map", "com.example.sold", str(file), "--dry-run", "--json")
    assert (tried.returncode, json.loads(tried.stdout)["failing"]) == (0, 0), tried.stderr
    assert grown.rapport("topics", "copy", "--partitions", "9", "--map").returncode == 2
    assert grown.rapport("types", "map", "com.example.sold", str(file)).returncode == 0
    present = next(row for row in plan(grown).values() if row["role"] == "present")
    [copied] = copy(grown, present["partitions"], "--map")
    assert (copied["topic"], copied["switched"]) == ("interactions", True)
    assert grown.program.ended(30.0) == 2
    grown.start()

    def total() -> Any:
        found = grown.get("/v1/customers", identifier="email:mapped@example.com")
        return found.status_code == 200 and found.json()["orders"]["count"]

    wait_until(lambda: total() == 1, 60.0, "the stored event counts as an order")
    assert grown.rapport("verify", "all").returncode == 0
