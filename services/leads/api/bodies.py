"""The bodies of commands; a name that is not among their fields is an error."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.leads.events import Kind
from shared.parameters import Currency, Day, Line, Owner

Text = Annotated[Line, StringConstraints(min_length=1, max_length=512)]
Amount = Annotated[int, Field(ge=0, le=10**15, description="Minor units of `currency`.")]
OwnField = str | int | float | bool


def example(**fields: Any) -> ConfigDict:
    """The configuration of a body that takes no other fields, with an example of it."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [fields]})


class Named(BaseModel):
    """An identifier, as any system writes it."""

    model_config = ConfigDict(extra="forbid")

    kind: Line = Field(description="user, crm, loyalty, email, phone or device.")
    namespace: Annotated[Line, StringConstraints(max_length=128)] | None = Field(
        None, description="Left out: the key's own. E-mail and phone have none."
    )
    value: Line


class Capture(BaseModel):
    """Somebody who asks for something."""

    model_config = example(
        pipeline="sales",
        identifiers=[{"kind": "email", "value": "jane@example.com"}],
        title="Wants a quote for 20 chairs",
        source="/web/contact-form",
        channel="web",
        product="CHAIR-7",
        amount=398000,
        currency="EUR",
    )

    pipeline: Text = "sales"
    identifiers: Annotated[list[Named], Field(min_length=1, max_length=20)]
    title: Text
    source: Annotated[Line, StringConstraints(min_length=1, max_length=2048)]
    channel: Literal[
        "phone", "email", "desk", "letter", "web", "store", "chat", "social", "mobile", "partner"
    ]
    product: Text | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    owner: Owner | None = None
    fields: Annotated[dict[Text, OwnField], Field(max_length=100)] = Field(
        {}, description="Of one's own; `country`, `region` and `postcode` decide who gets it."
    )


class Describe(BaseModel):
    """What changes; null takes a value away, what is left out stays."""

    model_config = example(
        amount=450000, currency="EUR", expected_close="2026-12-15", fields={"seats": 20}
    )

    title: Text | None = None
    product: Text | None = None
    amount: Amount | None = None
    currency: Currency | None = None
    expected_close: Day | None = None
    fields: Annotated[dict[Text, OwnField | None], Field(max_length=100)] = {}

    def changed(self) -> dict[str, Any]:
        """The fields that were sent."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Move(BaseModel):
    model_config = example(stage="proposal", reason="She asked for it in writing.")

    stage: Text
    reason: Line = ""


class Assign(BaseModel):
    model_config = example(owner="representative:7", reason="Knows the customer.")

    owner: Owner
    reason: Text


class Win(BaseModel):
    model_config = example(amount=398000, currency="EUR")

    amount: Amount | None = Field(None, description="Left out: the lead's own.")
    currency: Currency | None = None


class Lose(BaseModel):
    model_config = example(reason="price", competitor="Acme")

    reason: Text = Field(description="One of the pipeline's.")
    competitor: Text | None = None


class Because(BaseModel):
    """A reason."""

    model_config = example(reason="She called again.")

    reason: Text


class Merge(BaseModel):
    model_config = example(
        into="0197f3f0-7a5e-7c3e-8e1c-2f4f5a6b7c8d",
        reason="The same inquiry, from her other address.",
    )

    into: UUID
    reason: Line = ""


class Note(BaseModel):
    model_config = example(text="Prefers to be called in the morning.")

    text: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


class StageBody(BaseModel):
    """A stage of a pipeline."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    probability: Annotated[int, Field(ge=0, le=100, description="Of winning from here, percent.")]
    moves: Annotated[list[Text], Field(max_length=50)] = []
    required: Annotated[list[Text], Field(max_length=50)] = []
    days: Annotated[int, Field(ge=1, le=3650)] | None = None


_STAGES = [
    {"name": "new", "probability": 10, "moves": ["proposal"]},
    {"name": "proposal", "probability": 50, "moves": ["new"], "required": ["amount"], "days": 30},
]


class PipelineBody(BaseModel):
    """A pipeline, or what becomes of one; the first stage is where leads begin."""

    model_config = example(kind="sales", stages=_STAGES, reasons=["price", "no answer"], moved={})

    kind: Kind = "sales"
    stages: Annotated[list[StageBody], Field(max_length=50)]
    reasons: Annotated[list[Text], Field(max_length=100)]
    moved: dict[Text, Text] = Field(
        {}, description="For every stage that is removed: where its leads go."
    )
