"""Full text over the interactions of a customer, and over all."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.contact.inbound import interaction
from services.contact.queries import search
from services.contact.words import MOST, words_of
from shared.database import Pool
from tests.contact.answering import SCHEMA, Contact, answering
from tests.records import at, record, subject

PATH = "/v1/interactions/search"


@pytest.fixture
async def contact(pool: Pool) -> AsyncIterator[Contact]:
    async with answering(pool) as contact:
        yield contact


async def found(contact: Contact, q: str, **parameters: Any) -> list[str]:
    """The ids of what was found, best first, over all pages."""
    return [one["id"] for one in await contact.all_pages(PATH, 2, q=q, **parameters)]


async def test_what_holds_more_of_the_words_goes_first(contact: Contact) -> None:
    await contact.tell("message.received", "user:1", id="once", text="The kettle is here")
    await contact.tell("note.taken", "user:1", id="more", text="Kettle, KETTLE and kettle again")
    await contact.tell("message.received", "user:2", id="other", text="A pot")
    assert await found(contact, "kettle") == ["more", "once"]


async def test_of_equal_ones_the_newest_goes_first(contact: Contact) -> None:
    for n in (2, 5, 1, 4, 3):
        await contact.tell("note.taken", f"user:{n}", id=str(n), seconds=n, text="A kettle")
    assert await found(contact, "kettle") == ["5", "4", "3", "2", "1"]


async def test_the_words_are_marked_and_all_else_is_safe_in_a_page(contact: Contact) -> None:
    text = "<i>kettle</i> 5 < 6 & 'a' \ue000 Kettle \ue001 > b"
    await contact.tell("message.received", "user:1", text=text)
    (one,) = (await contact.get(PATH, q="kettle"))["data"]
    excerpt = one["excerpt"]
    assert excerpt.count("<mark>kettle</mark>") == excerpt.count("<mark>Kettle</mark>") == 1
    assert "&amp;" in excerpt
    rest = excerpt.replace("<mark>", "").replace("</mark>", "")
    assert not {"<", ">", "\ue000", "\ue001"}.intersection(rest)
    assert one["rank"] > 0


async def test_words_are_asked_for_as_on_the_web(contact: Contact) -> None:
    await contact.tell("note.taken", "user:1", id="1", text="The kettle does not boil")
    await contact.tell("note.taken", "user:2", id="2", text="The pot does boil, not the kettle")
    assert await found(contact, '"kettle does"') == ["1"]
    assert await found(contact, "kettle -pot") == ["1"]
    assert sorted(await found(contact, "pot or kettle")) == ["1", "2"]
    assert await found(contact, "kettle lid") == []


async def test_any_language_is_found_as_it_is_written(contact: Contact) -> None:
    texts = {"de": "Der Wasserkocher läuft ÜBER", "el": "Ο βραστήρας", "ru": "Чайник течёт"}
    for id, text in texts.items():
        await contact.tell("note.taken", "user:1", id=id, text=text)
    assert await found(contact, "über") == ["de"]
    assert await found(contact, "βραστήρας") == ["el"]
    assert await found(contact, "ЧАЙНИК") == ["ru"]


async def test_of_a_customer_are_found_those_of_all_its_subjects(contact: Contact) -> None:
    await contact.tell("note.taken", "user:1", id="1", text="kettle")
    await contact.tell("note.taken", "email:a@x", id="2", text="kettle")
    await contact.tell("note.taken", "user:3", id="3", text="kettle")
    await contact.belongs(subject("email:a@x"), subject("user:1"))
    who = {"customer": subject("email:a@x")}
    assert sorted(await found(contact, "kettle", **who)) == ["1", "2"]
    assert await found(contact, "pot", **who) == []


async def test_it_is_narrowed_by_channel_type_and_time(contact: Contact) -> None:
    for n, channel in enumerate(["phone", "web", "chat"]):
        await contact.tell(
            "note.taken", "user:1", id=channel, channel=channel, seconds=n, text="kettle"
        )
    await contact.tell("message.received", "user:1", id="m", channel="chat", text="kettle")
    assert await found(contact, "kettle", channel="web") == ["web"]
    assert await found(contact, "kettle", type="message.received") == ["m"]
    assert await found(contact, "kettle", **{"from": at(1), "to": at(2)}) == ["web"]


async def test_a_body_asks_the_same_with_no_words_in_a_url(contact: Contact) -> None:
    for n in range(3):
        await contact.tell("note.taken", "user:1", id=str(n), text="kettle")
    pages, cursor = [], None
    for _ in range(2):
        body = {"q": "kettle", "limit": 2, "cursor": cursor, "channel": ["web"], "from": at(0)}
        answer = await contact.client.post(PATH, json=body, headers=contact.headers("read"))
        assert answer.status_code == 200, answer.text
        pages += answer.json()["data"]
        cursor = answer.json()["next_cursor"]
    assert (len(pages), cursor) == (3, None)
    asked = await contact.get(PATH, q="kettle", channel="web", **{"from": at(0)})
    assert asked["data"] == pages


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "/query/q"),
    ({"q": ""}, "/query/q"),
    ({"q": "a\0b"}, "/query/q"),
    ({"q": "x" * 5000}, "/query/q"),
    ({"q": "a", "limit": 0}, "/query/limit"),
    ({"q": "a", "channel": "fax"}, "/query/channel/0"),
    ({"q": "a", "cursor": "x"}, "/query/cursor"),
    ({"q": "a", "subject": "x"}, "/query/subject"),
    ({"q": "-kettle"}, "/q"),
    ({"q": "!?"}, "/q"),
]


async def test_a_wrong_question_is_named(contact: Contact) -> None:
    for parameters, pointer in WRONG:
        answer = await contact.ask(PATH, **parameters)
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["pointer"]) == (422, pointer), parameters


async def test_only_readers_search(contact: Contact) -> None:
    for scope in ("ingest", "write", "ops"):
        answer = await contact.client.get(PATH, params={"q": "a"}, headers=contact.headers(scope))
        assert answer.status_code == 403


async def test_what_takes_too_long_is_cut_off(
    contact: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    await contact.site.pool.execute(
        f"INSERT INTO {SCHEMA}.interactions SELECT gen_random_uuid(), gen_random_uuid(), now(),"
        " 'a', 'web', 'inbound', '', '{}', repeat('kettle and so on ', 1000)"
        " FROM generate_series(1, 300)"
    )
    monkeypatch.setattr(search, "TIMEOUT_MS", 1)
    answer = await contact.ask(PATH, q="kettle")
    assert (answer.status_code, answer.json()["code"]) == (422, "too_broad")


@given(q=st.text(min_size=1, max_size=60))
@example(q="' OR 1=1; --")
@example(q="a & | ! <-> (((")
@example(q="\\' \"unended")
@example(q="-" * 500)
@example(q="a or or or -or")
@example(q="x" * 512)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_no_question_breaks_it(contact: Contact, q: str) -> None:
    answer = await contact.client.post(PATH, json={"q": q}, headers=contact.headers("read"))
    assert answer.status_code in (200, 422), answer.text


def texts(**data: Any) -> str:
    body: Any = interaction(record("note.taken", "user:1", id="1", **data)).body
    return words_of(body)


def test_the_words_of_an_event_are_those_of_its_own_texts() -> None:
    assert (
        texts(subject=" My \n kettle ", text="It\tleaks", sku="K-1", amount=5)
        == "My kettle It leaks"
    )
    assert (
        texts(query="kettle", name=7, comment=None, title=["a", {"text": "b", "x": "c"}])
        == "b kettle"
    )
    assert texts(fields={"topic": "kettles", "more": ["a", 1]}) == "kettles a"
    assert texts(body={"deep": [{"message": "Hello", "id": "x"}], "text": "you"}) == "Hello you"
    assert texts() == ""


def test_the_words_of_an_event_are_bounded() -> None:
    assert len(texts(text="word " * 50_000)) <= MOST
    assert len(texts(body=[{"text": "a"}] * 50_000)) <= MOST


async def test_hostile_text_is_kept_and_found(contact: Contact) -> None:
    await contact.tell("note.taken", "user:1", id="u", text="a\ufeffb \u202e x" + "y" * 3000)
    await contact.tell("note.taken", "user:1", id="many", text=" ".join(map(str, range(9000))))
    assert await found(contact, "8999") == []  # beyond what is searched
    assert await found(contact, "17") == ["many"]
