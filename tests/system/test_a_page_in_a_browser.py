"""A page in a real browser posts events, and they become a profile; pages elsewhere cannot."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.contact.public import PAIR, claims, signed
from tests.system.pages import Origin, browser, origin
from tests.system.running import System, free_port, wait_until

pytestmark = pytest.mark.skipif(
    browser() is None,
    reason="no Chromium is on the path: install one, or name it by CHROMIUM",
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Origin]:
    with origin(free_port()) as found:
        yield found


@pytest.fixture(scope="module")
def system(
    shop: Origin, deployment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system whose answers the shop's pages may read."""
    settings = deployment | {"RAPPORT_ORIGINS": shop.url}
    found = System(tmp_path_factory.mktemp("system"), settings)
    found.start()
    yield found
    found.end()


@pytest.fixture(scope="module")
def key(system: System, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A public key, made as an operator makes it."""
    jwk = tmp_path_factory.mktemp("keys") / "token.jwk"
    jwk.write_bytes(msgspec.json.encode(PAIR.as_dict(private=False)))
    words = ["--scope", "ingest-public", "--namespace", "shop", "--type", "page.viewed"]
    made = system.rapport("keys", "create", "web", *words, "--jwk", str(jwk), "--json")
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["secret"])


def opened(page: Origin, system: System, key: str, folder: Path, **who: str) -> dict[str, Any]:
    found = browser()
    assert found is not None
    said = claims("web", {"kind": "user", "value": who["user"]})
    token = signed(said, PAIR)
    return page.opened_in(found, folder, door=system.url, key=key, token=token, **who)


def test_what_a_page_posts_becomes_a_profile(
    shop: Origin, system: System, key: str, tmp_path: Path
) -> None:
    report = opened(shop, system, key, tmp_path, user="42", device="d-42")
    assert report["fetched"]["status"] == 202, report
    assert report["refused"]["status"] == 422
    assert report["refused"]["body"]["errors"][0]["code"] == "not_allowed"
    assert report["itself"]["body"]["scopes"] == ["ingest-public"]
    assert report["queued"] is True
    found = system.profile("user:shop:42", report["fetched"]["body"]["position"])
    assert {each["kind"] for each in found["identifiers"]} == {"user", "device"}

    def both() -> bool:
        return bool(system.profile("device:shop:d-42")["interactions"]["total"] == 2)

    wait_until(both, 30.0, "the beacon is counted too")
    claimed = system.get("/v1/customers", identifier="email:claimed@example.com")
    assert claimed.status_code == 404


def test_a_page_of_another_origin_reads_nothing(system: System, key: str, tmp_path: Path) -> None:
    with origin() as elsewhere:
        report = opened(elsewhere, system, key, tmp_path, user="43", device="d-43")
    assert report["fetched"] == report["refused"] == report["itself"] == {"failed": "TypeError"}
    assert system.get("/v1/customers", identifier="user:shop:43").status_code == 404
