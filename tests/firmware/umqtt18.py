"""The API of micropython-lib's umqtt.simple 1.8, which a stock ESP32 build freezes, on top of 1.3.4.

What 1.8 does otherwise with its socket: a timeout in connect(), the packet identifier written by itself, SUBACK's
identifier compared.
"""

import umqtt.simple as umqtt


class MQTTClient(umqtt.MQTTClient):
    """umqtt.simple.MQTTClient as of 1.8."""

    def connect(self, clean_session=1, timeout=None):
        if self.sock:
            self.sock.close()
        umqtt.socket.socket().settimeout(timeout)
        return super().connect(clean_session)

    def subscribe(self, topic, qos=0):
        self.pid += 1
        pid = bytes((self.pid >> 8, self.pid & 255))
        self.sock.write(bytearray((0x82, 5 + len(topic), 0, 0)), 2)
        self.sock.write(pid)
        self._send_str(topic)
        self.sock.write(bytes((qos,)))
        while self.wait_msg() != 0x90:
            pass
        answer = self.sock.read(4)
        assert answer[1] << 8 | answer[2] == self.pid
        assert answer[3] != 0x80
