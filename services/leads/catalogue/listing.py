"""Price lists that stand on others, whole: pure."""

from collections.abc import Mapping

from services.leads.catalogue.bounds import MOST_BASES, WHOLE
from services.leads.catalogue.events import Break, Terms
from services.leads.catalogue.states import Listed, Listing, PriceList
from shared.errors import Conflict, NotFound


def standing(name: str, version: int, terms: Terms, base: PriceList | None) -> PriceList:
    """A list with what it has from the one that it stands on.

    A price of the base is changed by `percent`, in hundredths, and rounded half up. The list is
    valid while both are.
    """
    if base is None:
        own = (terms.currency, terms.prices, terms.valid_from, terms.valid_to)
        return PriceList(name, version, *own)
    changed = {sku: _changed(breaks, terms.percent) for sku, breaks in base.prices.items()}
    return PriceList(
        name=name,
        version=version,
        currency=terms.currency,
        prices={**changed, **terms.prices},
        valid_from=max(filter(None, (terms.valid_from, base.valid_from)), default=None),
        valid_to=min(filter(None, (terms.valid_to, base.valid_to)), default=None),
        on={base.name: base.version, **base.on},
    )


def _changed(breaks: tuple[Break, ...], percent: int) -> tuple[Break, ...]:
    parts = WHOLE + percent
    return tuple(
        Break(each.quantity, (each.price * parts + WHOLE // 2) // WHOLE) for each in breaks
    )


def resolved(name: str, listings: Mapping[str, Listing]) -> PriceList:
    """The list of that name, whole, from the lists as they were written, by name.

    Raises NotFound where there is no such list, Conflict where lists stand on one another in a
    circle or too many on one another.
    """
    return _resolved(name, listings, ())


def _resolved(name: str, listings: Mapping[str, Listing], above: tuple[str, ...]) -> PriceList:
    listing = listings.get(name)
    if not isinstance(listing, Listed):
        raise unknown(name)
    if name in above or len(above) > MOST_BASES:
        raise Conflict(
            f"These lists stand on one another without end: {', '.join((*above, name))}.",
            code="price_list_cycle",
        )
    base = listing.terms.base
    under = None if base is None else _resolved(base, listings, (*above, name))
    return standing(name, listing.version, listing.terms, under)


def unknown(name: str) -> NotFound:
    """There is no such list."""
    return NotFound(f"There is no price list {name!r}.", code="unknown_price_list")
