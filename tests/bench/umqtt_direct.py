"""umqtt.simple as its examples use it, over TLS: how many TLS records and bytes a punch costs. Runs in MicroPython.

    micropython umqtt_direct.py SETUP.json PUNCHES

Prints one JSON object for QoS 0 and one for QoS 1, each after its punches.
"""

import io
import json
import os
import socket
import sys

import tls

# ruff: noqa: PTH123, RUF005, E402 - MicroPython has no pathlib, and the path comes before the imports from it
sys.path[:] = os.getenv("BADGECLOCK_PATH").split(":") + [".frozen"]

import umqtt.simple


class Counted(io.IOBase):
    """A blocking socket that counts what TLS writes: one record at a time."""

    def __init__(self, sock):
        self._sock = sock
        self.writes = self.written = 0

    def readinto(self, buf):
        return self._sock.readinto(buf)

    def write(self, buf):
        self.writes += 1
        self.written += len(buf)
        return self._sock.write(buf)

    def ioctl(self, *_):
        return 0


class Sockets:
    """In the place of umqtt's socket module: a TCP socket that is wrapped when it connects."""

    def __init__(self, context, host):
        self._context = context
        self._host = host

    def getaddrinfo(self, host, port):
        return socket.getaddrinfo(host, port)

    def socket(self):
        return self

    def connect(self, address):
        sock = socket.socket()
        sock.connect(address)
        self.counted = Counted(sock)
        self._tls = self._context.wrap_socket(self.counted, server_hostname=self._host)

    def read(self, length):
        return self._tls.read(length)

    def write(self, *data):
        return self._tls.write(*data)

    def setblocking(self, _):
        """It blocks."""


def main():
    with open(sys.argv[1]) as file:
        setup = json.load(file)
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    with open(setup["ca"], "rb") as ca, open(setup["cert"], "rb") as cert, open(setup["key"], "rb") as key:
        context.load_verify_locations(ca.read())
        context.load_cert_chain(cert.read(), key.read())
    broker = setup["settings"]["broker"]
    sockets = umqtt.simple.socket = Sockets(context, broker["host"])
    clock_id = setup["settings"]["clock_id"].encode()
    client = umqtt.simple.MQTTClient(clock_id, broker["host"], broker["port"])
    client.connect()
    punches = int(sys.argv[2])
    for qos in (0, 1):
        writes, written = sockets.counted.writes, sockets.counted.written
        for _ in range(punches):
            client.publish(b"badgeclock/v1/" + clock_id + b"/punches", bytes(64), qos=qos)
        counted = sockets.counted
        print(json.dumps({"qos": qos, "writes": counted.writes - writes, "written": counted.written - written}))


main()
