"""What the technician's tool runs inside a clock, as MicroPython source.

Sent once per session; every name starts with `bc_` so that no name of the clock is hidden. It uses what an ESP32 has
without any file of ours, so that it also works with a broken or foreign firmware. Code that needs the firmware calls
its module `technician` (firmware/technician.py) and nothing else of it.
"""

from typing import Final

FILES: Final = """\
import binascii, gc, hashlib, json, os, sys

def bc_sha256(path):
    digest = hashlib.sha256()
    buf = bytearray(512)
    view = memoryview(buf)
    with open(path, "rb") as file:
        while True:
            n = file.readinto(buf)
            if not n:
                return binascii.hexlify(digest.digest()).decode()
            digest.update(view[:n])

def bc_list(folder=""):
    # A mount point in the root has an entry without a size; it is not on the clock's littlefs.
    for entry in os.ilistdir(folder or "/"):
        path = folder + "/" + entry[0]
        if entry[1] == 0x8000:
            print(json.dumps([path, bc_sha256(path)]))
        elif len(entry) > 3:
            print(json.dumps([path, None]))
            bc_list(path)

def bc_make_folders(path):
    for n in range(1, len(path)):
        if path[n] == "/":
            try:
                os.mkdir(path[:n])
            except OSError as error:
                if error.errno != 17:  # EEXIST
                    raise

def bc_open(path):
    global bc_file
    bc_file = open(path, "wb")

def bc_write(text):
    bc_file.write(binascii.a2b_base64(text))

def bc_close(path, target, sha256):
    # littlefs replaces `target` in one step: power loss leaves the old file or the new one.
    bc_file.close()
    found = bc_sha256(path)
    if found == sha256:
        os.rename(path, target)
    print(json.dumps(found))

def bc_read(path, pad):
    # What a device prints may end up in a terminal's log, what it is sent does not: so it prints under a one-time pad.
    with open(path, "rb") as file:
        data = bytearray(file.read(len(pad) // 2))
    pad = binascii.unhexlify(pad)
    for n in range(len(data)):
        data[n] ^= pad[n]
    print(json.dumps(binascii.hexlify(data).decode()))

def bc_describe():
    name, version = sys.implementation[:2]
    print(json.dumps({
        "name": name,
        "version": list(version[:3]),
        "bytecode": getattr(sys.implementation, "_mpy", 0) & 0xFF,
        "machine": getattr(sys.implementation, "_machine", ""),
        "platform": sys.platform,
    }))
"""

RATE: Final = """\
import machine, select, time

def bc_set_rate(baud):
    # UART 0 of an ESP32 (Technical Reference Manual, UART: CONF0, CLKDIV): bit 27 takes the bus's 80 MHz for its clock
    # in place of 1 MHz, which is too coarse; it is divided in sixteenths. MicroPython's machine.UART(0, baudrate)
    # raises on the line of the prompt.
    sixteenths = (80000000 * 16 + baud // 2) // baud
    machine.mem32[0x3FF40020] |= 1 << 27
    machine.mem32[0x3FF40014] = sixteenths >> 4 | (sixteenths & 15) << 20

def bc_heard(token, limit_ms):
    heard = b""
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    start = time.ticks_ms()
    while heard != token and time.ticks_diff(time.ticks_ms(), start) < limit_ms:
        if poll.poll(50):
            heard = (heard + sys.stdin.buffer.read(1))[-len(token):]
    return heard == token

def bc_rate(baud, token):
    # The old rate comes back unless the token arrives at the new one.
    before = machine.mem32[0x3FF40020], machine.mem32[0x3FF40014]
    time.sleep_ms(100)  # what was sent before is out
    bc_set_rate(baud)
    heard = False
    try:
        heard = bc_heard(token, 2500)
    except KeyboardInterrupt:
        pass  # a byte at the wrong rate may look like Ctrl-C
    if not heard:
        machine.mem32[0x3FF40020], machine.mem32[0x3FF40014] = before
    print(json.dumps(heard))
"""

IDENTIFY: Final = """\
import binascii, json, machine

def bc_identify():
    # The base MAC, from the eFuse. Wi-Fi is not started for it: that would take memory from what is measured here.
    print(json.dumps(binascii.hexlify(machine.unique_id()).decode()))
"""

