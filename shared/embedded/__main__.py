"""python -m shared.embedded: fetches what the embedded servers need; make calls it at set-up."""

import sys

from shared.embedded.install import install
from shared.embedded.machine import complaint
from shared.errors import Fatal

if __name__ == "__main__":
    if sentence := complaint():
        sys.exit(sentence)
    try:
        install()
    except Fatal as error:
        sys.exit(str(error))
