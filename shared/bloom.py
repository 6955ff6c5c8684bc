"""A memory of numbers in bounded space, which sometimes takes for known what is not."""

from array import array
from collections.abc import Iterable
from itertools import combinations
from random import Random

BITS = 24
"""Bits for each expected number: of 200 numbers that were never added, one is taken for known."""

_PRIME = (1 << 61) - 1
_PAIRS = Random(0).sample([1 << a | 1 << b for a, b in combinations(range(64), 2)], 1024)


class Filter:
    """A Bloom filter of 64-bit words; each number sets up to four bits of one of them.

    With more numbers than expected it takes more and more for known that are not.
    """

    def __init__(self, expected: int) -> None:
        words = max(64, expected * BITS // 64)
        self._size = words
        self._words = array("Q", bytes(8 * words))

    def add(self, numbers: Iterable[int]) -> None:
        """Know these from now on; they are large and look random, such as UUIDs."""
        words, size, pairs = self._words, self._size, _PAIRS
        for number in numbers:
            mixed = number % _PRIME
            words[mixed % size] |= pairs[mixed >> 51] | pairs[mixed >> 41 & 1023]

    def __contains__(self, number: int) -> bool:
        mixed = number % _PRIME
        mask = _PAIRS[mixed >> 51] | _PAIRS[mixed >> 41 & 1023]
        return self._words[mixed % self._size] & mask == mask
