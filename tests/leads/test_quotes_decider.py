"""Quotes: every rule by which they are drafted, revised, sent, accepted and ordered."""

from dataclasses import replace
from typing import Any

import pytest

from services.leads.catalogue.pricing import Line
from services.leads.catalogue.states import Retired
from services.leads.quotes.bounds import MOST_VERSIONS
from services.leads.quotes.commands import (
    DeclineQuote,
    ExpireQuote,
    NoteOrdered,
    NoteOrderRefused,
    RetryOrder,
    WithdrawQuote,
    Wording,
)
from services.leads.quotes.decider import QUOTE
from services.leads.quotes.events import (
    QuoteDeclined,
    QuoteEvent,
    QuoteExpired,
    QuoteOrdered,
    QuoteOrderRefused,
    QuoteOrderRetried,
    QuoteWithdrawn,
)
from services.leads.quotes.states import Accepted, Declined, Expired, Open, Ordered
from shared.messages import Identifier
from tests.leads.examples import LOST, ME, MERGED, OTHER, WON
from tests.leads.given import given
from tests.leads.goods import ALL, CUP, KETTLE, catalogue
from tests.leads.quoting import (
    LAST,
    LINES,
    NUMBER,
    WHO,
    accept,
    accepted,
    draft,
    drafted,
    lead,
    offer,
    revise,
    revised,
    send,
    sent,
)
from tests.records import at

OF = (ME, NUMBER)
EXPIRY = "2026-01-11T00:00:00.000000Z"
DECLINED = QuoteDeclined(*OF, 1, "Price", at=at(5))
EXPIRED = QuoteExpired(*OF, 1, LAST, at=EXPIRY)
WITHDRAWN = QuoteWithdrawn(*OF, "Sold out", at=at(5))
ORDERED = QuoteOrdered(*OF, "/leads/quotes", "q/1", "interactions.1/0/7", at=at(6))
REFUSED = QuoteOrderRefused(*OF, 422, "invalid", "Too long.", ("/data/order",), at=at(6))
ORDERING = NoteOrdered(source="/leads/quotes", id="q/1", position="interactions.1/0/7", at=at(6))


def test_a_quote_is_drafted_with_what_its_lines_come_to_on_that_day() -> None:
    given(QUOTE).when(draft()).then(drafted())
    assert drafted().offer.priced.total == 9000 + 900
    given(QUOTE, drafted()).when(draft()).refused("quote_exists")


def test_lines_that_cannot_be_priced_are_no_quote() -> None:
    given(QUOTE).when(draft(lines=())).refused("no_lines", "/lines")
    given(QUOTE).when(draft(lines=(Line("NONE", 1),))).refused("unknown_sku", "/lines/0/sku")
    retired = catalogue(ALL | {"KETTLE": Retired(KETTLE)})
    given(QUOTE).when(draft(catalogue=retired)).refused("product_retired", "/lines/0/sku")


@pytest.mark.parametrize(
    ("wording", "code", "pointer"),
    [
        (Wording(valid_until="soon"), "day", "/valid_until"),
        (Wording(valid_until="2025-12-31"), "out_of_range", "/valid_until"),
        (Wording(valid_until="9999-12-31"), "out_of_range", "/valid_until"),
        (Wording(valid_until=LAST, terms="x" * 10_001), "too_long", "/terms"),
        (Wording(valid_until=LAST, address=("x",) * 11), "out_of_range", "/address"),
        (Wording(valid_until=LAST, address=("Jane", " ")), "blank", "/address/1"),
    ],
)
def test_words_that_are_wrong_are_refused(wording: Wording, code: str, pointer: str) -> None:
    given(QUOTE).when(draft(wording=wording)).refused(code, pointer)
    given(QUOTE, drafted()).when(revise(wording=wording)).refused(code, pointer)


@pytest.mark.parametrize(("end", "code"), [(WON, "lead_won"), (LOST, "lead_lost")])
def test_a_closed_lead_gets_no_quote_and_none_is_revised_or_sent(end: Any, code: str) -> None:
    state = lead(end)
    given(QUOTE).when(draft(state=state)).refused(code)
    given(QUOTE, drafted()).when(revise(state=state)).refused(code)
    given(QUOTE, drafted()).when(send(state=state)).refused(code)


