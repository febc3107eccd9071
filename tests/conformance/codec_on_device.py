"""Runs inside MicroPython: answers questions about the formats with the firmware's own code, one JSON line each.

    micropython codec_on_device.py FIRMWARE QUESTIONS

A request is a list: the function, and its arguments in hexadecimal digits or numbers. An answer is the result, or the
reason of a refusal.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])

from app.errors import FrameError
from app.log import hmac256, record, seal, unpacked
from app.net import frames


def unpack(raw):
    try:
        told = unpacked.unpack(raw)
    except ValueError as error:
        return str(error) if len(raw) == record.RECORD_BYTES else "length"
    return [field if isinstance(field, int) else bytes(field).hex() for field in told]


def pack(kind, flags, seq, boot, epoch, utc_s, ms, source, bound, uptime_ms, token, beacon, detail):
    stamp = record.Stamp()
    stamp.utc_s, stamp.ms, stamp.source, stamp.bound, stamp.uptime_ms = utc_s, ms, source, bound, uptime_ms
    buf = bytearray(record.RECORD_BYTES)
    eights = [bytes.fromhex(text) for text in (token, beacon, detail)]
    record.pack_into(buf, kind, flags, seq, boot, epoch, stamp, *eights)
    return buf[: record.SEALED_BYTES].hex()


def ratchet(r, tag, body):
    steps = seal.Ratchet()
    steps.load(r)
    made = steps.tag(tag, body)[: record.TAG_BYTES]
    return [made.hex(), steps.step(made).hex(), steps.step(seal.BURNT_TAG).hex()]


def open_frame(key, clock_id, session, frame):
    try:
        kind, counter, body = frames.open_frame(key, frames.context(clock_id, session), frame)
    except FrameError:
        return "refused"
    return [kind, str(counter), bytes(body).hex()]


def make_frame(key, clock_id, session, kind, counter, body):
    scope = frames.context(bytes.fromhex(clock_id), bytes.fromhex(session))
    return frames.seal_frame(bytes.fromhex(key), scope, kind, int(counter), bytes.fromhex(body)).hex()


def raw(answer):
    return lambda *texts: answer(*[bytes.fromhex(text) for text in texts])


ANSWERS = {
    "pack": pack,
    "bound": lambda ms, encoded: [record.bound_encode(ms), record.bound_decode(encoded)],
    "frame": make_frame,
    "epoch": lambda key, epoch: [part.hex() for part in seal.epoch_start(bytes.fromhex(key), epoch)],
    "unpack": raw(unpack),
    "ratchet": raw(ratchet),
    "open": raw(open_frame),
    "unsealed": raw(lambda tag, body: seal.unsealed_tag(tag, body)[: record.TAG_BYTES].hex()),
    "hmac": raw(lambda key, message: hmac256.hmac256(key, message).hex()),
}


def main():
    with open(sys.argv[2]) as questions:  # noqa: PTH123 - MicroPython has no pathlib
        for line in questions:
            what, *arguments = json.loads(line)
            print(json.dumps(ANSWERS[what](*arguments)))


main()
