"""Imports: what a file says is in the log once, however often it is said and whatever ends it."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pyarrow
import pytest
from pyarrow import parquet

from services.cli.importing.sending import BATCH
from tests.system.running import ROOT, Ended, System, environment, wait_until

ORDERS = """Order No,Customer,E-Mail,Date,Total,Currency,Article,Note
A-1,81,ann@example.com,2026-01-31 12:00,"1,049.90",EUR,KETTLE,first
A-2,82,bob@example.com,2026-01-31,500,JPY,CUP,"two
lines"
A-3,83,cyd@example.com,31.01.2026,49.90,EUR,CUP,
A-4,84,,2026-01-31 12:00,much,EUR,CUP,
,85,,2026-01-31 12:00,1,eur,CUP,
"""
MAPPED = ("--map", "order=Order No", "--timezone", "Europe/Berlin")


def bring(system: System, file: Path, kind: str, *words: str) -> tuple[int, dict[str, Any]]:
    """Import a file; the exit code and what is said."""
    ended = system.rapport("import", str(file), "--as", kind, "--json", *words)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def failed(system: System, file: Path, *words: str) -> str:
    """Why a file cannot be imported at all."""
    ended: Ended = system.rapport("import", str(file), *words)
    assert ended.returncode == 2, ended.stdout
    return ended.stderr


def written(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def refused(told: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(each["row"], each["column"], each["code"]) for each in told["problems"]]


WRONG = [(3, "Date", "value"), (4, "Total", "value"), (5, "Order No", "required")]


def test_a_dry_run_says_of_each_row_what_is_wrong_and_stores_nothing(
    system: System, tmp_path: Path
) -> None:
    file = written(tmp_path, "dry.csv", ORDERS.replace("81", "dry"))
    code, told = bring(system, file, "orders", "--dry-run", *MAPPED)
    assert (code, told["rows"], told["accepted"], told["refused"]) == (1, 5, 2, 3)
    assert refused(told) == WRONG
    assert told["problems"][1]["detail"] == "'much' is no amount; right is 49.90."
    assert system.get("/v1/customers", identifier="user:dry").status_code == 404


def test_the_same_file_under_another_name_changes_nothing(system: System, tmp_path: Path) -> None:
    first, told = bring(
        *(system, written(tmp_path, "a.csv", ORDERS), "orders", *MAPPED),
        *("--results", str(tmp_path / "results.ndjson")),
    )
    again, second = bring(system, written(tmp_path, "b.csv", ORDERS), "orders", *MAPPED)
    assert (first, again) == (1, 1)
    assert refused(told) == refused(second) == WRONG
    rows = [json.loads(line) for line in (tmp_path / "results.ndjson").read_text().splitlines()]
    assert [row["status"] for row in rows] == ["accepted"] * 2 + ["refused"] * 3
    assert told["source"].endswith("/import/orders")
    profile = system.profile("user:81", rows[0]["position"])
    assert profile["orders"]["count"] == 1
    assert profile["revenue"]["EUR"]["net"] == 104_990
    (order,) = timeline(system, "user:81")
    assert order["time"] == "2026-01-31T11:00:00.000000Z"
    assert order["data"]["row"] == {"Note": "first"}
    assert order["data"]["lines"] == [{"sku": "KETTLE"}]
    assert system.profile("user:82", rows[1]["position"])["revenue"]["JPY"]["net"] == 500


def timeline(system: System, identifier: str) -> list[dict[str, Any]]:
    known = system.get("/v1/customers", identifier=identifier).json()["id"]
    found: list[dict[str, Any]] = system.get(f"/v1/customers/{known}/timeline").json()["data"]
    return found


def test_what_is_refused_is_in_the_quarantine_and_named_by_its_column(
    system: System, tmp_path: Path
) -> None:
    file = written(tmp_path, "phone.csv", f"email,first\n{'x' * 600}@example.com,Jo\n")
    code, told = bring(system, file, "contacts")
    assert code == 1
    assert refused(told) == [(1, "email", "length")]

    def kept() -> bool:
        key = system.key("ops")
        answer = httpx.get(f"{system.url}/v1/quarantine", headers=key, timeout=10.0)
        return answer.status_code == 200 and bool(answer.json()["data"])

    wait_until(kept, 30.0, "the quarantine has it")


LEADS = """email,title,interest,total,currency,Country,Old owner
dan@example.com,20 chairs,CHAIR-7,3980.00,EUR,NL,Kim
dan@example.com,and a table,TABLE-1,500.00,EUR,NL,
eve@example.com,40 chairs,,much,EUR,NL,
,50 chairs,,,,NL,
"""


def test_rows_of_leads_open_leads_or_join_them(system: System, tmp_path: Path) -> None:
    file = written(tmp_path, "leads.csv", LEADS)
    code, told = bring(system, file, "leads")
    wrong = [(3, "total", "value"), (4, "identifiers", "required")]
    assert (code, told["accepted"], refused(told)) == (1, 2, wrong)
    assert told["rest"] == ["Country", "Old owner"]
    assert bring(system, file, "leads")[1]["accepted"] == 2  # the same rows: nothing new

    def decided() -> list[dict[str, Any]]:
        words = ("events", "tail", "--topic", "leads", "--last", "100", "--json")
        found = [json.loads(line)["event"] for line in system.rapport(*words).stdout.splitlines()]
        return [event for event in found if event["type"] in ("lead.captured", "lead.inquired")]

    wait_until(lambda: len(decided()) == 2, 30.0, "one lead, which the second row joins")
    captured, inquired = [event["data"] for event in decided()]
    assert (captured["amount"], captured["currency"], captured["product"]) == (
        *(398_000, "EUR", "CHAIR-7"),
    )
    assert captured["fields"] == {"country": "NL", "old_owner": "Kim"}
    assert "and a table" in inquired["title"]


def test_leads_of_nobody_are_refused_before_anything_is_sent(
    system: System, tmp_path: Path
) -> None:
    file = written(tmp_path, "nobody.csv", "Name,title\nEve,20 chairs\n")
    assert "say --map email=COLUMN" in failed(system, file, "--as", "leads")


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        *(("utf-8", ()), ("utf-8-sig", ())),
        *((name, ("--encoding", name)) for name in ("cp1252", "utf-16")),
    ],
)
def test_contacts_become_traits_in_any_encoding(
    system: System, tmp_path: Path, encoding: str, words: tuple[str, ...]
) -> None:
    text = f"E-Mail;Name;City\n{encoding}@example.com;Jäne;Köln\n"
    file = written(tmp_path, f"{encoding}.csv", text.encode(encoding))
    results = tmp_path / "results"
    assert bring(system, file, "contacts", "--results", str(results), *words)[0] == 0
    position = json.loads(results.read_text())["position"]
    traits = system.profile(f"email:{encoding}@example.com", position)["traits"]
    assert {name: traits[name]["value"] for name in ("Name", "City")} == {
        "Name": "Jäne",
        "City": "Köln",
    }


def test_bytes_of_another_encoding_name_their_row(system: System, tmp_path: Path) -> None:
    file = written(tmp_path, "broken.csv", b"email,name\na@example.com,ok\nb@example.com,J\xe4ne\n")
    code, told = bring(system, file, "contacts", "--dry-run")
    assert (code, refused(told)) == (1, [(2, "name", "encoding")])
    assert "0xE4 is not utf-8" in told["problems"][0]["detail"]


def test_events_come_as_they_are_and_lines_that_are_none_are_named(
    system: System, tmp_path: Path
) -> None:
    event = {"type": "page.viewed", "data": {"identifiers": [{"kind": "user", "value": "nd"}]}}
    lines = [json.dumps(event), "{", "[1]", json.dumps({"type": "feedback.given", "data": {}})]
    file = written(tmp_path, "events.ndjson", "\n".join(lines))
    code, told = bring(system, file, "events")
    assert (code, told["accepted"]) == (1, 1)
    assert refused(told) == [(2, "", "not_json"), (3, "", "type"), (4, "/data/csat", "required")]


def test_parquet_keeps_its_types(system: System, tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "order": ["p-1", "p-2"],
            "user": ["parquet"] * 2,
            "time": [datetime(2026, 1, 31, tzinfo=UTC)] * 2,
            "amount": [Decimal("12.34"), Decimal("0.66")],
        }
    )
    parquet.write_table(table, tmp_path / "orders.parquet")
    words = ("--currency", "EUR", "--results", str(tmp_path / "results"))
    code, told = bring(system, tmp_path / "orders.parquet", "orders", *words)
    assert (code, told["accepted"]) == (0, 2)
    last = json.loads((tmp_path / "results").read_text().splitlines()[-1])
    assert system.profile("user:parquet", last["position"])["revenue"]["EUR"]["net"] == 1300


def test_what_cannot_be_imported_at_all_is_a_sentence(system: System, tmp_path: Path) -> None:
    csv = written(tmp_path, "file.csv", "a,b\n1,2\n")
    assert "say --map order=COLUMN" in failed(system, csv, "--as", "orders")
    assert "no column 'c'; there are a, b" in failed(
        system, csv, "--as", "orders", "--map", "order=c"
    )
    assert "no field 'x'" in failed(system, csv, "--as", "orders", "--map", "x=a")
    assert "no time zone" in failed(system, csv, "--as", "contacts", "--timezone", "Mars")
    assert "no encoding" in failed(system, csv, "--as", "contacts", "--encoding", "latin-99")
    assert "not FIELD=COLUMN" in failed(system, csv, "--as", "contacts", "--map", "x")
    twice = written(tmp_path, "twice.csv", "a,a\n1,2\n")
    assert "'a' is not such a name" in failed(system, twice, "--as", "contacts")
    utf16 = written(tmp_path, "utf16.csv", "a,b\n".encode("utf-16"))
    assert "say --encoding utf-16" in failed(system, utf16, "--as", "contacts")
    assert "say --format" in failed(system, written(tmp_path, "x.xls", "a"), "--as", "contacts")
    wrong = written(tmp_path, "wrong.parquet", "no parquet")
    assert "is not Parquet" in failed(system, wrong, "--as", "contacts")
    rules = written(tmp_path, "rules.toml", "curency = 'EUR'")
    assert "curency" in failed(system, csv, "--as", "orders", "--mapping", str(rules))


def test_a_mapping_file_holds_what_the_command_line_would(system: System, tmp_path: Path) -> None:
    file = written(tmp_path, "semi.csv", "Nr;Betrag;Wann\nS-1;1.049,90;31.01.2026\n")
    rules = written(
        tmp_path,
        "rules.toml",
        "decimal = ','\ncurrency = 'EUR'\ntime_format = '%d.%m.%Y'\n"
        "[map]\norder = 'Nr'\namount = 'Betrag'\ntime = 'Wann'\n",
    )
    code, told = bring(system, file, "orders", "--mapping", str(rules), "--dry-run")
    assert (code, told["accepted"], told["without_identifier"]) == (0, 1, 1)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_what_was_ended_goes_on_with_the_same_command(
    system: System, tmp_path: Path, number: signal.Signals
) -> None:
    rows = 30_000
    user, results = f"ended-{number}", tmp_path / "results"
    lines = [f"{user}-{n},{user},2026-01-31,1.00,EUR" for n in range(rows)]
    file = written(tmp_path, "big.csv", "\n".join(["order,user,time,amount,currency", *lines]))
    words = ["import", str(file), "--as", "orders", "--json", "--results", str(results)]
    program = "from services.cli import main; main()"
    child = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        *(-1, None, subprocess.DEVNULL, subprocess.DEVNULL, subprocess.DEVNULL),
        cwd=ROOT,
        env=environment(system.settings),
        # whoever is started in the background ignores it, and so does all that it starts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until(
        lambda: results.exists() and results.read_bytes().count(b"\n") >= 5000,
        60.0,
        "some of it is settled",
    )
    os.kill(child.pid, number)
    assert child.wait(30) == (-9 if number == signal.SIGKILL else 130)
    settled = results.read_bytes().count(b"\n")
    code, told = bring(system, file, "orders", "--results", str(results))
    assert (code, told["accepted"]) == (0, rows)
    assert settled - BATCH <= told["went_on_after"] <= settled
    assert 5000 - BATCH <= told["went_on_after"] < rows  # it neither began anew nor had ended
    found = [json.loads(line) for line in results.read_text().splitlines()]
    assert [row["row"] for row in found] == [*range(1, rows + 1)]
    profile = system.profile(f"user:{user}", found[-1]["position"])
    wait_until(
        lambda: system.profile(f"user:{user}")["orders"]["count"] == rows, 30.0, "all are folded"
    )
    assert profile["id"]
