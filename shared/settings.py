"""Settings: environment variables `RAPPORT_*`, checked at the start."""

import difflib
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.errors import Fatal

PREFIX = "RAPPORT_"


class Settings(BaseSettings):
    """What a deployment can set. Every field is the environment variable RAPPORT_<NAME>."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    data: Path = Field(Path(".rapport"), description="data folder: embedded servers, keys, secret")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8080, ge=0, le=65535, description="port of the API; 0 takes a free one")
    kafka: str | None = Field(None, description="host:port[,host:port] of Kafka; unset: embedded")
    database: str | None = Field(
        None,
        description="URL of the PostgreSQL server; <name> of its path begins the name of each "
        "service's database (postgresql://user@host/rapport -> rapport_contact); unset: embedded",
    )
    topic_prefix: str = Field(
        "", pattern=r"^[a-z0-9_-]*$", description="in front of every topic name"
    )
    partitions: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="of every topic, at the first start; unset: 4 embedded, else 12",
    )
    secret: str | None = Field(
        None,
        min_length=32,
        description="what subjects are hashed with; unset: kept in the data folder",
    )
    contact_url: str | None = Field(
        None, description="where services find contact, to check keys; unset: this process"
    )
    profile_url: str | None = Field(
        None, description="where services find profile, to ask for customers; unset: this process"
    )
    origins: str = Field(
        "",
        pattern=r"^(https?://[^\s,/]+(,\s*https?://[^\s,/]+)*)?$",
        description="origins whose pages may read answers (CORS), with commas: https://shop.example",
    )
    rate: float | None = Field(
        None,
        gt=0,
        le=10_000_000,
        description="events a second that each key may send to each process, where the key says "
        "nothing else; unset: any number",
    )
    mail: str | None = Field(
        None,
        pattern=r"^.+:\d{1,5}$",
        description="host:port where contact listens for mail; unset: nowhere",
    )
    mail_protocol: Literal["smtp", "lmtp"] = Field("smtp", description="what is spoken there")
    mail_key: str | None = Field(
        None, description="the key that mail comes in with; unset: the first start's ingest key"
    )
    orders_key: str | None = Field(
        None,
        description="the key that orders of accepted quotes come in with, which may send the "
        "source /leads/quotes; unset: the first start's ingest key",
    )
    connections: int = Field(
        2000, ge=1, le=1_000_000, description="open at once; beyond that requests are answered 503"
    )
    quarantine_items: int = Field(
        100_000, ge=1, description="refused items that are kept open for each key"
    )
    quarantine_bytes: int = Field(
        1024**3, ge=1, description="bytes of refused items that are kept open for each key"
    )
    quarantine_days: float = Field(
        90.0, gt=0, le=36_500, description="days for which a refused item is kept open"
    )
    lease_seconds: float = Field(10.0, ge=1, le=300, description="how long a lease holds unrenewed")
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="auto: text on a terminal, else json"
    )
    failpoints: str = Field(
        "", description="for tests: where this process dies, pauses, fails; see shared/failpoints"
    )
    clock_offset: float = Field(
        0.0, ge=-86400, le=86400, description="for tests: seconds by which the clock is wrong"
    )
    allow_failpoints: bool = Field(
        False, description="for tests: without it the two above are refused"
    )
    tests: Literal["auto", "docker"] = Field("auto", description="docker: tests take containers")


def load() -> Settings:
    """The settings of this process. Raises Fatal for a variable that is unknown or wrong."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise Fatal(f"{name} is not a setting; the nearest is {near[0]}.")
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else PREFIX + "*"
        raise Fatal(f"{name} is wrong: {first['msg']}.") from None
