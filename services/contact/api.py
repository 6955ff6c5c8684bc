"""Contact's HTTP API beside the door: what a key may know of itself."""

from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Response

from shared.auth import Key, KeySelf, require
from shared.http import json_response

router = APIRouter()


def install(app: FastAPI) -> None:
    """Give an application the operations; they find the site at `app.state.site`."""
    app.router.routes.extend(router.routes)


@router.get("/v1/keys/self", summary="The key that asks", tags=["keys"])
async def key_itself(key: Annotated[Key, Depends(require())]) -> Response:
    """What a key may know of itself: its name, scopes and principal. Any known key may ask."""
    return json_response(
        KeySelf(key.name, sorted(key.scopes), key.principal, key.namespace, key.source_prefix)
    )
