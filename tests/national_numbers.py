"""Invented national numbers, as many as a test needs: fictitious birth dates, right check digits."""

from __future__ import annotations

from typing import Final

SEQUENCES: Final = 997
"""001 to 997 within a day; 000, 998 and 999 are unused here."""


def first_nine(number: int) -> int:
    """The first nine digits of one of many, by a number from 0."""
    day, sequence = divmod(number, SEQUENCES)
    return day * 1000 + sequence + 1


def national_number(number: int) -> str:
    """The whole of it, 11 digits, of somebody born before 2000."""
    base = first_nine(number)
    return f"{base:09d}{97 - base % 97:02d}"
