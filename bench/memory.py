"""Memory settled as the services settle it once they are up, for every contestant alike."""

import gc


def settle() -> None:
    """Collect what was loaded once, then look at new objects only, and rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
