"""AES-CMAC (RFC 4493, NIST SP 800-38B), and the derivation of a card's own key from a site's (NXP AN10922, AES-128)."""

from cryptolib import aes
from micropython import const

_BLOCK = const(16)
_CBC = const(2)
_AES_128 = const(0x01)  # AN10922's constant of the form
_DIVERSIFIED = const(32)  # bytes that AN10922 always pads to, where plain CMAC would use one block
_ZERO = bytes(_BLOCK)
_ALL_ONES = (1 << 128) - 1
_R128 = const(0x87)  # the constant of the doubling (SP 800-38B §5.3)


def cmac(key, message, into, iv=_ZERO, least=_BLOCK):
    """Put the CMAC of `message` under a key of 16 bytes into `into`, a bytearray of 16.

    iv: the chain's start, zero except for DESFire EV1's running one. least: pad to at least so many bytes.
    """
    length = len(message)
    size = max(least, (length + _BLOCK - 1) // _BLOCK * _BLOCK)
    padded = bytearray(size)
    padded[:length] = message
    chain = aes(key, _CBC, _ZERO)
    zero = chain.encrypt(_ZERO)
    subkey = _double(int.from_bytes(zero, "big"))
    if length < size:
        padded[length] = 0x80
        subkey = _double(subkey)
    last = size - _BLOCK
    mask = subkey.to_bytes(_BLOCK, "big")
    for i in range(_BLOCK):
        padded[last + i] ^= mask[i]
        padded[i] ^= zero[i] ^ iv[i]  # the chain is at `zero`: a second AES object would cost 400 bytes
    chain.encrypt(padded, padded)
    for i in range(_BLOCK):
        into[i] = padded[last + i]
    padded[:] = bytes(size)


def diversify(key, content, into):
    """Put a card's key into `into`, a bytearray of 16, from a site's key and the diversification input, which is
    `content`, a bytearray or a view of one, after its first byte, which this function uses; at most 31 more bytes
    (AN10922 §2.2).
    """
    content[0] = _AES_128
    cmac(key, content, into, _ZERO, _DIVERSIFIED)


def _double(number):
    """Doubling in GF(2^128)."""
    return (number << 1 & _ALL_ONES) ^ (_R128 if number >> 127 else 0)
