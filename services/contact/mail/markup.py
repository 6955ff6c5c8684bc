"""Plain text from HTML: scripts and styles left out, blocks as lines. Pure, and linear in time."""

import html
import re

MOST = 1024 * 1024
"""Characters of HTML that are read."""

_HIDDEN = "script|style|head|title|noscript|template|svg|object"
_TOKEN = re.compile(
    r"<!--.*?(?:-->|\Z)"
    rf"|<(?P<hidden>{_HIDDEN})\b.*?(?:</(?P=hidden)\s*>|\Z)"
    r"|</?(?P<tag>[a-z][a-z0-9]*)(?:[^>\"']|\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z))*+(?:>|\Z)"
    r"|<[!?/][^>]*+(?:>|\Z)"
    r"|(?P<text>[^<]++|<+(?=<)|<)",
    re.IGNORECASE | re.DOTALL,
)
"""Every alternative ends somewhere, if only at the end: what was looked at is never read again."""

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "br",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "td",
        "th",
        "tr",
        "ul",
    ]
)
_SPACE = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[ \n]*\n ?| ?\n ?")


def text_of_html(source: str) -> str:
    """What a person reads of it."""
    parts = []
    for token in _TOKEN.finditer(source[:MOST]):
        if token["text"] is not None:
            parts.append(token["text"].replace("\n", " ").replace("\r", " "))
        elif token["tag"] and token["tag"].lower() in _BLOCKS:
            parts.append("\n")
    text = _SPACE.sub(" ", html.unescape("".join(parts)))
    return _LINES.sub(lambda run: "\n\n" if run[0].count("\n") > 1 else "\n", text).strip()
