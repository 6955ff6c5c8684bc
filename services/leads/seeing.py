"""Who sees which leads: a service all, a representative its teams', a partner its own."""

from typing import NamedTuple

from services.leads.routes import Ordered, Routing
from services.leads.states import Known


class Sight(NamedTuple):
    """What somebody is limited to: leads that `owners` own, and, with `given`, that they gave.

    A lead was given by the principal that is its source.
    """

    owners: tuple[str, ...]
    given: bool = False

    def sees(self, lead: Known) -> bool:
        return self.may_change(lead) or (self.given and lead.source in self.owners)

    def may_change(self, lead: Known) -> bool:
        """What somebody gave is seen, and worked on by who owns it."""
        return lead.owner in self.owners


def sight(principal: str, routing: Routing) -> Sight | None:
    """What a principal is limited to, by the teams that there are now; None sees all.

    A representative sees, and works on, the leads of all members of all of its teams. Leads that
    nobody owns are seen by services alone.
    """
    if principal.startswith("service:"):
        return None
    if principal.startswith("partner:"):
        return Sight((principal,), given=True)
    return Sight(colleagues(principal, routing))


def colleagues(principal: str, routing: Routing) -> tuple[str, ...]:
    """Somebody and all members of the teams that they are in."""
    teams = routing.teams.values() if isinstance(routing, Ordered) else ()
    members = ({each.representative for each in team} for team in teams)
    return tuple(sorted({principal}.union(*(team for team in members if principal in team))))
