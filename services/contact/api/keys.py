"""What a key may know of itself."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from services.contact.api.documents import KEY
from shared.auth import Key, KeySelf, require
from shared.documents import answers
from shared.http import json_response

router = APIRouter(tags=["keys"])


@router.get(
    "/v1/keys/self", summary="The key that asks", responses=answers(KEY), response_class=Response
)
async def key_itself(key: Annotated[Key, Depends(require())]) -> Response:
    """What a key may know of itself: its name, scopes and principal. Any known key may ask."""
    return json_response(
        KeySelf(key.name, sorted(key.scopes), key.principal, key.namespace, key.source_prefix)
    )
