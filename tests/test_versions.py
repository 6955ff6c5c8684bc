"""A view's version goes up when its rows come out differently: their code is on record."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from services.contact import tables as contact
from services.leads import tables as leads
from services.profile import tables as profile
from shared.fingerprint import fingerprint

ROOT = Path(__file__).resolve().parents[1]
SHARED = ["columns", "identifiers", "ids", "literals", "merging", "messages", "seen"]
MAKE_ROWS = {
    "contact": ["inbound.py", "projections.py", "tables.py", "words.py"],
    "leads": ["**/events.py", "inbound.py", "**/projections.py", "**/tables.py"],
    "profile": [
        "inbound.py",
        "projections/*.py",
        "tables.py",
        "identity.py",
        "belonging.py",
        "belonging_sql.py",
        "listing.py",
        "passes.py",
    ],
}


def present(service: str, patterns: Sequence[str]) -> str:
    folder = ROOT / "services" / service
    files = [file for pattern in patterns for file in folder.glob(pattern)]
    return fingerprint([*files, *(ROOT / "shared" / f"{name}.py" for name in SHARED)])


@pytest.mark.parametrize("service", [*MAKE_ROWS])
def test_code_that_makes_rows_is_that_of_the_recorded_version(service: str) -> None:
    recorded = (ROOT / "services" / service / "fingerprint.txt").read_text().split()
    version = {"contact": contact, "leads": leads, "profile": profile}[service].VERSION
    found = [str(version), present(service, MAKE_ROWS[service])]
    assert recorded == found, (
        f"the code that makes the rows of {service} has changed: raise VERSION in its tables.py "
        f"unless every row stays the same, then write {' '.join(found)!r} to its fingerprint.txt"
    )


def test_layout_and_docstrings_do_not_count_and_anything_else_does(tmp_path: Path) -> None:
    files = [tmp_path / "a.py", tmp_path / "b.py", tmp_path / "c.py"]
    files[0].write_text('def f(x):\n    """One."""\n    return x + 1\n')
    files[1].write_text('def f(x):\n    """Two."""\n\n    # why\n    return (x + 1)\n')
    files[2].write_text("def f(x):\n    return x + 2\n")
    one, other, changed = (fingerprint([file]) for file in files)
    assert one == other
    assert one != changed
