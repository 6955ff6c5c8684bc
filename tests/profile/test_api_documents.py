"""What the documentation shows is what the API answers."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.profile.api import documents, install
from shared.application import application, openapi
from shared.database import Pool
from tests.profile.answering import Profile, answering
from tests.profile.histories import captured
from tests.records import decided, subject


@pytest.fixture
async def profile(pool: Pool) -> AsyncIterator[Profile]:
    async with answering(pool) as profile:
        yield profile


def operations() -> dict[str, dict[str, Any]]:
    api = application("Rapport: profile", "As tests see it.")
    install(api)
    paths = openapi(api)["paths"]
    return {f"{verb} {path}": made for path, all_ in paths.items() for verb, made in all_.items()}


def test_every_operation_is_described_with_an_example_and_its_problems() -> None:
    found = operations()
    assert len(found) == 12
    for name, operation in found.items():
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["security"], name
        assert operation["tags"], name
        (success,) = (s for s in operation["responses"] if s.startswith("2"))
        assert operation["responses"][success]["content"]["application/json"]["example"], name
        assert {"401", "403", "422", "503"} <= operation["responses"].keys(), name


def shape(document: Any) -> Any:
    """The names in a document, of lists those in the first item."""
    if isinstance(document, dict):
        return {name: shape(value) for name, value in document.items()}
    if isinstance(document, list):
        return [shape(document[0])] if document else []
    return None


async def told_everything(profile: Profile) -> None:
    order = {"namespace": "shop", "order": "1", "amount": 4990, "currency": "EUR"}
    await profile.tell("order.placed", "user:shop:42", "email:jane@example.com", **order)
    await profile.tell("page.viewed", "user:shop:42")
    await profile.tell("page.viewed", "user:shop:43", "email:jane@example.com")
    await profile.tell("customer.described", "user:shop:42", traits={"name": "Jane Doe"})
    address = {
        "kind": "email",
        "value": "jane@example.com",
        "subject": subject("email:jane@example.com"),
    }
    consent = {"address": address["value"], "purpose": "newsletter", "consent_channel": "email"}
    choices = {"topics": ["wine"], "address_identifier": address}
    await profile.tell("consent.granted", "user:shop:42", **consent, **choices)
    terms = {"term": "P1M", "amount": 990, "currency": "EUR"}
    await profile.tell("subscription.started", "user:shop:42", subscription="s-7", **terms)
    product = {"serial": "SN-0042", "sku": "KETTLE-1", "name": "Kettle"}
    await profile.tell("product.registered", "user:shop:42", **product)
    money: list[dict[str, Any]] = [{"amount": 120_000, "currency": "EUR"}, {}]
    for stream, given in enumerate(money, 1):
        asked = captured(title="Quote: KETTLE-1", owner="representative:7", **given)
        await profile.fold(decided("lead.captured", "user:shop:42", stream, 1, **asked))
    won: dict[str, Any] = {"stage": "proposal", "amount": 4990, "currency": "EUR"}
    await profile.fold(decided("lead.won", "user:shop:42", 2, 2, **won))
    organisation = {"id": "acme", "name": "Acme Ltd"}
    fields = {"organisation": organisation, "role": "buyer", "member": True}
    await profile.tell("membership.changed", "user:shop:42", **fields)


async def test_the_documents_shown_have_the_shape_of_real_ones(profile: Profile) -> None:
    await told_everything(profile)
    user = subject("user:shop:42")
    whole = await profile.get(f"/v1/customers/{user}")
    counted = ("interactions", "orders")  # their names come from events
    for part in documents.PROFILE:
        if part not in counted:
            assert shape(whole[part]) == shape(documents.PROFILE[part]), part
    assert whole.keys() == documents.PROFILE.keys()
    for part in counted:
        assert whole[part].keys() == documents.PROFILE[part].keys()
    timeline = await profile.get(f"/v1/customers/{user}/timeline")
    assert timeline["data"][0].keys() == documents.TIMELINE["data"][0].keys()
    same = [
        ("/v1/customers", documents.CUSTOMERS),
        (f"/v1/customers/{user}/duplicates", documents.DUPLICATES),
        ("/v1/duplicates", documents.ALL_DUPLICATES),
        ("/v1/organisations", documents.ORGANISATIONS),
        ("/v1/organisations/acme", documents.ORGANISATION),
    ]
    for path, document in same:
        assert shape(await profile.get(path)) == shape(document), path
    field = documents.EXPLAINED["field"]
    explained = await profile.get(f"/v1/customers/{user}/explain", field=field)
    assert shape(explained) == shape(documents.EXPLAINED)
    belonging = await profile.get(f"/v1/customers/{user}/belonging")
    (email,) = (one for one in belonging["data"] if one["kind"] == "email")
    assert shape(email) == shape(documents.BELONGING["data"][0])
