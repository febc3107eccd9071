"""Until when a certificate is valid, read out of the file; any other bytes have no such time."""

import os
import random
from binascii import unhexlify

from app.certificate import valid_until

# Two that technician.certificates issued to a clock, in 2026 and in 2046: the end of the second is after 2049, so it is
# written in another form (RFC 5280 §4.1.2.5).
CERTIFICATES = (
    (
        "308201b030820156a003020102021409360eeca4fae376c0a86188a7b67ab9db2bb196300a06082a8648ce3d0403023024312230"
        "2006035504030c194261646765636c6f636b207369746520617574686f72697479301e170d3236303130343037303030305a170d"
        "3331303130343037303030305a30153113301106035504030c0a636c6f636b2d303030313059301306072a8648ce3d020106082a"
        "8648ce3d03010703420004f674084330fa8c9e62b8b0cf8194d5c35b230b36616da04cf69ac53157a262b84aba3cf1d4301755f6"
        "2b4c4e23d3c69ef3ef9dd1354e3fa8a2dd1013214799f5a3753073300c0603551d130101ff04023000300e0603551d0f0101ff04"
        "040302078030130603551d25040c300a06082b06010505070302301d0603551d0e04160414a4497b003d50d9d629c44ab2a87142"
        "34db1f46fc301f0603551d23041830168014fdcc1985eea96f71500afa62de9b9200bf358d49300a06082a8648ce3d0403020348"
        "0030450220535ffd20126aa753ecb973277da8f84bbea4a50b23c3adac6a194f9b6223b650022100dc5c2536c49a7ca6ecfa3e2a"
        "0b78533d3618620d4c473072921b466594db2c3c",
        1925276400,
    ),
    (
        "308201b230820158a003020102021402cc3198d0e9c17192843e7dd8abeb0cda420b42300a06082a8648ce3d0403023024312230"
        "2006035504030c194261646765636c6f636b207369746520617574686f726974793020170d3436303533313030303030305a180f"
        "32303531303533313030303030305a30153113301106035504030c0a636c6f636b2d303030313059301306072a8648ce3d020106"
        "082a8648ce3d030107034200049b71e911d7f223ab3ea3ad1bc334104d078a7d63ef99feff39d285d1bfbd5878ba44e285496c25"
        "703d4b6716752a3a64bd9bd93681f0841f1aa749db585bc0a7a3753073300c0603551d130101ff04023000300e0603551d0f0101"
        "ff04040302078030130603551d25040c300a06082b06010505070302301d0603551d0e0416041498572d4f51796641ac4bb01412"
        "2a17c5f335db80301f0603551d2304183016801442b5f481983d7508e0fd038fd4de0eb4632c8772300a06082a8648ce3d040302"
        "034800304502201c47d16671ccf18ef37bf768f4c9a08b594d3160e367d897698e8be325f4b8a3022100d4a379325db5d1279aed"
        "a7fd5da11495f181ae065ae7ece6e35967101f946177",
        2569104000,
    ),
)


def vectors():
    return [(unhexlify(der), until) for der, until in CERTIFICATES]


def test_the_end_of_every_certificate_is_read():
    for der, until in vectors():
        assert valid_until(der) == until
        assert valid_until(memoryview(der)) == until


def test_a_certificate_cut_short_anywhere_before_its_validity_has_no_end():
    for der, until in vectors():
        for length in range(len(der)):
            assert valid_until(der[:length]) is None, length


def test_damaged_bytes_give_a_time_or_none_and_nothing_else():
    random.seed(1)
    for der, _ in vectors():
        for _ in range(400):
            damaged = bytearray(der)
            for _ in range(random.randrange(1, 4)):
                damaged[random.randrange(200)] = random.getrandbits(8)
            found = valid_until(damaged)
            assert found is None or found >= 0
    for _ in range(400):
        valid_until(os.urandom(random.getrandbits(6)))
