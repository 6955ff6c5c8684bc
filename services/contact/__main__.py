"""python -m services.contact: this service alone."""

import sys

from services import run
from services.contact.app import SERVICE

if __name__ == "__main__":
    sys.exit(run.one(SERVICE))
