"""The toy's policies with their relay, as a deciding service runs them."""

from dataclasses import replace

from shared.crew import Crew
from shared.database import Pool
from shared.deciding.relay import relay
from shared.leases import Single
from shared.log import Log
from tests.deciding import toy
from tests.shared.toy import FAST, PARTITIONS

FEW = replace(FAST, batch=20)


def crew(pool: Pool, log: Log, prefix: str) -> Crew:
    """Workers on the policies, one of which relays."""
    topic = f"{prefix}{toy.VISITS}.1"
    relaying = Single("relay", relay(log, topic, PARTITIONS), live_only=True)
    return Crew(pool, log, toy.POLICIES, [relaying], prefix=prefix, pace=FEW)
