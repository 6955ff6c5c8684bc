"""What customers are said to be and to want: traits, satisfaction, consents, memberships."""

import msgspec

from services.profile import tables
from services.profile.inbound import ConsentBody, FeedbackBody, MembershipBody, TraitsBody
from services.profile.projections.rows import Known, Rows, mention
from shared.merging import Merge, latest, summed
from shared.projection import Event

TRAITS = Merge(tables.traits, latest("stamp", "value", "event", "position"))
SATISFACTION = Merge(
    tables.satisfaction,
    summed("csat_n", "csat_sum", "nps_n", "nps_promoters", "nps_detractors"),
)
CONSENTS = Merge(
    tables.consents, latest("stamp", "subject", "granted", "choices", "event", "position")
)
ORGANISATIONS = Merge(tables.organisations, latest("stamp", "name"))
MEMBERSHIPS = Merge(tables.memberships, latest("stamp", "role", "member", "event"))


def traits(rows: Rows, event: Event, body: TraitsBody, known: list[Known]) -> None:
    """Each trait by itself."""
    envelope = event.envelope
    for name, value in body.traits.items():
        text, position = str(value, "utf-8"), event.record.place.position()
        rows["traits"].append(
            (envelope.partitionkey, name, text, envelope.stamp, envelope.event, position)
        )


def feedback(rows: Rows, event: Event, body: FeedbackBody, known: list[Known]) -> None:
    """CSAT summed; NPS by its classes: promoters 9-10, detractors 0-6 (Reichheld 2003)."""
    csat, nps = body.csat, body.nps
    rows["satisfaction"].append(
        (
            event.envelope.partitionkey,
            *((0, 0) if csat is None else (1, csat)),
            *((0, 0, 0) if nps is None else (1, int(nps >= 9), int(nps <= 6))),
        )
    )


def consent(rows: Rows, event: Event, body: ConsentBody, known: list[Known]) -> None:
    """Per channel, address and purpose; a withdrawal wins where times are equal."""
    envelope = event.envelope
    granted = envelope.type == "consent.granted"
    whose = body.address_identifier
    address = whose.value if whose is not None else body.address
    choices = {"topics": body.topics, "times": body.times}
    chosen = {name: value for name, value in choices.items() if value is not None}
    channel = body.consent_channel or body.channel
    rows["consents"].append(
        (
            channel,
            address,
            body.purpose,
            whose.subject if whose is not None else None,
            granted,
            msgspec.json.encode(chosen).decode() if chosen else None,
            f"{envelope.happened}{'0' if granted else '1'}{envelope.recorded_stamp}",
            envelope.event,
            event.record.place.position(),
        )
    )
    mention(rows, event, "consent", channel, address)


def membership(rows: Rows, event: Event, body: MembershipBody, known: list[Known]) -> None:
    """The role of a person in an organisation, and the organisation's name where it is said."""
    organisation, envelope = body.organisation, event.envelope
    if organisation is None or not known:
        return
    key = (organisation.namespace, organisation.id)
    named = organisation.name is not None
    rows["organisations"].append((*key, organisation.name, envelope.stamp if named else ""))
    rows["memberships"].append(
        (*key, envelope.partitionkey, body.role, body.member, envelope.stamp, envelope.event)
    )
    mention(rows, event, "organisation", *key)
