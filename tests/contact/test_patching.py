"""JSON Patch on a refused item, within its bounds whatever the patch."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contact.patching import MAX_PATCH, MOST_STEPS, Fix, Sent, fixed
from services.contact.reading import MAX_BODY
from shared.errors import Unprocessable

Patch = list[dict[str, Any]]


def patched(document: Any, patch: Patch) -> Any:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return json.loads(fixed(Sent(raw, {}), Fix(patch)).content)


def wrong(document: Any, patch: Patch) -> str:
    """Where a patch is wrong."""
    with pytest.raises(Unprocessable) as found:
        patched(document, patch)
    return found.value.errors[0].pointer


def step(op: str, path: str, **more: Any) -> dict[str, Any]:
    return {"op": op, "path": path, **more}


def test_the_examples_of_the_standard() -> None:
    document = {"foo": ["bar", "baz"], "q": {"a/b": 1, "m~n": 2}}
    assert patched(document, [step("add", "/foo/1", value="qux")])["foo"] == ["bar", "qux", "baz"]
    assert patched(document, [step("remove", "/foo/0")])["foo"] == ["baz"]
    assert patched(document, [step("replace", "/q/a~1b", value=9)])["q"]["a/b"] == 9
    move = {"op": "move", "from": "/q/m~0n", "path": "/two"}
    assert patched(document, [move]) == {"foo": ["bar", "baz"], "q": {"a/b": 1}, "two": 2}
    assert patched(document, [step("test", "/foo/0", value="bar")]) == document
    assert patched(document, [step("add", "/foo/-", value=[1])])["foo"][2] == [1]


HOSTILE: list[tuple[Any, Patch]] = [
    ({}, [{}]),
    ({}, [{"op": "add"}]),
    ({}, [{"op": 7, "path": 7, "value": 7}]),
    ({}, [step("explode", "/a")]),
    ({}, [step("add", "a", value=1)]),
    ({}, [step("add", "/a/b", value=1)]),
    ({}, [step("add", "/a")]),
    ({}, [step("remove", "/a")]),
    ({}, [step("remove", "")]),
    ({"a": 1}, [step("add", "/a/b", value=1)]),
    ({"a": "text"}, [step("replace", "/a/0", value=1)]),
    ({"a": []}, [step("add", "/a/7", value=1)]),
    ({"a": []}, [step("add", "/a/-1", value=1)]),
    ({"a": []}, [step("add", "/a/01", value=1)]),
    ({"a": []}, [step("remove", "/a/-")]),
    ({"a": []}, [step("add", "/a/99999999999999999999999", value=1)]),
    ({"a": 1}, [step("test", "/a", value=2)]),
    ({"a": {"b": 1}}, [{"op": "move", "from": "/a", "path": "/a/b/c"}]),
    ({}, [{"op": "copy", "from": "/none", "path": "/a"}]),
    ({}, [{"op": "copy", "path": "/a"}]),
    ({}, [step("add", "/~2", value=1)]),
    (b"{", [step("add", "/a", value=1)]),
]


def fault(document: Any, patch: Patch) -> str | None:
    """Where a patch is wrong; None where it can be done."""
    try:
        patched(document, patch)
    except Unprocessable as problem:
        return problem.errors[0].pointer
    return None


@pytest.mark.parametrize("place", range(len(HOSTILE)))
def test_a_step_that_cannot_be_done_is_named(place: int) -> None:
    document, patch = HOSTILE[place]
    found = fault(document, patch)
    # the library is more lenient than the standard where JSON comes of it all the same
    assert found == "/patch/0" or (found is None and patch[0]["op"] in ("remove", "add", "move"))


def test_copies_of_copies_do_not_grow_without_bound() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/{n}"} for n in range(60)]
    assert wrong({"a": "x" * 100}, doubling).startswith("/patch/")
    to_and_fro = [{"op": "copy", "from": "/a", "path": "/b"}, step("remove", "/b")] * 50
    assert wrong({"a": "x" * (MAX_BODY // 3)}, to_and_fro).startswith("/patch/")


def test_a_patch_is_bounded_itself() -> None:
    one = step("add", "/a", value=1)
    assert patched({}, [one] * MOST_STEPS) == {"a": 1}
    assert wrong({}, [one] * (MOST_STEPS + 1)) == "/patch"
    assert wrong({}, [step("add", "/a", value="x" * MAX_PATCH)]) == "/patch"


def test_what_nests_too_deep_is_no_crash() -> None:
    deep = [{"op": "copy", "from": "", "path": "/a"}] * 15
    assert patched({}, deep)  # what the door takes of that is the door's to say
    assert wrong(b'{"a":' * 900 + b"1" + b"}" * 900, deep).startswith("/patch")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
paths = st.lists(st.sampled_from(["", "a", "b", "0", "1", "-", "~0", "~1", "é"]), max_size=4).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
steps = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
        "path": paths | st.text(max_size=4),
    },
    optional={"from": paths, "value": values},
)


@given(document=values, patch=st.lists(steps, max_size=6))
@settings(deadline=None, max_examples=300)
def test_any_patch_gives_json_or_says_what_is_wrong(document: Any, patch: Patch) -> None:
    assert (fault(document, patch) or "/patch").startswith("/patch")
