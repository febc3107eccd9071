"""MQTT's first packets on a new connection: CONNECT with the last will, the subscriptions, STATUS. The TLS handshake
runs while the first one is sent.

In memory for that time only (app.on_demand). The functions belong to the Uplink that they are given.
"""

import json
import os

from micropython import const

from app.log import connection_numbers
from app.net import frames

_COUNT_MAX = const(0xFFFF)


async def greet(uplink):
    """Connect to the broker over the uplink's open link, subscribe, send STATUS. Raises any error of these."""
    link, channel = uplink._link, uplink._channel
    client = uplink._client = uplink._new_client()
    link.deliver = client.wait_msg
    # A boot has 65,535 connection numbers. Later ones share the last and continue its frame count; they have no last
    # will, which would be newer than all later frames.
    connection = connection_numbers.following(uplink._log, uplink._connection)
    if connection < _COUNT_MAX:
        client.set_last_will(channel.topic("status"), last_will(channel, uplink._log.boot, connection), retain=True)
    client.connect()
    await link.ready()
    if connection <= _COUNT_MAX:  # only now may it be sent to the broker
        uplink._connection = connection
        uplink._number = 0
    channel.session = os.urandom(frames.SESSION_BYTES)
    uplink._last_counter = 0
    uplink._gap_asked = 0
    uplink._window.restart(uplink._log.tail)
    for name in ("ack", "receipts", "command"):
        await link.ready()
        client.subscribe(channel.topic(name))
    await link.ready()
    uplink._send_status()
    await link.settled()


def last_will(channel, boot, connection):
    """The STATUS frame that the broker publishes when this connection ends."""
    body = {"v": 1, "state": "offline", "boot": boot, "connection": connection}
    counter = frames.upward_counter(boot, connection, frames.LAST_WILL_NUMBER)
    return channel.seal(frames.STATUS, counter, json.dumps(body).encode())
