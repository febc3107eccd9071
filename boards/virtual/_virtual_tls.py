"""`tls` of the ESP32 port: the unix port's, whose memory is taken from the chip's (_virtual_memory)."""

# ruff: noqa: F403 - names, arguments and results are the ESP32 port's

import _virtual_memory as _memory
import tls as _host
from tls import *


class _Socket:
    def __init__(self, host, held):
        self._host = host
        self._held = held

    def write(self, buf):
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

    @property
    def verify_mode(self):
        return self._host.verify_mode

    @verify_mode.setter
    def verify_mode(self, mode):
        self._host.verify_mode = mode

    def load_verify_locations(self, cadata):
        self._host.load_verify_locations(cadata)

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
        return _Socket(self._host.wrap_socket(sock, **options), held)
