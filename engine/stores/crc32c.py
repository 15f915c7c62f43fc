"""Arithmetic on CRC-32C values: the checksum of a whole from those of its parts."""

import functools
from collections.abc import Iterable

_POLYNOMIAL = 0x82F63B78  # Castagnoli, bits reversed
_Matrix = tuple[int, ...]  # column i is what bit i becomes


def combined(parts: Iterable[tuple[int, int]]) -> int:
    """The CRC-32C of byte strings joined together, of (crc, length in bytes) of each."""
    whole = 0
    for crc, length in parts:
        whole = _shifted(whole, length) ^ crc
    return whole


def _shifted(crc: int, zeros: int) -> int:
    """The CRC after so many zero bytes more, without the final inversion's part."""
    power = 0
    while zeros and crc:
        if zeros & 1:
            crc = _times(_zero_bytes(power), crc)
        zeros >>= 1
        power += 1
    return crc


@functools.cache
def _zero_bytes(power: int) -> _Matrix:
    """What 2**power zero bytes do to a CRC."""
    if power:
        half = _zero_bytes(power - 1)
        return tuple(_times(half, column) for column in half)
    bit: _Matrix = (_POLYNOMIAL, *(1 << index for index in range(31)))
    for _ in range(3):  # one bit, two, four, eight
        bit = tuple(_times(bit, column) for column in bit)
    return bit


def _times(matrix: _Matrix, vector: int) -> int:
    result = 0
    for column in matrix:
        if not vector:
            break
        if vector & 1:
            result ^= column
        vector >>= 1
    return result