def test_a_revision_is_priced_anew_and_what_was_sent_stays_with_the_customer() -> None:
    given(QUOTE, drafted()).when(revise()).then(revised())
    given(QUOTE, drafted(), sent()).when(revise()).then(revised(sent=1))
    assert revised().offer.priced.total == 12 * 4500


def test_a_quote_that_was_declined_or_has_expired_is_in_work_again() -> None:
    for end in (DECLINED, EXPIRED):
        given(QUOTE, drafted(), sent(), end).when(revise()).then(revised())
    final: list[tuple[Any, str]] = [(WITHDRAWN, "quote_withdrawn"), (accepted(), "quote_accepted")]
    for over, code in final:
        given(QUOTE, drafted(), sent(), over).when(revise()).refused(code)


def test_a_quote_has_bounded_versions() -> None:
    versions = [revised(n) for n in range(2, MOST_VERSIONS + 1)]
    given(QUOTE, drafted(), *versions).when(revise()).refused("too_many_versions")


def test_the_latest_version_is_sent_with_the_digest_of_its_document() -> None:
    given(QUOTE, drafted()).when(send()).then(sent())
    given(QUOTE, drafted(), revised()).when(send(1)).refused("other_version", "/version")
    given(QUOTE, drafted(), revised()).when(send(3)).refused("other_version", "/version")
    newer = sent(revised().offer)
    given(QUOTE, drafted(), revised()).when(send(2)).then(newer)
    assert newer.digest != sent().digest
    given(QUOTE, drafted()).when(send(recipient=" ")).refused("blank", "/recipient")


def test_what_breaks_a_rule_of_the_catalogue_is_not_sent() -> None:
    lines = (Line("KETTLE", 1), Line("LID", 1), Line("KETTLE-PRO", 1))
    broken = given(QUOTE, drafted(lines=lines)).when(send())
    broken.refused("requires", "/lines/1/sku")
    broken.refused("excludes", "/lines/1/sku")
    now = {**ALL, "CUP": Retired(CUP)}
    given(QUOTE, drafted()).when(send(products=now)).then(sent())


def test_a_version_whose_last_day_is_over_is_not_sent() -> None:
    late = send(at="2026-01-11T00:00:00.000000Z")
    given(QUOTE, drafted()).when(late).refused("out_of_range", "/valid_until")


def test_what_was_sent_is_accepted() -> None:
    given(QUOTE, drafted(), sent()).when(accept()).then(accepted())
    given(QUOTE, drafted(), sent(), accepted()).when(accept()).then_nothing()
    given(QUOTE, drafted(), sent(), accepted(), ORDERED).when(accept()).then_nothing()
    given(QUOTE).when(accept()).refused("unknown_quote")


def test_only_what_was_sent_is_accepted() -> None:
    given(QUOTE, drafted()).when(accept()).refused("not_sent", "/version")
    given(QUOTE, drafted(), sent()).when(accept(2)).refused("other_version", "/version")
    both = drafted(), sent(), revised(sent=1)
    given(QUOTE, *both).when(accept(2)).refused("other_version", "/version")
    given(QUOTE, *both).when(accept(1)).then(accepted())
    given(QUOTE, *both, sent(revised().offer)).when(accept(1)).refused("other_version", "/version")


def test_it_is_accepted_until_the_end_of_its_last_day_also_before_the_timer_came() -> None:
    last = "2026-01-10T23:59:59.999999Z"
    given(QUOTE, drafted(), sent()).when(accept(at=last)).then(
        accepted().__class__(
            *(ME, NUMBER, 1, 9900, "EUR", LAST, WHO),
            at=last,
        )
    )
    late = given(QUOTE, drafted(), sent()).when(accept(at=EXPIRY)).refused("expired")
    assert LAST in late.detail
    told = given(QUOTE, drafted(), sent(), EXPIRED).when(accept()).refused("expired")
    assert LAST in told.detail


def test_whoever_asked_orders_unless_somebody_else_is_named() -> None:
    unknown = lead(identifiers=(Identifier("user", "42", "shop", "x", claim=True),))
    here = given(QUOTE, drafted(), sent())
    here.when(accept(state=unknown)).refused("required", "/identifiers")
    here.when(accept(state=unknown, identifiers=WHO)).then(accepted())