INSPECT: Final = """\
import esp32, struct

def bc_partitions():
    return {part.info()[4]: part for part in esp32.Partition.find(esp32.Partition.TYPE_DATA)}

def bc_key_slot(seal):
    # The live key slot's seq, epoch, boot and acked (docs/protocol.md 4), never its keys; None if there is none.
    best = None
    buf = bytearray(128)
    for n in range(seal.ioctl(4, 0) * 32):
        seal.readblocks(n // 32, buf, n % 32 * 128)
        if buf[:4] == b"BCK1" and hashlib.sha256(buf[:112]).digest()[:16] == buf[112:]:
            _, seq, epoch, boot, _, acked = struct.unpack_from(">4sIHHII", buf)
            if best is None or seq > best[0]:
                best = [seq, epoch, boot, acked]
    return best

def bc_journal(journal, acked):
    # The genesis nonce if record 0 is still there, and how many punches from `acked` on no bridge has acknowledged.
    nonce = None
    punches = 0
    # A dot every 64 sectors shows the technician's tool that the line is alive.
    sectors = journal.ioctl(4, 0)
    header = bytearray(32)
    head = bytearray(8)
    for place in range(sectors):
        if place % 64 == 63:
            print(".")
        journal.readblocks(place, header, 0)
        magic, k, _, crc = struct.unpack_from(">4sIII", header)
        if magic != b"BCJ1" or k % sectors != place or binascii.crc32(memoryview(header)[:12]) != crc:
            continue
        if k == 0:
            genesis = bytearray(64)
            journal.readblocks(place, genesis, 64)
            if genesis[0] == 1 and genesis[1] == 1:
                nonce = binascii.hexlify(genesis[24:32]).decode()
        if header[16:32] == bytes(16):
            continue
        for slot in range(63):
            journal.readblocks(place, head, 64 + 64 * slot)
            if head[0] == 1 and head[1] == 3:
                seq = struct.unpack_from(">I", head, 4)[0]
                punches += acked <= seq == k * 63 + slot
    return nonce, punches

def bc_secrets(seal):
    # The content of the live secret slot (docs/protocol.md 4); None if there is none.
    best = 0
    content = None
    slot = bytearray(1024)
    for sector in range(seal.ioctl(4, 0)):
        seal.readblocks(sector, slot, 0)
        magic, number, length = struct.unpack_from(">4sIH", slot)
        if magic == b"BCS1" and number > best and hashlib.sha256(slot[:1008]).digest()[:16] == slot[1008:]:
            best = number
            content = bytes(slot[10:10 + length])
    return content

def bc_tell_secrets(pad):
    # Under a one-time pad, as bc_read does.
    parts = bc_partitions()
    content = bc_secrets(parts["seal"]) if "seal" in parts else None
    if content is not None:
        content = binascii.hexlify(bytes(a ^ b for a, b in zip(content, binascii.unhexlify(pad)))).decode()
    print(json.dumps(content))

def bc_inspect():
    parts = bc_partitions()
    state = {"sizes": {label: part.info()[3] for label, part in parts.items()}}
    slot = nonce = None
    unsent = 0
    if "seal" in parts and "journal" in parts:
        slot = bc_key_slot(parts["seal"])
        nonce, unsent = bc_journal(parts["journal"], slot[3] if slot else 0)
    state.update({"slot": slot, "nonce": nonce, "unsent": unsent})
    print(json.dumps(state))
"""

SECRETS: Final = """\
import technician

def bc_keep_secrets(text):
    # Gives the SHA-256 of what the flash then holds.
    content = technician.keep_secrets(bc_partitions()["seal"], binascii.a2b_base64(text))
    print(json.dumps(binascii.hexlify(hashlib.sha256(content).digest()).decode()))

def bc_forget_secrets():
    technician.forget_secrets(bc_partitions()["seal"])

def bc_forget_file():
    # Of an older firmware's file, which its remover removes next.
    technician.forget_secrets_file(bc_partitions()["vfs"])
"""

