"""The number of a quote, for people: from its id, so that nothing has to count."""

from hashlib import blake2b

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: none that is taken for another one."""


def number_of(id: str, year: str) -> str:
    """Q-2026-7K3MZ-9Q2XD: the year, and 50 bits of a hash of the quote's id.

    Among 100,000 quotes of a year two have the same with a chance of 1 in 200,000.
    """
    value = int.from_bytes(blake2b(id.encode(), digest_size=8).digest())
    digits = "".join(_DIGITS[value >> 5 * place & 31] for place in range(10))
    return f"Q-{year}-{digits[:5]}-{digits[5:]}"
