"""`tls` of the ESP32 port: the unix port's, whose memory is taken from the chip's (_virtual_memory).

The unix port's mbedTLS judges dates by the host's clock. Here the broker's certificate and the authorities are held
against the clock's own time too, as the chip does, before anything is sent through the connection; with the same words.
"""

# ruff: noqa: F403 - names, arguments and results are the ESP32 port's

import time as _time

import _virtual_memory as _memory
import tls as _host
from tls import *


def _element(der, at):
    """(tag, start of the content, its end) of the DER element at `at`."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(der[start : start + count], "big")
        start += count
    return der[at], start, start + length


def _validity(der):
    """(not before, not after) of a certificate, in the port's seconds (RFC 5280 §4.1)."""
    at = _element(der, _element(der, 0)[1])[1]
    passed = 0
    while passed < 4:  # version, serial number, signature, issuer
        at = _element(der, at)[2]
        passed += 1
    at = _element(der, at)[1]
    moments = []
    for _ in range(2):
        tag, start, end = _element(der, at)
        text = der[start:end].decode()
        if tag == 0x17:  # UTCTime
            text = ("19" if text >= "50" else "20") + text
        parts = [int(text[:4])] + [int(text[index : index + 2]) for index in range(4, 14, 2)]
        moments.append(_time.mktime(tuple(parts) + (0, 0)))
        at = end
    return moments


def _judge(validity):
    now = _time.time()
    if now < validity[0]:
        raise ValueError("\nThe certificate validity starts in the future\n")
    if now > validity[1]:
        raise ValueError("\nThe certificate validity has expired\n")


class _Socket:
    def __init__(self, host, held, authorities):
        self._host = host
        self._held = held
        self._authorities = authorities
        self._unjudged = authorities is not None

    def _is_judged(self):
        """Shake hands without sending anything; whether that is done and the dates are right."""
        if self._host.readinto(bytearray(1)):
            raise OSError(5)  # a broker waits for the client
        der = self._host.getpeercert(True)  # noqa: FBT003 - the port has no keyword for it
        if not der:
            return False
        _judge(_validity(der))
        for validity in self._authorities:
            _judge(validity)
        self._unjudged = False
        return True

    def write(self, buf):
        if self._unjudged and not self._is_judged():
            return None
        count = self._host.write(buf)
        if count is not None:
            _memory.give(self._held.handshake)
        return count

    def readinto(self, buf):
        return self._host.readinto(buf)

    def close(self):
        self._held.give_back()
        self._host.close()


class SSLContext:
    def __init__(self, protocol):
        self._host = _host.SSLContext(protocol)
        self._authorities = []

    @property
    def verify_mode(self):
        return self._host.verify_mode

    @verify_mode.setter
    def verify_mode(self, mode):
        self._host.verify_mode = mode

    def load_verify_locations(self, cadata):
        self._host.load_verify_locations(cadata)
        self._authorities.append(_validity(cadata))

    def load_cert_chain(self, cert, key):
        try:
            _memory.take(_memory.CONTEXT)
        except _memory.Short:
            raise ValueError("invalid cert")
        self._host.load_cert_chain(cert, key)

    def wrap_socket(self, sock, **options):
        held = _memory.Held()
        try:
            held.session = _memory.take(_memory.TLS)
            held.handshake = _memory.take(_memory.HANDSHAKE)
        except _memory.Short:
            held.give_back()
            raise OSError(12)
        judges = self._host.verify_mode != _host.CERT_NONE
        return _Socket(self._host.wrap_socket(sock, **options), held, self._authorities if judges else None)
