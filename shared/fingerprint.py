"""A fingerprint of the code that makes a view's rows, so that its version cannot be forgotten."""

import ast
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path


def fingerprint(files: Iterable[Path]) -> str:
    """32 hexadecimal digits over the syntax trees of Python files, in the order of their paths.

    Comments, docstrings and layout do not count; nor do places or empty fields, which differ
    between versions of Python.
    """
    digest = sha256()
    for file in sorted(files):
        for part in _parts(ast.parse(file.read_text())):
            digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:32]


def _parts(node: object) -> Iterator[str]:
    if isinstance(node, ast.AST):
        yield type(node).__name__
        for name, value in ast.iter_fields(node):
            if value not in (None, []):
                yield name
                yield from _parts(_without_docstring(value) if name == "body" else value)
    elif isinstance(node, list):
        for member in node:
            yield from _parts(member)
        yield "end"
    else:
        yield repr(node)


def _without_docstring(body: object) -> object:
    if not isinstance(body, list):
        return body
    return [
        each
        for each in body
        if not (
            isinstance(each, ast.Expr)
            and isinstance(each.value, ast.Constant)
            and isinstance(each.value.value, str)
        )
    ]
