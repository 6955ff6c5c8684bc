"""Where services find one another."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from shared.errors import NotReady
from shared.neighbours import Neighbours


async def _who(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.headers["authorization"])


APP = Starlette(routes=[Route("/v1/who", _who)])


async def test_a_service_of_this_process_is_asked_directly() -> None:
    neighbours = Neighbours({"profile": None})
    neighbours.settle("profile", APP)
    client = neighbours.client("profile")
    answer = await client.get("/v1/who", headers={"Authorization": "Bearer k"})
    assert (answer.status_code, answer.text) == (200, "Bearer k")
    assert neighbours.client("profile") is client
    await neighbours.close()


async def test_a_url_that_is_set_goes_first() -> None:
    neighbours = Neighbours({"profile": "http://profile:8080"})
    neighbours.settle("profile", APP)
    assert str(neighbours.client("profile").base_url) == "http://profile:8080"
    await neighbours.close()


async def test_one_that_is_nowhere_is_said_to_be() -> None:
    with pytest.raises(NotReady, match="RAPPORT_PROFILE_URL"):
        Neighbours().client("profile")
