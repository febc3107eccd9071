"""Finds the end of a certificate's validity. Used only at the start: the file on the clock is the one sent to the
broker.

Of X.509 (RFC 5280 §4.1) only the path to the validity's end is parsed, and every length is checked against its
enclosing element.
"""

from micropython import const

from app import localtime

_SEQUENCE = const(0x30)
_INTEGER = const(0x02)
_VERSION = const(0xA0)
_UTC_TIME = const(0x17)
_GENERALIZED_TIME = const(0x18)


def valid_until(der):
    """Unix seconds of the end of a certificate's validity, None if `der` is not a certificate."""
    try:
        at, end = _open(der, 0, len(der), _SEQUENCE)  # Certificate
        at, end = _open(der, at, end, _SEQUENCE)  # TBSCertificate
        if at < end and der[at] == _VERSION:
            at = _open(der, at, end, _VERSION)[1]
        for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):  # serial number, signature's algorithm, issuer
            at = _open(der, at, end, tag)[1]
        at, end = _open(der, at, end, _SEQUENCE)  # Validity
        at = _open(der, at, end, der[at])[1]
        tag = der[at]
        at, end = _open(der, at, end, tag)
        return _seconds(tag, bytes(der[at:end]))
    except (ValueError, IndexError):
        return None


def _open(der, at, limit, tag):
    """(start, end) of the content of the element at `at`, which must have that tag and end at `limit` or before."""
    if at + 2 > limit or der[at] != tag:
        raise ValueError
    length = der[at + 1]
    at += 2
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 2 or at + count > limit:
            raise ValueError
        length = 0
        for _ in range(count):
            length = length << 8 | der[at]
            at += 1
    if at + length > limit:
        raise ValueError
    return at, at + length


def _seconds(tag, text):
    """RFC 5280 §4.1.2.5: YYMMDDHHMMSSZ from 1950 to 2049, or YYYYMMDDHHMMSSZ."""
    if tag == _UTC_TIME:
        text = (b"20" if text[:1] < b"5" else b"19") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError
    if len(text) != 15 or text[14] != 0x5A:
        raise ValueError
    for digit in text[:14]:
        if not 0x30 <= digit <= 0x39:
            raise ValueError
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    hour, minute, second = int(text[8:10]), int(text[10:12]), int(text[12:14])
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        raise ValueError
    return localtime.unix_from_civil(year, month, day, hour, minute, second)
