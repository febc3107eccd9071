"""Settings and secrets: a right file is accepted whole, a wrong one refused whole, with the field's name and no
secret."""

import json
import random

from app.errors import SettingsError
from app.settings import REMOTE, Secrets, Settings
from app.settings import changed as changed_by_bridge

GOOD = {
    "v": 1,
    "clock_id": "clock-0001",
    "site": "Demo site",
    "language": "en",
    "direction": "auto",
    "duplicate_window_s": 60,
    "broker": {"host": "localhost", "port": 8883},
    "wifi": {"ssid": "site"},
    "timezone": "Europe/Brussels",
    "heartbeat_s": 600,
    "message_s": 2,
}
KEYS = {"v": 1, "link_key": "ab" * 32, "site_key": "cd" * 32, "wifi_password": "open sesame"}


def changed(fields, path, value):
    fields = json.loads(json.dumps(fields))
    part = fields
    for name in path[:-1]:
        part = part[name]
    if value is Settings:  # the sign for "leave it out"
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return json.dumps(fields)


def refusal(kind, text):
    """The error's text; the file must be refused."""
    try:
        kind(text)
    except SettingsError as error:
        return str(error)
    raise AssertionError("taken: %r" % (text,))


def test_a_right_file_is_taken():
    settings = Settings(json.dumps(GOOD))
    assert settings.clock_id == "clock-0001" and settings.broker_host == "localhost"
    assert (settings.broker_port, settings.wifi_ssid, settings.message_s) == (8883, "site", 2)
    secrets = Secrets(json.dumps(KEYS).encode())
    assert secrets.link_key == b"\xab" * 32 and secrets.site_key == b"\xcd" * 32
    assert secrets.wifi_password == "open sesame"
    assert (settings.badges, settings.badge_ev1, secrets.badge_key) == ("uid", "refuse", None)


def test_badges_that_prove_themselves_are_a_choice_with_a_key():
    for badges in ("uid", "both", "proved"):
        for ev1 in ("refuse", "allow"):
            settings = Settings(json.dumps(dict(GOOD, badges=badges, badge_ev1=ev1)))
            assert (settings.badges, settings.badge_ev1) == (badges, ev1)
    for field, wrong in (("badges", ("", "none", "UID", 1, None, True)), ("badge_ev1", ("", "yes", True, None))):
        for value in wrong:
            assert field in refusal(Settings, json.dumps(dict(GOOD, **{field: value})))
    assert Secrets(json.dumps(dict(KEYS, badge_key="ef" * 16))).badge_key == b"\xef" * 16
    for value in ("ef" * 15, "ef" * 32, "xy" * 16, "", None, 7):
        told = refusal(Secrets, json.dumps(dict(KEYS, badge_key=value)))
        assert "badge_key" in told and "32 hex digits" in told and "ef" * 15 not in told


def test_the_keys_that_a_site_had_later_stand_behind_its_first_one():
    for later in ("", "01" * 32, "01" * 32 + "02" * 32, "0f" * 32 * 7):
        secrets = Secrets(json.dumps(dict(KEYS, later_site_keys=later)))
        assert secrets.site_key == b"\xcd" * 32 + bytes.fromhex(later)
    for value in ("01" * 31, "01" * 33, "01" * 63, "xy" * 32, "01" * 32 * 8, None, 7, True, []):
        told = refusal(Secrets, json.dumps(dict(KEYS, later_site_keys=value)))
        assert "later_site_keys" in told and "01" * 31 not in told, value


def test_every_field_is_required_and_named_when_it_is_missing():
    for path in [(name,) for name in GOOD] + [("broker", "host"), ("broker", "port"), ("wifi", "ssid")]:
        assert path[-1] in refusal(Settings, changed(GOOD, path, Settings)), path
    for name in KEYS:
        assert name in refusal(Secrets, changed(KEYS, (name,), Settings)), name


def test_volume_and_quiet_hours_may_be_missing():
    settings = Settings(json.dumps(GOOD))
    assert settings.volume == 3 and settings.quiet_hours is None
    settings = Settings(changed(changed_fields(GOOD, volume=0, quiet_hours="22:00-06:30"), ("message_s",), 3))
    assert settings.volume == 0 and settings.quiet_hours == (1320, 390)


def test_hours_of_direction_and_a_time_server_may_be_missing():
    settings = Settings(json.dumps(GOOD))
    assert (settings.direction_hours, settings.ntp) == (14, "")
    settings = Settings(json.dumps(changed_fields(GOOD, direction_hours=48, ntp="time.example")))
    assert (settings.direction_hours, settings.ntp) == (48, "time.example")


def changed_fields(fields, **more):
    fields = dict(fields)
    fields.update(more)
    return fields