ROM: Final = """\
import esp32, vfs

def bc_rom():
    # The partition of the code that runs in place; None if this MicroPython cannot (MICROPY_VFS_ROM) or has none.
    parts = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="romfs")
    return parts[0] if parts and hasattr(vfs, "rom_ioctl") and vfs.rom_ioctl(1) > 0 else None

def bc_image():
    # Bytes for code in place, whether Bluetooth was built in, MicroPython's heap in use and free, what ESP-IDF has free
    # beside it and its largest block; None where there is no ESP-IDF.
    try:
        import bluetooth
    except ImportError:
        bluetooth = None
    gc.collect()
    free = largest = None
    if hasattr(esp32, "idf_heap_info"):
        regions = esp32.idf_heap_info(esp32.HEAP_DATA)
        free = sum(region[1] for region in regions)
        largest = max(region[2] for region in regions)
    part = bc_rom()
    print(json.dumps([
        part.info()[3] if part else 0, bluetooth is not None, gc.mem_alloc(), gc.mem_free(), free, largest,
    ]))

def bc_rom_sha256(start, end):
    # Of what the partition holds.
    digest = hashlib.sha256()
    part = bc_rom()
    buf = bytearray(512)
    for at in range(start, end, 512):
        part.readblocks(at // 4096, buf, at % 4096)
        digest.update(memoryview(buf)[:end - at])
    return binascii.hexlify(digest.digest()).decode()

def bc_rom_mapped():
    return memoryview(vfs.rom_ioctl(2, 0))

def bc_rom_mapped_sha256(size):
    # Of what would run: the flash's cache is between the two.
    return binascii.hexlify(hashlib.sha256(bc_rom_mapped()[:size]).digest()).decode()

def bc_rom_erase():
    # The sector with the header: what has none is not mounted.
    bc_rom().ioctl(6, 0)

def bc_rom_begin():
    try:
        vfs.umount("/rom")
    except OSError:
        pass  # there was no image
    bc_rom_erase()

def bc_rom_write(block, text):
    # Erases and programs one sector.
    bc_rom().writeblocks(block, binascii.a2b_base64(text))

def bc_rom_end():
    # As MicroPython does when it starts and finds an image.
    vfs.mount(vfs.VfsRom(vfs.rom_ioctl(2, 0)), "/rom")
    for folder in ("/rom/lib", "/rom"):
        if folder not in sys.path:
            sys.path.insert(2, folder)
"""

EMPTY: Final = """\
def bc_empty(part):
    # An erase takes up to 400 ms, reading 64 blank sectors as long; a dot each says that the line is alive.
    buf = bytearray(256)
    blank = b"\\xff" * 256
    for sector in range(part.ioctl(4, 0)):
        if sector % 64 == 63:
            print(".", end="")
        for at in range(0, 4096, 256):
            part.readblocks(sector, buf, at)
            if buf != blank:
                part.ioctl(6, sector)
                print(".", end="")
                break
"""

FOUND: Final = f"""\
import technician

{EMPTY}
def bc_found(clock_id, e0, nonce, utc_s):
    # The technician's tool has judged what is lost. Keys go last: until then a clock has what was acknowledged.
    parts = bc_partitions()
    journal, seal = parts["journal"], parts["seal"]
    bc_empty(journal)
    bc_empty(seal)
    technician.found_log(journal, seal, clock_id, binascii.unhexlify(e0), binascii.unhexlify(nonce), utc_s)
"""

RETIRE: Final = """\
import technician

def bc_retire(clock_id, utc_s):
    # The technician's tool has judged what is lost. Gives the seq of RETIRE, and whether it was there before.
    with open("/firmware.json") as file:
        firmware = binascii.unhexlify(json.load(file)["hash"])
    parts = bc_partitions()
    ended = technician.end_log(parts["journal"], parts["seal"], parts["vfs"], clock_id, firmware, utc_s)
    print(json.dumps(ended))
"""

JUDGE: Final = """\
import json, technician

def bc_judge_settings(settings, secrets):
    technician.judge_settings(settings, secrets)

def bc_judge_language(text, name):
    technician.judge_language(json.loads(text), name)
"""

RTC: Final = """\
import struct, technician
bc_board = technician.parts()

def bc_time():
    # Unix seconds of the RTC chip, null if it was never set; raises OSError if it does not answer.
    print(json.dumps(technician.rtc_seconds(bc_board)))

def bc_set_time(utc_s, *date):
    # The note beside the date says "no bound": nobody vouches for the technician's machine, the bridge will.
    technician.set_rtc(bc_board, date, struct.pack(">IHB", utc_s // 3600, 0, 255)[1:])
"""

