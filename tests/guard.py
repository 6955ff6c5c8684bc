"""python -m tests.guard FOLDER: at the end of its input, removes the servers of the folder."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.stdin.buffer.read()  # ends when pytest closes it, or dies

    from shared import embedded

    embedded.remove(Path(sys.argv[1]))
