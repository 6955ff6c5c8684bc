"""The change feed: what was decided after a position, in pages and as server-sent events."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from typing import NamedTuple

from shared.clock import monotonic
from shared.database import Pool, is_transient
from shared.errors import FieldError, NotReady, Unprocessable

POLL = 0.1
"""Seconds between two looks at how far the events have come, for all who listen."""

WINDOW = 5_000
"""Positions looked at in one query: they have no gaps, so this is exact."""

WINDOWS = 20
"""Queries for one page, where few events pass the filter."""

STREAM_PAGE = 100
"""Records that a stream holds at most."""

ASKED = 1.0
"""Seconds after which it is asked anew whether who listens in silence may go on."""

KEEP_ALIVE = 15.0
"""Seconds of silence after which a stream says that it is there."""

LONGEST = 3600.0
"""Seconds after which a stream ends; who listens comes again from where it was."""

STREAMS = 200
"""Streams of one feed in one process."""

STREAMS_OF_ONE = 50
"""Of those, streams of one key."""

_logger = logging.getLogger("rapport.changes")

Visible = Callable[[Sequence[str]], Awaitable[Collection[str]]]
"""Which of these streams the caller may see."""

LetIn = Callable[[], Awaitable[bool | None]]
"""Whether who listens may go on; None where that is not known now."""


class Change(NamedTuple):
    """An event of the table: its CloudEvent as it goes to the log."""

    position: int
    stream: str
    type: str
    record: bytes


class Page(NamedTuple):
    """What comes after a position, and from where to go on: also where nothing was found."""

    changes: list[Change]
    next: int


class Feed:
    """The changes of one service, for all who ask in this process."""

    def __init__(
        self, pool: Pool, categories: Collection[str], ending: asyncio.Event | None = None
    ) -> None:
        """`categories` are those that there are; once `ending` is set every stream ends."""
        self.categories = frozenset(categories)
        self._pool = pool
        self._end = 0
        self._looked_at = -POLL
        self._looking = asyncio.Lock()
        self._closing = ending or asyncio.Event()
        self._streams = Counter[str]()

    def close(self) -> None:
        """End every stream; for the end of the process."""
        self._closing.set()

    async def end(self, *, at_least: int = 0) -> int:
        """The position of the last event; looked up again where it was less than asked for."""
        async with self._looking:
            if self._end < at_least or monotonic() - self._looked_at >= POLL:
                self._end = await self._pool.fetchval(_END)
                self._looked_at = monotonic()
            return self._end

    async def page(
        self,
        after: int,
        limit: int,
        categories: Collection[str] = (),
        visible: Visible | None = None,
    ) -> Page:
        """Up to `limit` changes after a position, of some categories or of all.

        At most 100,000 positions are looked at: `next` may be further on although nothing was
        found. Raises Unprocessable for a position that there is not yet.
        """
        self._check(categories)
        end = await self.end(at_least=after)
        if after > end:
            raise _ahead(end)
        found: list[Change] = []
        for _ in range(WINDOWS):
            if after >= end or len(found) >= limit:
                break
            upto, most = min(after + WINDOW, end), limit - len(found)
            rows = await self._pool.fetch(_PAGE, after, upto, [*categories] or None, most)
            after = rows[-1]["position"] if len(rows) == most else upto
            found += [
                Change(row["position"], str(row["stream"]), row["type"], row["record"])
                for row in rows
            ]
        return Page(await _seen(found, visible), after)

    async def frames(
        self,
        after: int,
        categories: Collection[str] = (),
        visible: Visible | None = None,
        is_let_in: LetIn | None = None,
        *,
        who: str = "",
    ) -> AsyncIterator[bytes]:
        """The same for ever, as frames of server-sent events whose ids are positions.

        What is away is waited for. Ends after an hour, when closed, when nobody takes it, or when
        who listens is not let in any more: asked before each page with something on it, and now and
        then in silence.
        """
        self._streams[who] += 1
        try:
            yield b"retry: 2000\n\n"
            until = said = asked = monotonic()
            until += LONGEST
            while not self._closing.is_set() and monotonic() < until:
                page = await self._page_or_none(after, categories, visible)
                if is_let_in is not None and (_found(page) or monotonic() - asked >= ASKED):
                    asked, may = monotonic(), await is_let_in()
                    if may is None:
                        await self._pause()
                        continue
                    if not may:
                        break
                for change in page.changes if page else ():
                    yield _frame(change)
                    said = monotonic()
                moved, after = page is not None and page.next > after, page.next if page else after
                if monotonic() - said >= KEEP_ALIVE:
                    yield b": still here\nid: %d\n\n" % after
                    said = monotonic()
                if not moved:
                    await self._pause()
        finally:
            self._streams[who] -= 1
            self._streams += Counter()  # nobody is remembered without a stream

    def raise_where_full(self, who: str) -> None:
        """Raises NotReady where there are as many streams as may be, of all or of one key."""
        of_all, of_one = self._streams.total(), self._streams[who]
        if of_all >= STREAMS or of_one >= STREAMS_OF_ONE:
            count, whose = (of_all, "") if of_all >= STREAMS else (of_one, " of this key")
            raise NotReady(
                f"{count} streams{whose} are open already; read pages, or come again.",
                code="too_many_streams",
                headers={"Retry-After": "10"},
            )

    async def _page_or_none(
        self, after: int, categories: Collection[str], visible: Visible | None
    ) -> Page | None:
        """A page; None while the database is away."""
        try:
            return await self.page(after, STREAM_PAGE, categories, visible)
        except Exception as error:
            if not is_transient(error):
                raise
            _logger.warning("a stream of changes waits: %r", error)
            return None

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL):
                await self._closing.wait()
        except TimeoutError:
            return

    def _check(self, categories: Collection[str]) -> None:
        unknown = sorted({*categories} - self.categories)
        if unknown:
            known = ", ".join(sorted(self.categories))
            detail = f"There is no category {unknown[0]!r}; there are {known}."
            raise Unprocessable(
                detail, errors=(FieldError("/query/category", "unknown_category", detail),)
            )


def _found(page: Page | None) -> bool:
    return page is not None and bool(page.changes)


async def _seen(found: list[Change], visible: Visible | None) -> list[Change]:
    if visible is None or not found:
        return found
    allowed = await visible(sorted({change.stream for change in found}))
    return [change for change in found if change.stream in allowed]


def _frame(change: Change) -> bytes:
    """JSON as we write it has no line break in it."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (*_head(change), change.record)


def _head(change: Change) -> tuple[int, bytes]:
    return change.position, change.type.encode()


def _ahead(end: int) -> Unprocessable:
    detail = f"There is no such position yet; the last one is {end}."
    return Unprocessable(detail, errors=(FieldError("/query/after", "position", detail),))


_END = "SELECT coalesce(max(position), 0) FROM events"

_PAGE = """
SELECT position, stream, type, record FROM events
WHERE position > $1 AND position <= $2 AND ($3::text[] IS NULL OR category = ANY ($3))
ORDER BY position LIMIT $4
"""