def test_a_won_lead_accepts_and_a_lost_one_does_not() -> None:
    here = given(QUOTE, drafted(), sent())
    here.when(accept(state=lead(WON))).then(accepted())
    here.when(accept(state=lead(LOST))).refused("lead_lost")
    here.when(accept(state=lead(MERGED))).refused("lead_merged")
    assert MERGED.into == OTHER


def test_what_was_sent_is_declined_and_a_newer_version_goes_on() -> None:
    no = DeclineQuote(reason="Price", at=at(5))
    given(QUOTE, drafted(), sent()).when(no).then(DECLINED)
    newer = QuoteDeclined(*OF, 1, "Price", True, at=at(5))
    given(QUOTE, drafted(), sent(), revised(sent=1)).when(no).then(newer)
    assert isinstance(QUOTE.fold([drafted(), sent(), DECLINED]), Declined)
    there = QUOTE.fold([drafted(), sent(), revised(sent=1), newer])
    assert isinstance(there, Open)
    assert there.sent is None
    given(QUOTE, drafted()).when(no).refused("not_sent", "/version")
    given(QUOTE, drafted(), sent()).when(replace(no, reason=" ")).refused("blank", "/reason")
    given(QUOTE, drafted(), sent(), DECLINED).when(no).refused("quote_declined")


def test_a_quote_is_withdrawn_whether_it_was_sent_or_not() -> None:
    away = WithdrawQuote(reason="Sold out", at=at(5))
    given(QUOTE, drafted()).when(away).then(WITHDRAWN)
    given(QUOTE, drafted(), sent()).when(away).then(WITHDRAWN)
    given(QUOTE, drafted(), sent(), accepted()).when(away).refused("quote_accepted")
    given(QUOTE, drafted(), WITHDRAWN).when(accept()).refused("quote_withdrawn")


def test_what_was_sent_expires_at_the_end_of_its_last_day() -> None:
    over = ExpireQuote(moment=EXPIRY, at=EXPIRY)
    given(QUOTE, drafted(), sent()).when(over).then(EXPIRED)
    newer = QuoteExpired(*OF, 1, LAST, True, at=EXPIRY)
    given(QUOTE, drafted(), sent(), revised(sent=1)).when(over).then(newer)
    assert isinstance(QUOTE.fold([drafted(), sent(), EXPIRED]), Expired)


def test_what_nobody_waits_for_does_not_expire() -> None:
    over = ExpireQuote(moment=EXPIRY, at=EXPIRY)
    longer = revised(valid_until="2026-02-01")
    for events in (
        [drafted()],
        [drafted(), sent(), accepted()],
        [drafted(), sent(), EXPIRED],
        [drafted(), sent(), longer, sent(longer.offer)],
    ):
        given(QUOTE, *events).when(over).then_nothing()


def test_an_accepted_quote_is_ordered_once() -> None:
    here: list[QuoteEvent] = [drafted(), sent(), accepted()]
    given(QUOTE, *here).when(ORDERING).then(ORDERED)
    given(QUOTE, *here, ORDERED).when(ORDERING).then_nothing()
    assert isinstance(QUOTE.fold([*here, ORDERED]), Ordered)
    given(QUOTE, drafted(), sent()).when(ORDERING).refused("quote_sent")


def test_an_order_that_was_refused_is_tried_again_when_asked_for() -> None:
    here: list[QuoteEvent] = [drafted(), sent(), accepted()]
    why: dict[str, Any] = {"status": 422, "code": "invalid", "detail": "Too long."}
    no = NoteOrderRefused(**why, pointers=("/data/order",), at=at(6))
    again = RetryOrder(reason="Made shorter", at=at(7))
    retried = QuoteOrderRetried(*OF, "Made shorter", at=at(7))
    given(QUOTE, *here).when(no).then(REFUSED)
    given(QUOTE, *here, REFUSED).when(no).then_nothing()
    given(QUOTE, *here, REFUSED).when(again).then(retried)
    given(QUOTE, *here).when(again).then_nothing()
    given(QUOTE, *here, ORDERED).when(again).refused("quote_ordered")
    state = QUOTE.fold([*here, REFUSED, retried])
    assert isinstance(state, Accepted)
    assert state.refused is None


def test_of_what_is_accepted_the_version_that_was_sent_counts() -> None:
    state = QUOTE.fold([drafted(), sent(), revised(sent=1), accepted()])
    assert isinstance(state, Accepted)
    found = state.quote.offer(state.version)
    assert found == offer()
    assert found.lines == LINES
