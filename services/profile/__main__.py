"""python -m services.profile: this service alone."""

import sys

from services import run
from services.profile.app import SERVICE

if __name__ == "__main__":
    sys.exit(run.one(SERVICE))
