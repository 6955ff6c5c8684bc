"""The bodies of the catalogue's operations; a name that is not among their fields is an error."""

from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from services.leads.api.bodies import Text, example
from services.leads.catalogue.bounds import (
    MOST_BREAKS,
    MOST_LINES,
    MOST_PARTS,
    MOST_PERCENT,
    MOST_PRICES,
    MOST_RELATED,
    MOST_SETS,
    WHOLE,
)
from services.leads.catalogue.events import Break, Definition, Terms
from services.leads.catalogue.pricing import Line as PriceLine
from shared.parameters import Currency, Day, Line


def _minor(value: Any) -> Any:
    if isinstance(value, float | str):
        said = "whole minor units of the currency are needed, such as 4990 for 49.90 EUR"
        raise ValueError(f"{said}, not {value!r:.50}")
    return value


Sku = Annotated[Line, StringConstraints(min_length=1, max_length=100)]
Minor = Annotated[
    int, BeforeValidator(_minor), Field(ge=0, le=10**15, description="Minor units, whole.")
]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]

_SET: dict[str, Any] = {
    "name": "Tea set",
    "category": "kitchen",
    "unit": "set",
    "contents": {"KETTLE-1": 1, "TEA-7": 2},
    "goes_with": ["CUP-4"],
}


class ProductBody(BaseModel):
    """A product; what is left out is empty."""

    model_config = example(**_SET)

    name: Text
    category: Text
    unit: Text = Field("piece", description="What one of it is counted in.")
    description: Annotated[Line, StringConstraints(max_length=10_000)] = ""
    contents: Annotated[dict[Sku, Quantity], Field(max_length=MOST_PARTS)] = Field(
        {}, description="Of a bundle: how many of each product are in it."
    )
    better: Annotated[list[Sku], Field(max_length=MOST_RELATED)] = Field(
        [], description="Products that are the upgrade of this one."
    )
    goes_with: Annotated[list[Sku], Field(max_length=MOST_RELATED)] = []
    requires: Annotated[
        list[Annotated[list[Sku], Field(max_length=MOST_PARTS)]], Field(max_length=MOST_SETS)
    ] = Field([], description="Sets of products, of which one must be there as a whole.")
    excludes: Annotated[list[Sku], Field(max_length=MOST_RELATED)] = Field(
        [], description="Products that must not be there."
    )

    def definition(self, sku: str) -> Definition:
        """The product of that sku as an event says it."""
        fields = self.model_dump(exclude={"sku", "version"}) | {"sku": sku}
        return msgspec.convert(fields, Definition)


class ProductItem(ProductBody):
    """A product of many."""

    model_config = example(sku="SET-1", **_SET)

    sku: Sku
    version: int | None = Field(
        None, ge=1, le=2**31, description="That which is changed; left out: none is there yet."
    )


class ProductsBody(BaseModel):
    """Many products, in any order; they may name one another."""

    model_config = example(
        items=[
            {"sku": "KETTLE-1", "name": "Kettle", "category": "kitchen"},
            {"sku": "SET-1", **_SET},
        ],
        replace=True,
    )

    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1000)] = Field(
        description="Each as in PUT /v1/products/{sku}, with its `sku`, and with the `version` "
        "that it changes, where there is one."
    )
    replace: bool = Field(False, description="Change what is there whatever its version.")


class BreakBody(BaseModel):
    """From this quantity on, one costs so much."""

    model_config = ConfigDict(extra="forbid")

    quantity: Quantity = 1
    price: Minor


class PriceListBody(BaseModel):
    """What a price list says."""

    model_config = example(
        currency="EUR",
        valid_from="2026-01-01",
        valid_to="2026-12-31",
        prices={
            "KETTLE-1": [{"quantity": 1, "price": 4990}, {"quantity": 10, "price": 4490}],
            "TEA-7": [{"quantity": 1, "price": 350}],
        },
    )

    currency: Currency
    valid_from: Day | None = Field(None, description="The first day (UTC); left out: any before.")
    valid_to: Day | None = Field(None, description="The last day (UTC); left out: any after.")
    base: Text | None = Field(
        None, description="The list that this one stands on: it has all its prices, changed."
    )
    percent: Annotated[int, Field(ge=-WHOLE, le=MOST_PERCENT)] = Field(
        0, description="Hundredths of a percent by which they are changed: -1000 is 10 % less."
    )
    prices: Annotated[
        dict[Sku, Annotated[list[BreakBody], Field(min_length=1, max_length=MOST_BREAKS)]],
        Field(max_length=MOST_PRICES),
    ] = Field({}, description="By sku: what one costs from each quantity on, the first from 1.")

    def terms(self) -> Terms:
        """The same as an event says it."""
        prices = {
            sku: tuple(Break(each.quantity, each.price) for each in breaks)
            for sku, breaks in self.prices.items()
        }
        return Terms(
            *(self.currency, prices, self.valid_from, self.valid_to, self.base, self.percent)
        )


class LineBody(BaseModel):
    """So many of a product."""

    model_config = ConfigDict(extra="forbid")

    sku: Sku
    quantity: Quantity = 1
    discount: Annotated[int, Field(ge=0, le=WHOLE)] = Field(
        0, description="Hundredths of a percent: 1000 is 10 %."
    )
    price: Minor | None = Field(
        None, description="What one costs where that was agreed by hand, in minor units."
    )

    def line(self) -> PriceLine:
        return PriceLine(self.sku, self.quantity, self.discount, self.price)


class PricesBody(BaseModel):
    """A configuration to price."""

    model_config = example(
        price_list="standard",
        day="2026-11-23",
        lines=[
            {"sku": "KETTLE-1", "quantity": 2, "discount": 500},
            {"sku": "TEA-7", "quantity": 4},
        ],
    )

    price_list: Text | None = Field(
        None, description="Left out: `standard`, or a partner's own. A partner has no other one."
    )
    day: Day | None = Field(None, description="On which day (UTC); left out: today.")
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=MOST_LINES)]