READER: Final = """\
import technician

def bc_reader():
    # The reader's version register, null if nothing answers, and what its inspection found, null if nothing is wrong.
    print(json.dumps(technician.reader_state(technician.parts())))
"""

ACCEPTANCE: Final = """\
import gc, machine, network, socket, time, tls

def bc_punches():
    # How many punches the journal holds, acknowledged or not.
    journal = bc_partitions()["journal"]
    sectors = journal.ioctl(4, 0)
    header = bytearray(16)
    head = bytearray(8)
    punches = 0
    for place in range(sectors):
        if place % 64 == 63:
            print(".")
        journal.readblocks(place, header, 0)
        magic, k, _, crc = struct.unpack_from(">4sIII", header)
        if magic != b"BCJ1" or k % sectors != place or binascii.crc32(memoryview(header)[:12]) != crc:
            continue
        for slot in range(63):
            journal.readblocks(place, head, 64 + 64 * slot)
            if head[0] == 1 and head[1] == 3 and struct.unpack_from(">I", head, 4)[0] == k * 63 + slot:
                punches += 1
    print(json.dumps(punches))

def bc_step(step):
    # The memory at a step: MicroPython's heap in use and free; what ESP-IDF has free, its largest block and the lowest
    # it ever had, None where there is no ESP-IDF.
    gc.collect()
    idf = [None] * 3
    if hasattr(esp32, "idf_heap_info"):
        regions = esp32.idf_heap_info(esp32.HEAP_DATA)
        idf = [sum(region[1] for region in regions), max(region[2] for region in regions)]
        idf.append(sum(region[3] for region in regions))
    print(json.dumps([step, gc.mem_alloc(), gc.mem_free()] + idf))

def bc_join(utc, limit_ms):
    # Joins the clock's own network; the milliseconds it took, None if it did not.
    global bc_settings, bc_station
    machine.RTC().datetime(utc)
    with open("/settings.json") as file:
        bc_settings = json.load(file)
    password = json.loads(bc_secrets(bc_partitions()["seal"]))["wifi_password"]
    bc_step("start")
    bc_station = network.WLAN(network.WLAN.IF_STA)
    bc_step("WLAN() made")
    bc_station.active(True)
    bc_step("active(True)")
    start = time.ticks_ms()
    bc_station.connect(bc_settings["wifi"]["ssid"], password or None)
    took = None
    while took is None and time.ticks_diff(time.ticks_ms(), start) < limit_ms:
        if bc_station.isconnected():
            took = time.ticks_diff(time.ticks_ms(), start)
        else:
            print(".")
            time.sleep_ms(500)
    bc_step("connected to Wi-Fi")
    print(json.dumps(took))

def bc_context():
    global bc_tls
    bc_tls = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    bc_tls.verify_mode = tls.CERT_REQUIRED
    with open("/certs/ca.der", "rb") as file:
        authorities = file.read()
    at = 0
    while at < len(authorities):
        end = at + 4 + (authorities[at + 2] << 8 | authorities[at + 3])
        bc_tls.load_verify_locations(authorities[at:end])
        at = end
    with open("/certs/clock.der", "rb") as cert, open("/certs/clock.key.der", "rb") as key:
        bc_tls.load_cert_chain(cert.read(), key.read())
    bc_step("TLS context with our certificates")

def bc_handshake():
    # One connection with the clock's certificate to its broker; the milliseconds of the handshake.
    broker = bc_settings["broker"]
    address = socket.getaddrinfo(broker["host"], broker["port"], socket.AF_INET, socket.SOCK_STREAM)[0][-1]
    line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        line.settimeout(15)
        line.connect(address)
        bc_step("TCP connected")
        start = time.ticks_ms()
        secured = bc_tls.wrap_socket(line, server_hostname=broker["host"])
        took = time.ticks_diff(time.ticks_ms(), start)
        bc_step("mutual TLS up")
        secured.close()
    finally:
        line.close()
    bc_step("closed")
    print(json.dumps(took))
"""
