"""Whose numbers: conditions by an allow-list on what rows `f` of sources are told by."""

from collections.abc import Iterable, Mapping

from services.leads.queries.filters import Filter

DIMENSIONS = ("pipeline", "owner", "source", "product", "country", "region")

CONDITIONS: Mapping[str, str] = {
    **{f"{name}_eq": f"f.{name} = ANY ({{v}}::text[])" for name in DIMENSIONS},
    **{f"{name}_exists": f"(f.{name} IS NOT NULL) = {{v}}::boolean" for name in DIMENSIONS},
    "team_eq": "f.owner = ANY ({v}::text[])",
    "team_exists": "coalesce(f.owner = ANY ({v}::text[]), false)",
    "team_lacking": "NOT coalesce(f.owner = ANY ({v}::text[]), false)",
    "value_eq": "f.value = {v}::text",
}
"""Of a team, `{v}` are its members, or those of all teams."""


def where(filters: Iterable[Filter], args: list[object]) -> str:
    """The conditions, joined; their values are added to the arguments."""
    conditions = ["true"]
    for name, value in filters:
        args.append([*value] if isinstance(value, tuple) else value)
        conditions.append(CONDITIONS[name].replace("{v}", f"${len(args)}"))
    return " AND ".join(conditions)
