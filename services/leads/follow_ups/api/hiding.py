"""The URL of a calendar is its key: it stands in no log, whatever is asked of it."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

_KEY = re.compile(r"/v1/calendars/(?![0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$).+")
HIDDEN = "/v1/calendars/-.ics"


class Hiding:
    """Stands before an application; those around it see another path than the one that is asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _KEY.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        inner = dict(scope)
        scope["path"] = HIDDEN
        try:
            await self._app(inner, receive, send)
        finally:
            if "route" in inner:
                scope["route"] = inner["route"]
