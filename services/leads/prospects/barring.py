"""Who is not to be contacted, as is asked before somebody is sold to who did not ask."""

from collections.abc import Sequence

from services.leads.prospects.decider import PROSPECT
from services.leads.prospects.decider.knowing import stream_of
from services.leads.prospects.states import Barred
from shared.deciding.command_handler import CommandHandler


async def is_barred(handler: CommandHandler, subjects: Sequence[str]) -> bool:
    """Whether any prospect that begins as one of these subjects of a customer is barred now.

    Before subjects were known to be one customer's, they may have been several prospects.
    """
    kept = await handler.load_all(PROSPECT, sorted({stream_of(each) for each in subjects}))
    return any(isinstance(each.state, Barred) for each in kept.values())
