"""Segment's SDKs, unmodified, deliver every kind of call to the profile, whatever is killed."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services import banner
from shared import embedded
from shared.ids import uuid7
from tests.system import sdks
from tests.system.running import System, wait_until
from tests.system.sdks import Open, Sdk

CAMPAIGN = {"name": "spring", "source": "newsletter", "medium": "email"}
SOON = 60.0


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Open:
    return sdks.node(sdks.install(tmp_path_factory.mktemp("sdk")))


@pytest.fixture(params=["python", "node"])
def opened(request: pytest.FixtureRequest) -> Open:
    return sdks.python if request.param == "python" else request.getfixturevalue("node")


def write_key(system: System) -> str:
    return str(banner.keys(system.data)["ingest"])


def order(number: str, revenue: float) -> dict[str, Any]:
    """Order Completed."""
    product = {"sku": "KETTLE-1", "name": "Kettle", "price": revenue, "quantity": 1}
    properties = {"order_id": number, "revenue": revenue, "currency": "EUR", "products": [product]}
    return {"event": "Order Completed", "properties": properties}


def known(system: System, user: str, interactions: int) -> dict[str, Any]:
    """The profile of a user once it counts so many interactions."""
    found: dict[str, Any] = {}

    def complete() -> bool:
        answer = system.get("/v1/customers", identifier=f"user:{user}")
        found.update(answer.json())
        return answer.status_code == 200 and found["interactions"]["total"] >= interactions

    wait_until(complete, SOON, f"{user} has {interactions} interactions")
    return found


def a_life(sdk: Sdk, user: str) -> dict[str, int]:
    """One call of every kind and more; how many interactions of each type follow from them."""
    device, email = str(uuid7()), f"{user}@example.com"
    recipient = {"traits": {"email": email}}
    sdk.call("track", anonymousId=device, event="Signed Up", context={"campaign": CAMPAIGN})
    sdk.call("track", userId=f"old-{user}", event="Signed In")
    sdk.call(
        "identify", userId=user, anonymousId=device, traits={"email": email, "name": "Jane Doe"}
    )
    sdk.call("page", userId=user, name="Kettles", properties={"url": "https://shop.example/k"})
    sdk.call("screen", userId=user, name="Basket")
    sdk.call("group", userId=user, groupId="acme", traits={"name": "Acme Ltd"})
    sdk.call("track", userId=user, **order(f"{user}-1", 49.9))
    sdk.call("track", userId=user, event="Email Opened", context=recipient)
    sdk.call("track", userId=user, event="Live Chat Message Sent", properties={"message_body": "?"})
    sdk.call("alias", userId=user, previousId=f"old-{user}")
    return {
        "track": 2,
        **dict.fromkeys(["customer.described", "page.viewed", "screen.viewed"], 1),
        **dict.fromkeys(["membership.changed", "order.placed", "email.opened"], 1),
        **dict.fromkeys(["message.received", "identifiers.seen"], 1),
    }


def test_every_kind_of_call_comes_to_the_profile(system: System, opened: Open) -> None:
    user = str(uuid7())
    with opened(system.url, write_key(system)) as sdk:
        expected = a_life(sdk, user)
        sdk.settle()
    found = known(system, user, sum(expected.values()))
    assert found["interactions"]["by_type"] == expected
    assert [one["kind"] for one in found["identifiers"]].count("user") == 2
    assert {one["kind"] for one in found["identifiers"]} == {"user", "email", "device"}
    assert found["traits"]["name"]["value"] == "Jane Doe"
    assert found["orders"]["count"] == 1
    assert found["revenue"]["EUR"]["amount"] == 4990
    assert [(one["number"], one["name"]) for one in found["memberships"]] == [("acme", "Acme Ltd")]
    old = system.get("/v1/customers", identifier=f"user:old-{user}").json()
    assert old["id"] == found["id"]


def test_the_campaign_and_the_lines_of_an_order_are_kept(system: System, opened: Open) -> None:
    user = str(uuid7())
    with opened(system.url, write_key(system)) as sdk:
        expected = a_life(sdk, user)
        sdk.settle()
    customer = known(system, user, sum(expected.values()))["id"]
    listed: list[dict[str, Any]] = []

    def complete() -> bool:
        listed[:] = system.get("/v1/interactions", customer=customer).json().get("data", [])
        return len(listed) == sum(expected.values())

    wait_until(complete, SOON, "contact knows whom all belong to")
    campaigns = [one["data"]["body"].get("context", {}).get("campaign") for one in listed]
    assert [one for one in campaigns if one] == [CAMPAIGN]
    (placed,) = [one for one in listed if one["type"] == "order.placed"]
    line = {"sku": "KETTLE-1", "name": "Kettle", "quantity": 1, "price": 4990}
    assert placed["data"]["lines"] == [line]


@pytest.fixture
def mortals() -> Iterator[Path]:
    """The data folder of a Kafka and a PostgreSQL that may be killed."""
    folder = Path(tempfile.mkdtemp(prefix="rapport-sdks-"))
    folder.chmod(0o755)  # the servers' user has to reach it
    try:
        yield folder / "servers"
    finally:
        embedded.remove(folder / "servers")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mortal(mortals: Path, tmp_path: Path) -> Iterator[System]:
    """A system on those servers."""
    addresses = embedded.start(mortals, keep=True)
    settings = {
        "RAPPORT_KAFKA": addresses.kafka,
        "RAPPORT_DATABASE": addresses.database,
        "RAPPORT_PARTITIONS": "2",
        "RAPPORT_SECRET": "the secret of a system that may be killed",
        "RAPPORT_LEASE_SECONDS": "2",
    }
    system = System(tmp_path, settings)
    system.start()
    yield system
    system.end()


@pytest.mark.timeout(300)  # the SDKs wait longer each time
def test_with_log_and_services_killed_every_call_is_there_once(
    mortal: System, mortals: Path, node: Open
) -> None:
    users = [str(uuid7()), str(uuid7())]
    orders = 0
    key = write_key(mortal)
    with sdks.python(mortal.url, key) as python, node(mortal.url, key) as other:
        deliverers = list(zip((python, other), users, strict=True))

        def deliver(number: int) -> None:
            nonlocal orders
            for _ in range(number):
                for sdk, user in deliverers:
                    sdk.call("track", userId=user, **order(f"{user}-{orders}", 1.5))
                orders += 1

        def settle() -> None:
            for sdk, _ in deliverers:
                sdk.settle()

        deliver(30)
        settle()
        kill_kafka(mortals)
        deliver(30)
        wait_until(lambda: unsettled(mortal) > 0, SOON, "the door says that the log is away")
        embedded.start(mortals, keep=True)
        settle()
        deliver(30)
        mortal.program.kill()  # while they are on their way
        deliver(30)
        mortal.start()
        settle()
    for user in users:
        found = known(mortal, user, orders)
        assert found["interactions"]["total"] == found["orders"]["count"] == orders
        assert found["revenue"]["EUR"]["amount"] == 150 * orders


def kill_kafka(mortals: Path) -> None:
    [kafka] = [server for server in embedded.status(mortals) if server.name == "kafka"]
    assert kafka.pid is not None
    os.kill(kafka.pid, signal.SIGKILL)


def unsettled(system: System) -> float:
    """Events of which the door could not say whether they arrived."""
    lines = system.get("/metrics").text.splitlines()
    name = 'rapport_contact_events_total{outcome="unknown"} '
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))
