"""A memory of numbers in bounded space, which sometimes takes for known what is not."""

from array import array
from collections.abc import Iterable
from itertools import combinations
from random import Random

BITS = 24
"""Bits for each expected number: of 400 that were never added, one is taken for known."""

_PAIRS = Random(0).sample([1 << a | 1 << b for a, b in combinations(range(64), 2)], 1024)


class Filter:
    """A Bloom filter of 64-bit words; each number sets up to four bits of one of them.

    With more numbers than expected it takes more and more for known that are not. The numbers are
    hashes: large, and as good as random.
    """

    def __init__(self, expected: int) -> None:
        self._size = max(64, expected * BITS // 64)
        self._words = array("Q", bytes(8 * self._size))

    def add(self, numbers: Iterable[int]) -> None:
        """Know these from now on."""
        words, size, pairs = self._words, self._size, _PAIRS
        for number in numbers:
            words[number % size] |= pairs[number >> 30 & 1023] | pairs[number >> 40 & 1023]

    def known(self, numbers: Iterable[int]) -> set[int]:
        """Those that were added, and perhaps a few others."""
        words, size, pairs = self._words, self._size, _PAIRS
        found = set()
        for number in numbers:
            mask = pairs[number >> 30 & 1023] | pairs[number >> 40 & 1023]
            if words[number % size] & mask == mask:
                found.add(number)
        return found
