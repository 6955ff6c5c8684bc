"""A row as an event, and what is wrong with it by its columns. Pure."""

import base64
from collections.abc import Callable
from typing import Any, NamedTuple

from services.cli.importing import values
from services.cli.importing.kinds import IDENTIFIERS, NAMES, REQUIRED, TYPE
from services.cli.importing.options import Options
from services.cli.importing.rows import Problem, Row

Event = dict[str, Any]
_LINE = ("sku", "quantity", "price")


class Made(NamedTuple):
    """The event of a row; where a pointer into it comes from; what is wrong with it."""

    number: int
    event: Event
    columns: dict[str, str]
    problem: Problem | None


class Plan(NamedTuple):
    """How rows become events: `name` is that of the file's content."""

    kind: str
    columns: dict[str, str]
    options: Options
    source: str
    name: str

    def made(self, row: Row) -> Made:
        """The event of a row. One that is wrong is so made that the door refuses it."""
        id = f"{self.name}:{row.number}"
        if row.problem is not None or (broken := _broken(row, self.options.encoding)):
            problem = row.problem or broken
            event = {"id": id, "source": self.source, "type": TYPE[self.kind] or "row", "time": ""}
            return Made(row.number, event | {"data": {"row": _raw(row.fields)}}, {}, problem)
        if self._is_native(row):
            return Made(row.number, {"id": id, "source": self.source} | row.fields, {}, None)
        return _Making(self, row).made(id)

    def _is_native(self, row: Row) -> bool:
        """Whether a row is an event of our own already."""
        is_event = self.kind == "events" and type(row.fields.get("data")) is dict
        return is_event and type(row.fields.get("type")) is str


class _Making:
    """One row on its way to its event."""

    def __init__(self, plan: Plan, row: Row) -> None:
        self._plan, self._row = plan, row
        self._problem: Problem | None = None
        self._from: dict[str, str] = {}

    def made(self, id: str) -> Made:
        plan = self._plan
        event: Event = {
            "id": self._text("id", "/id") or id,
            "source": plan.source,
            "type": self._text("type", "/type") or TYPE[plan.kind] or "",
        }
        moment = self._converted("time", "/time", lambda value: values.moment(value, plan.options))
        if moment is not None or "time" in REQUIRED[plan.kind]:
            event["time"] = moment or ""
        event["data"] = self._data()
        for field in REQUIRED[plan.kind]:
            if self._value(field) is None:
                self._wrong(field, "required", f"`{field}` must be there.")
        if plan.kind == "leads" and not event["data"]["identifiers"]:
            known = ", ".join(IDENTIFIERS)
            self._wrong("identifiers", "required", f"A lead is somebody's: one of {known}.")
            event["data"]["identifiers"] = [{"kind": "", "value": ""}]
        return Made(self._row.number, event, self._from, self._problem)

    def _data(self) -> dict[str, Any]:
        plan = self._plan
        channel = self._text("channel", "/data/channel") or plan.options.channel
        data: dict[str, Any] = {"identifiers": self._identifiers()}
        if channel:
            data["channel"] = channel
        if plan.kind != "contacts":
            data |= self._priced()
        if plan.kind == "orders":
            data |= self._order()
        if plan.kind == "leads":
            data |= self._request()
        rest = {} if plan.kind == "contacts" else data
        known = NAMES[plan.kind]
        for field in plan.columns.keys() - known.keys():
            value = values.plain(self._value(field))
            if value is not None:
                rest[field] = value
                self._from[f"/data/{field}"] = plan.columns[field]
        return self._with_rest(data, rest)

    def _with_rest(self, data: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
        """The data with the columns that are mapped to nothing."""
        taken = set(self._plan.columns.values())
        free = {
            str(column): values.plain(value)
            for column, value in self._row.fields.items()
            if column not in taken and value not in (None, "")
        }
        if self._plan.kind == "contacts":
            return data | {"traits": free | rest}
        if self._plan.kind == "events":
            return free | data
        name = "fields" if self._plan.kind == "leads" else "row"
        return data | ({name: free} if free else {})

    def _identifiers(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        namespace = self._plan.options.namespace
        for kind in IDENTIFIERS:
            value = self._value(kind)
            if value is not None:
                self._from[f"/data/identifiers/{len(found)}"] = self._plan.columns[kind]
                named = {} if namespace is None else {"namespace": namespace}
                found.append({"kind": kind, **named, "value": str(value).strip()})
        return found

    def _priced(self) -> dict[str, Any]:
        options = self._plan.options
        currency = (self._text("currency", "/data/currency") or options.currency or "").upper()
        if self._value("amount") is None:
            return {}
        if not currency:
            self._wrong("currency", "required", "`currency` must be there: EUR, or --currency EUR.")
        amount = self._converted(
            "amount", "/data/amount", lambda value: values.amount(value, currency, options)
        )
        return {"amount": amount, "currency": currency}

    def _request(self) -> dict[str, Any]:
        found = {name: self._text(name, f"/data/{name}") for name in ("product", "subject", "text")}
        return {name: text for name, text in found.items() if text}

    def _order(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        order = self._text("order", "/data/order")
        if order:
            found["order"] = order
        sku = self._text("sku", "/data/lines/0/sku")
        if sku:
            found["lines"] = [{"sku": sku, **self._line()}]
        return found

    def _line(self) -> dict[str, Any]:
        options = self._plan.options
        currency = (self._text("currency", "/data/currency") or options.currency or "").upper()
        ways: dict[str, Callable[[Any], Any]] = {
            "quantity": lambda value: values.number(value, options),
            "price": lambda value: values.amount(value, currency, options),
        }
        found = {
            field: self._converted(field, f"/data/lines/0/{field}", way)
            for field, way in ways.items()
        }
        return {field: value for field, value in found.items() if value is not None}

    # Fields of the row

    def _value(self, field: str) -> Any:
        """What stands in the column of a field; None where that is nothing."""
        column = self._plan.columns.get(field)
        value = None if column is None else self._row.fields.get(column)
        return None if type(value) is str and not value.strip() else value

    def _text(self, field: str, pointer: str) -> str | None:
        value = self._value(field)
        if value is None:
            return None
        self._from[pointer] = self._plan.columns[field]
        return str(value).strip()

    def _converted(self, field: str, pointer: str, way: Callable[[Any], Any]) -> Any:
        """The value as events have it; one that is wrong stays, and the door refuses it."""
        value = self._value(field)
        if value is None:
            return None
        self._from[pointer] = self._plan.columns[field]
        try:
            return way(value)
        except ValueError as error:
            self._wrong(field, "value", str(error))
            return f"{value}"

    def _wrong(self, field: str, code: str, detail: str) -> None:
        column = self._plan.columns.get(field, field)
        self._problem = self._problem or Problem(column, code, detail)


def _broken(row: Row, encoding: str) -> Problem | None:
    """What is not of the encoding."""
    for column, value in row.fields.items():
        wrong = [c for c in f"{column}{value}" if "\udc80" <= c <= "\udcff"]
        if wrong:
            byte = ord(wrong[0]) - 0xDC00
            detail = f"The byte 0x{byte:02X} is not {encoding.removesuffix('-sig')}; "
            return Problem(_shown(column), "encoding", detail + "say --encoding, such as cp1252.")
    return None


def _raw(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as they came, in Base64 where they are no text."""
    return {_shown(name): _kept(value) for name, value in fields.items()}


def _kept(value: Any) -> Any:
    if type(value) is not str or value.isascii():
        return values.plain(value)
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def _shown(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
