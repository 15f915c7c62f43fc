"""CRC-32C of two stretches of bytes that follow each other, out of the CRCs of both.

A CRC is the remainder of a polynomial over GF(2). Appending n bytes multiplies it by x^(8n), so
the CRC of the whole is that product plus (xor) the CRC of what was appended. Bits are reflected,
as CRC-32C has them: the highest bit of a value is the coefficient of x^0.
"""

from collections.abc import Iterable

_POLYNOMIAL = 0x82F63B78  # Castagnoli
_ONE = 1 << 31
_powers = [1 << 30]  # x^(2^n), made as far as they are needed


def combined(first: int, second: int, length: int) -> int:
    """The CRC-32C of bytes with CRC `first` followed by `length` bytes with CRC `second`."""
    return _times(_power(8 * length), first) ^ second


def joined(parts: Iterable[tuple[int, int]]) -> int:
    """The CRC-32C of byte strings one after the other, of (CRC, length in bytes) of each."""
    whole = 0
    for crc, length in parts:
        whole = combined(whole, crc, length)
    return whole


def _power(exponent: int) -> int:
    """x^exponent."""
    result, index = _ONE, 0
    while exponent:
        if index == len(_powers):
            _powers.append(_times(_powers[-1], _powers[-1]))
        if exponent & 1:
            result = _times(_powers[index], result)
        exponent >>= 1
        index += 1
    return result


def _times(left: int, right: int) -> int:
    """The product of two polynomials, reduced."""
    product = 0
    while left:
        if left & _ONE:
            product ^= right
        left = (left << 1) & 0xFFFFFFFF
        right = (right >> 1) ^ (_POLYNOMIAL if right & 1 else 0)
    return product
