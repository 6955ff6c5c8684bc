"""Whether this machine can run the servers; standard library alone, so that make can ask first."""

import os
import platform
import sys

OLDEST_GLIBC = (2, 27)


def complaint() -> str | None:
    """One sentence on what is missing here, None when nothing is."""
    if sys.version_info < (3, 11):  # noqa: UP036 - make asks with whatever Python there is
        return f"Python {platform.python_version()} is too old: Rapport needs Python 3.11 or newer."
    if sys.platform == "darwin":
        return None
    if sys.platform != "linux":
        return (
            f"The embedded servers run on Linux and macOS, not on {sys.platform}: "
            "set RAPPORT_KAFKA and RAPPORT_DATABASE to servers that are there."
        )
    return _complaint_about_glibc()


def _complaint_about_glibc() -> str | None:
    found = _glibc()
    if found is None:
        return (
            "The embedded servers need glibc 2.27 or newer and this Linux has another C library "
            "(Alpine, for one): use a distribution with glibc, or set RAPPORT_KAFKA and "
            "RAPPORT_DATABASE to servers that are there."
        )
    if found < OLDEST_GLIBC:
        return (
            f"The embedded servers need glibc 2.27 or newer and this is {found[0]}.{found[1]}: "
            "use a newer distribution, or set RAPPORT_KAFKA and RAPPORT_DATABASE to servers that "
            "are there."
        )
    return None


def _glibc() -> tuple[int, int] | None:
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        major, minor = version.split(".")[:2]
        return (int(major), int(minor)) if name == "glibc" else None
    except (ValueError, OSError):
        return None


if __name__ == "__main__":
    sys.exit(complaint())
