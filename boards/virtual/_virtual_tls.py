"""`tls` of the ESP32 port: the unix port's, whose memory is taken from the chip's (_virtual_memory)."""

# ruff: noqa: F403 - names, arguments and results are the ESP32 port's

import _virtual_memory as _memory
import tls as _host
from tls import *


class _Socket:
    def __init__(self, host):
        self._host = host
        self._held = _memory.TLS + _memory.HANDSHAKE

    def write(self, buf):
        count = self._host.write(buf)
        if count is not None and self._held > _memory.TLS:
            _memory.give(_memory.HANDSHAKE)
            self._held = _memory.TLS
        return count

    def readinto(self, buf):
        return self._host.readinto(buf)

    def close(self):
        _memory.give(self._held)
        self._held = 0
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
        try:
            _memory.take(_memory.TLS + _memory.HANDSHAKE)
        except _memory.Short:
            raise OSError(12)
        return _Socket(self._host.wrap_socket(sock, **options))
