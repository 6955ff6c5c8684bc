"""python -m services: every service in one process, on the embedded servers unless told others."""

import sys

from services import run
from services.registry import SERVICES

if __name__ == "__main__":
    sys.exit(run.everything(SERVICES))
