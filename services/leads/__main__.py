"""python -m services.leads: this service alone."""

import sys

from services import run
from services.leads.app import SERVICE

if __name__ == "__main__":
    sys.exit(run.one(SERVICE))
