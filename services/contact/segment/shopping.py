"""Events of Segment's e-commerce spec as ours: lines and amounts in minor units. Pure."""

from typing import Any

import msgspec

from services.contact.faults import refuse
from services.contact.money import minor_units
from services.contact.segment.values import LINK, NOTE, Fields, known, required, text

CURRENCY = "USD"
"""What an amount is in where nothing else is said, as Segment has it."""

_SAID = "/properties"
_WORTH = ("revenue", "total", "value")
_PRICE = ("price",)


def order_placed(properties: Fields) -> Fields:
    """Order Completed, Order Updated: worth its `revenue`, else `total`, else `value`."""
    fields = order(properties)
    if "amount" not in fields:
        raise refuse(f"{_SAID}/revenue", "required", "`revenue` or `total` must be there.")
    return fields


def order(properties: Fields) -> Fields:
    """Any other event of an order; of a refund the amount is what was given back."""
    return {"order": required(properties, "order_id", _SAID), **_priced(properties)}


def product(properties: Fields) -> Fields:
    """Product Viewed."""
    sku = _sku(properties)
    if sku is None:
        raise refuse(f"{_SAID}/sku", "required", "`sku` or `product_id` must be there.")
    name, url = text(properties.get("name"), NOTE), text(properties.get("url"), LINK)
    return {"sku": sku, **known(name=name, url=url)}


def added(properties: Fields) -> Fields:
    """Product Added: what went into the cart."""
    return {**_cart(properties), "added": [_line(properties, _currency(properties), _SAID)]}


def removed(properties: Fields) -> Fields:
    """Product Removed: what went out of the cart."""
    return {**_cart(properties), "removed": [_line(properties, _currency(properties), _SAID)]}


def _cart(properties: Fields) -> Fields:
    return known(cart=text(properties.get("cart_id")))


def search(properties: Fields) -> Fields:
    """Products Searched; a query that is an object is given as its JSON."""
    query = properties.get("query")
    if type(query) in (dict, list):
        query = msgspec.json.encode(query).decode()
    if type(query) is not str or len(query) > NOTE:
        raise refuse(f"{_SAID}/query", "required", "`query` must be there.")
    return {"query": query}


def review(properties: Fields) -> Fields:
    """Product Reviewed."""
    return known(
        product=text(properties.get("product_id")),
        text=text(properties.get("review_body"), NOTE),
        rating=_rating(properties.get("rating")),
    )


def _rating(said: Any) -> float | None:
    try:
        rating = float(said) if type(said) in (str, int, float) else -1.0
    except (ValueError, OverflowError):
        return None
    return rating if 0 <= rating <= 100 else None


def _priced(properties: Fields) -> Fields:
    currency = _currency(properties)
    amount = _amount(properties, _WORTH, currency, _SAID)
    fields: Fields = {} if amount is None else {"amount": amount, "currency": currency}
    lines = _lines(properties.get("products"), currency)
    if lines is not None:
        fields["lines"] = lines
    return fields


def _currency(properties: Fields) -> str:
    said = properties.get("currency")
    if said is None or said == "":
        return CURRENCY
    if type(said) is not str or len(said) != 3 or not (said.isascii() and said.isalpha()):
        raise refuse(f"{_SAID}/currency", "pattern", "`currency` is a code of ISO 4217.")
    return said.upper()


def _amount(fields: Fields, names: tuple[str, ...], currency: str, within: str) -> int | None:
    """The first of the amounts that is there, in minor units. Raises Refusal."""
    for name in names:
        said = fields.get(name)
        if said is None or said == "":
            continue
        try:
            return minor_units(said, currency)
        except ValueError:
            raise refuse(f"{within}/{name}", "amount", f"`{name}` is a decimal amount.") from None
    return None


def _lines(products: Any, currency: str) -> list[Fields] | None:
    if products is None:
        return None
    if type(products) is not list:
        raise refuse(f"{_SAID}/products", "type", "`products` is a list.")
    return [
        _line(each, currency, f"{_SAID}/products/{place}") for place, each in enumerate(products)
    ]


def _line(said: Any, currency: str, within: str) -> Fields:
    if type(said) is not dict:
        raise refuse(within, "type", "A product is an object.")
    sku = _sku(said) or text(said.get("name"))
    if sku is None:
        raise refuse(f"{within}/sku", "required", "`sku` or `product_id` must be there.")
    line: Fields = {"sku": sku, "quantity": _quantity(said.get("quantity"), within)}
    price, name = _amount(said, _PRICE, currency, within), text(said.get("name"))
    if price is not None:
        line["price"] = price
    if name is not None:
        line["name"] = name
    return line


def _sku(said: Fields) -> str | None:
    return text(said.get("sku")) or text(said.get("product_id")) or text(said.get("id"))


def _quantity(said: Any, within: str) -> int | float:
    if said is None or said == "":
        return 1
    if type(said) is str and said.isascii() and said.isdecimal() and len(said) <= 12:
        return int(said)
    if type(said) not in (int, float):
        raise refuse(f"{within}/quantity", "type", "`quantity` is a number.")
    return said  # type: ignore[no-any-return]
