"""Opportunities: the commercial side of a lead, and what of it the lead itself has."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType

from services.leads.bounds import LARGEST, LONG
from services.leads.catalogue.bounds import MOST_LINES, MOST_OF_ONE, WHOLE
from services.leads.catalogue.pricing import Catalogue, Line, Priced, price
from services.leads.catalogue.states import Product, Retired, Sold
from services.leads.commands import DescribeLead
from services.leads.decider.checks import Wrong, day, money, refuse, text, whole
from services.leads.decider.knowing import open_lead
from services.leads.quotes.bounds import MOST_PEOPLE
from services.leads.quotes.commands import DescribeOpportunity
from services.leads.quotes.events import Content, OpportunityDescribed, OpportunityEvent, Person
from services.leads.quotes.states import Described, Opportunity
from shared.errors import FieldError
from shared.ids import event_id


@lru_cache(maxsize=1_000)
def stream_of(lead: str) -> str:
    """The stream of the opportunity of a lead: it has at most one."""
    return event_id("opportunity", lead)


def describe(state: Opportunity, command: DescribeOpportunity) -> Sequence[OpportunityEvent]:
    """Of an open lead; what differs in nothing is no news."""
    open_lead(command.state)
    refuse(_wrong(command))
    before = state.content if isinstance(state, Described) else Content()
    content = _content(command)
    changed = tuple(
        name
        for name in Content.__struct_fields__
        if getattr(content, name) != getattr(before, name)
    )
    if not changed:
        return []
    there = len(before.lines), len(before.people)
    return [OpportunityDescribed(command.lead, content, changed, *there, at=command.at)]


def evolve(state: Opportunity, event: OpportunityEvent) -> Opportunity:
    since = state.since if isinstance(state, Described) else event.at
    return Described(event.lead, event.content, since)


def for_lead(state: Opportunity, command: DescribeOpportunity) -> DescribeLead:
    """What the lead has of it: amount, currency, day and product, so that there is one value.

    The product is that of the line that comes to most. What the opportunity has never said is
    left as it is. Raises as `describe`.
    """
    refuse(_wrong(command))
    before = state.content if isinstance(state, Described) else Content()
    after = _content(command)
    fields: dict[str, Any] = {
        "expected_close": _told(before.expected_close, after.expected_close),
        "product": _told(_product(before), _product(after)),
        "amount": (amount := _told(before.amount, after.amount)),
        "currency": UNSET if amount is UNSET else after.currency,
    }
    return DescribeLead(at=command.at, **fields)


def _told(before: Any, after: Any) -> Any | UnsetType:
    return UNSET if before is None and after is None else after


def _product(content: Content) -> str | None:
    """The first of those that come to most."""
    if not content.lines:
        return None
    amounts = [line.amount for line in content.priced.lines] if content.priced else [0]
    return content.lines[amounts.index(max(amounts))].sku


def _content(command: DescribeOpportunity) -> Content:
    """Raises Unprocessable where the lines cannot be priced."""
    priced = _priced(command)
    return Content(
        people=command.people,
        organisation=command.organisation,
        lines=command.lines,
        priced=priced,
        amount=priced.total if priced else command.amount,
        currency=priced.currency if priced else command.currency,
        expected_close=command.expected_close,
        next_step=command.next_step,
        categories=categories(command.products, command.lines),
    )


def _priced(command: DescribeOpportunity) -> Priced | None:
    if command.price_list is None or not command.lines:
        return None
    catalogue = Catalogue(command.products, command.price_list)
    return price(catalogue, command.lines, command.at[:10])


def categories(products: Mapping[str, Product], lines: Sequence[Line]) -> dict[str, str]:
    """The categories of the products of lines, by sku."""
    found = {line.sku: products.get(line.sku) for line in lines}
    return {
        sku: state.product.category
        for sku, state in sorted(found.items())
        if isinstance(state, Sold | Retired)
    }


def _wrong(command: DescribeOpportunity) -> Wrong:
    yield from text(command.organisation, "/organisation")
    if command.organisation is not None and not is_subject(command.organisation):
        yield FieldError("/organisation", "subject", "A subject: the UUID of an identifier.")
    yield from text(command.next_step, "/next_step", LONG)
    yield from day(command.expected_close, "/expected_close")
    yield from whole(len(command.people), "/people", 0, MOST_PEOPLE)
    for number, person in enumerate(command.people[:MOST_PEOPLE]):
        yield from _wrong_person(person, f"/people/{number}")
    yield from _wrong_money(command)
    if command.price_list is None:
        yield from _wrong_lines(command)


def _wrong_person(person: Person, pointer: str) -> Wrong:
    if person.subject is None and person.name is None:
        yield FieldError(pointer, "required", "A person has a subject, a name or both.")
    if person.subject is not None and not is_subject(person.subject):
        detail = "A subject: the UUID of an identifier."
        yield FieldError(f"{pointer}/subject", "subject", detail)
    yield from text(person.name, f"{pointer}/name")
    yield from text(person.note or None, f"{pointer}/note", LONG)


def is_subject(value: str) -> bool:
    """Whether a text is a UUID as records spell it."""
    try:
        return str(UUID(value)) == value
    except ValueError:
        return False


def _wrong_money(command: DescribeOpportunity) -> Wrong:
    if command.price_list is None:
        yield from money(command.amount, command.currency)
    elif (command.amount, command.currency) != (None, None):
        detail = "The lines come to an amount by the price list: leave out amount and currency."
        yield FieldError("/amount", "priced", detail)


def _wrong_lines(command: DescribeOpportunity) -> Wrong:
    """Lines without a price list: what they are of is there, and they have no prices."""
    yield from whole(len(command.lines), "/lines", 0, MOST_LINES)
    for number, line in enumerate(command.lines[:MOST_LINES]):
        pointer = f"/lines/{number}"
        yield from whole(line.quantity, f"{pointer}/quantity", 1, MOST_OF_ONE)
        yield from whole(line.discount, f"{pointer}/discount", 0, WHOLE)
        if line.price is not None:
            yield from whole(line.price, f"{pointer}/price", 0, LARGEST)
            detail = "A price needs the currency of a price list: name one."
            yield FieldError(f"{pointer}/price", "price_list_missing", detail)
        if line.sku not in command.products:
            yield FieldError(
                f"{pointer}/sku", "unknown_sku", f"There is no product {line.sku!r:.120}."
            )
