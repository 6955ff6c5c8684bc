"""rapport openapi: the API descriptions that are kept beside the code."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import services
from services.registry import SERVICES

FOLDER = Path(services.__file__).parent.parent / "docs" / "openapi"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def command(
    check: Annotated[
        bool, typer.Option("--check", help="Fail where the files are not what the code says.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the files.")] = False,
) -> None:
    """Write docs/openapi/SERVICE.json from the code, or check it; without both, print them.

    Exit code 1: a file differs, or an operation has no example.
    """
    documents = {each.name: each.openapi() for each in SERVICES}
    if write:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            (FOLDER / f"{name}.json").write_text(text(document))
    if not (check or write):
        print("".join(text(document) for document in documents.values()), end="")
        return
    wrong = [line for name, document in documents.items() for line in _wrong(name, document)]
    for line in wrong:
        print(line)
    if wrong:
        raise typer.Exit(1)


def text(document: Mapping[str, Any]) -> str:
    """The document as its file holds it."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _wrong(name: str, document: Mapping[str, Any]) -> Iterator[str]:
    path = FOLDER / f"{name}.json"
    if not path.exists() or path.read_text() != text(document):
        yield f"{path.name} is not what the code says; `rapport openapi --write` writes it."
    yield from without_example(document)


def without_example(document: Mapping[str, Any]) -> Iterator[str]:
    """The operations of which a body, or every good answer, has no example."""
    for path, methods in document["paths"].items():
        for method in _METHODS:
            operation = methods.get(method)
            if operation is None:
                continue
            body = operation.get("requestBody")
            if body and not _shown(body, document):
                yield f"{method.upper()} {path} has no example of its body."
            good = [a for status, a in operation["responses"].items() if status.startswith("2")]
            if not any(_shown(answer, document) for answer in good):
                yield f"{method.upper()} {path} has no example of its answer."


def _shown(part: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    """Whether each kind of content has an example; what has no content needs none."""
    part = _resolved(part, document)
    return all(
        media.keys() & {"example", "examples"}
        or _resolved(media.get("schema", {}), document).keys() & {"example", "examples"}
        for media in part.get("content", {}).values()
    )


def _resolved(part: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in part:
        found: Any = document
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part
