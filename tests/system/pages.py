"""A page on an origin of its own, in a real headless browser."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from typing_extensions import override

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PAGE = (Path(__file__).with_name("page") / "index.html").read_bytes()
SECONDS = 60.0


def browser() -> str | None:
    """The Chromium of this machine: CHROMIUM, else the first on the path."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class Origin(ThreadingHTTPServer):
    """Serves the page, and takes its report."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Answers)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.reported = threading.Event()
        self.report: dict[str, Any] = {}

    def opened_in(self, program: str, folder: Path, **settings: str) -> dict[str, Any]:
        """Open the page in a browser and wait for its report."""
        self.reported.clear()
        words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        words += ["--no-first-run", f"--user-data-dir={folder}"]
        address = f"{self.url}/?{urlencode(settings)}"
        with (folder / "log").open("wb") as log:
            child = subprocess.Popen([program, *words, address], stdout=log, stderr=log)
            try:
                said = (folder / "log").read_text(errors="replace")[-2000:]
                assert self.reported.wait(SECONDS), f"the page did not report: {said}"
            finally:
                child.terminate()
                child.wait(SECONDS)
        return self.report


@contextmanager
def origin(port: int = 0) -> Iterator[Origin]:
    """An origin that answers while the body runs."""
    with Origin(port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Answers(BaseHTTPRequestHandler):
    server: Origin

    def do_GET(self) -> None:
        self._answer(PAGE, "text/html")

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        self.server.report = json.loads(self.rfile.read(length))
        self._answer(b"{}", "application/json")
        self.server.reported.set()

    def _answer(self, body: bytes, media: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *words: object) -> None:
        """Nothing: the test says what went wrong."""