def test_every_field_has_limits():
    for path, values in (
        (("v",), (0, 2, "1", True, None)),
        (("clock_id",), ("ab", "x" * 24, "Clock-1", "clock 1", "clock/1", 7, "klok-é1")),
        (("site",), ("", "x" * 41, "a\nb", "a\x7f", "a\x9f", 5)),
        (("language",), ("x", "", "NL", "nl/x", "abcdefghi", 1, None, [])),
        (("direction",), ("both", "IN", 0)),
        (("duplicate_window_s",), (-1, 3601, 1.5, "60", True)),
        (("broker",), (None, [], "localhost")),
        (("broker", "host"), ("", 5, "x" * 254)),
        (("broker", "port"), (0, 65536, "8883", False)),
        (("broker", "host"), ("Liège",)),
        (("wifi", "ssid"), ("", "x" * 33, "é" * 17, "a\tb")),
        (("timezone",), ("Mars/Olympus", "", 1)),
        (("heartbeat_s",), (9, 3601, 10.5)),
        (("message_s",), (0, 10)),
        (("direction_hours",), (0, 49, 1.5, "14", True, None)),
        (("ntp",), (None, 5, "x" * 254, "\n")),
        (("volume",), (-1, 4, 1.5, "3", True)),
        (
            ("quiet_hours",),
            (None, 22, "22-06", "24:00-06:00", "22:60-06:00", "22:00-22:00", "-2:00-06:00", "22:00_06:00"),
        ),
    ):
        for value in values:
            assert path[-1] in refusal(Settings, changed(GOOD, path, value)), (path, value)


def test_names_of_sites_and_networks_are_what_people_call_them():
    for name in ("Liège", "Łódź", "Jan\u2019s iPhone", "é" * 16):
        assert Settings(changed(GOOD, ("site",), name)).site == name
        assert Settings(changed(GOOD, ("wifi", "ssid"), name)).wifi_ssid == name
    assert Settings(changed(GOOD, ("site",), "é" * 40)).site == "é" * 40


def test_no_message_quotes_a_secret():
    for name in ("link_key", "site_key"):
        for value in ("ab" * 31, "ab" * 33, "zz" * 32, 5, "abc"):
            text = refusal(Secrets, changed(KEYS, (name,), value))
            assert name in text and str(value) not in text
    assert "x" * 65 not in refusal(Secrets, changed(KEYS, ("wifi_password",), "x" * 65))
    assert Secrets(changed(KEYS, ("wifi_password",), "0f" * 32)).wifi_password == "0f" * 32, "a key, not a password"


def test_what_is_no_object_is_refused():
    for text in ("", "{", "[]", "null", "5", '"x"', b"\xff\xfe\x00", '{"v":1', "[" * 5000, '{"v":1e999}'):
        assert "settings.json" in refusal(Settings, text)


def test_random_damage_is_refused_or_gives_settings_within_their_limits():
    random.seed(3)
    good = json.dumps(GOOD).encode()
    taken = 0
    for _ in range(1500):
        text = bytearray(good)
        for _ in range(1 + random.getrandbits(2)):
            at = random.randrange(len(text))
            if random.getrandbits(1):
                text[at] = random.getrandbits(8)
            else:
                text = text[:at] + text[at + 1 + random.getrandbits(3) :]
        try:
            settings = Settings(bytes(text))
        except SettingsError:
            continue
        taken += 1
        assert 3 <= len(settings.clock_id) <= 23 and 1 <= len(settings.site) <= 40
        assert 0 <= settings.duplicate_window_s <= 3600 and 0 < settings.broker_port < 65536
        assert settings.direction in ("auto", "in", "out") and 1 <= settings.message_s <= 9
    assert 0 < taken < 750, taken


def test_the_bridge_changes_what_it_may_and_nothing_else_and_an_older_version_changes_nothing():
    before = json.dumps(dict(GOOD, display="ssd1306"))
    after = changed_by_bridge(before, b'{"language": "nl", "volume": 1, "quiet_hours": "22:00-06:00"}', 7)
    settings, fields = Settings(after), json.loads(after)
    assert (settings.language, settings.volume, settings.quiet_hours) == ("nl", 1, (1320, 360))
    assert settings.version == 7 and settings.site == "Demo site" and fields["display"] == "ssd1306"
    assert Settings(before).version == 0
    assert changed_by_bridge(after, b'{"language": "fr"}', 7) is None
    assert changed_by_bridge(after, b'{"language": "fr"}', 6) is None
    for field in [name for name in GOOD if name not in REMOTE] + ["version", "badges", "badge_ev1", "x" * 900]:
        told = refusal(lambda wanted: changed_by_bridge(before, wanted, 8), json.dumps({field: GOOD.get(field, 1)}))
        assert "cannot be changed by the bridge" in told and len(told) < 80, told
    for wanted in (
        "",
        "[]",
        "nul",
        "null",
        '{"volume": 4}',
        '{"site": ""}',
        '{"quiet_hours": "22:00"}',
        '{"timezone": "Mars/Base"}',
        '{"site": "' + "x" * 3000 + '"}',
        "[" * 2000,
    ):
        refusal(lambda wanted: changed_by_bridge(before, wanted, 8), wanted)


def test_random_settings_of_the_bridge_are_taken_whole_or_refused():
    random.seed(20261126)
    good = json.dumps({"language": "nl", "volume": 2, "message_s": 5, "quiet_hours": "22:00-06:00"})
    taken = 0
    for _ in range(300):
        text = bytearray(good.encode())
        for _ in range(random.randrange(3)):
            text[random.randrange(len(text))] = random.choice(b'0123456789{}[]":,.-eE+ntfabc\\ \xff')
        try:
            after = changed_by_bridge(json.dumps(GOOD), bytes(text), 1)
        except SettingsError:
            continue
        taken += 1
        assert Settings(after).version == 1
    assert 50 < taken < 290
