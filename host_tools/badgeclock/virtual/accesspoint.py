"""The access point in reach of a virtual clock: joins its station, resolves names, forwards its connections.

The clock's sockets are real ones that end at a forwarder on loopback, one for each requested host and port. Bytes pass
unchanged, so TLS runs end to end. Datagrams reach the time server, and the name server as the router's own and as the
hosts around that answer for .local; it gives each name an address that means something here only. The network's moods:

- up: everything passes.
- down: the station is dropped (after its beacon timeout), nothing passes, connections are reset when the
  network is back; joining finds no access point.
- forgotten: the access point silently forgot its station: the station still reports itself joined, with its
  address, and nothing passes until it leaves and joins again.
- moved: the access point is on another channel now: after the beacon timeout the port tries again, on the old channel
  only, and finds it once the radio was off and on.
- refusing: the station is dropped, and refused whenever it joins.
- late-address: the station is dropped, joins again, and has an address only LATE_ADDRESS_S after it joined.
- nowhere: the station is dropped, and the next NOWHERE_JOINS times that it joins its address leads nowhere, as if the
  wrong router had been the first to give one.
- silent: the station stays joined but nothing passes either way and new connections hang, as behind a dead router.
- deaf-dns, nameless-dns, rubbish-dns: as up, but the name server never answers, has no names, or answers nonsense.
- deaf-ntp, lying-ntp, lost-ntp, rubbish-ntp: as up, but the time server (every host answers as one),
  never answers, is three years ahead, reports that it has no time itself, or answers nonsense.

A station's status is like MicroPython's own (ports/esp32/network_wlan.c, v1.25): while a connection is wanted and
absent it is "connecting", for any reason, because the port retries forever.

These are faults of the air and the site's router; those of the way to the broker are badgeclock.chaos's.
"""

from __future__ import annotations

import contextlib
import ipaddress
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal

from badgeclock.listeners import fill_queue, listen
from badgeclock.virtual import timeserver
from badgeclock.virtual.nameserver import LOOPBACK, NameServer, Temper
from badgeclock.virtual.timeserver import TimeServer

ROUTER: Final = "192.168.4.1"
NAME_SERVERS: Final = {(ROUTER, 53), ("224.0.0.251", 5353)}
NTP_PORT: Final = 123
# Addresses of names: a network that is nobody's (RFC 2544).
NAMED: Final = ipaddress.IPv4Network("198.18.0.0/15")
# lwIP's resolver on the ESP32 gives up after about this long (DNS_MAX_RETRIES 4, one second more each time).
DNS_TIMEOUT_S = 14.0
# The ESP32 drops its station after this long without a beacon (esp_wifi_set_inactive_time, default 6 s; 3 s is its
# minimum).
BEACON_TIMEOUT_S = 3.0
JOIN_S = 0.3
LATE_ADDRESS_S = 150.0
NOWHERE_JOINS = 2
BUFFER_BYTES = 65536
# Bytes held for a side that does not read, before the other is not read either.
HELD_BYTES = 262_144

STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010


class Network(Enum):
    """The network's moods, see above."""

    UP = "up"
    DOWN = "down"
    SILENT = "silent"
    FORGOTTEN = "forgotten"
    MOVED = "moved"
    REFUSING = "refusing"
    LATE_ADDRESS = "late-address"
    NOWHERE = "nowhere"
    DEAF_DNS = "deaf-dns"
    NAMELESS_DNS = "nameless-dns"
    RUBBISH_DNS = "rubbish-dns"
    DEAF_NTP = "deaf-ntp"
    LYING_NTP = "lying-ntp"
    LOST_NTP = "lost-ntp"
    RUBBISH_NTP = "rubbish-ntp"

    @property
    def passes(self) -> bool:
        """Whether bytes pass, for a properly joined station."""
        return self not in (Network.DOWN, Network.SILENT)

    @property
    def drops(self) -> bool:
        """Whether the station loses its connection as this begins."""
        return self in (Network.REFUSING, Network.LATE_ADDRESS, Network.NOWHERE)

    @property
    def name_server(self) -> Temper:
        """The behaviour of the name server."""
        return {
            Network.DOWN: Temper.SILENT,
            Network.SILENT: Temper.SILENT,
            Network.DEAF_DNS: Temper.SILENT,
            Network.NAMELESS_DNS: Temper.NAMELESS,
            Network.RUBBISH_DNS: Temper.RUBBISH,
        }.get(self, Temper.RIGHT)

    @property
    def time_server(self) -> timeserver.Temper:
        """The behaviour of the time server."""
        return {
            Network.DOWN: timeserver.Temper.SILENT,
            Network.SILENT: timeserver.Temper.SILENT,
            Network.DEAF_NTP: timeserver.Temper.SILENT,
            Network.LYING_NTP: timeserver.Temper.LYING,
            Network.LOST_NTP: timeserver.Temper.LOST,
            Network.RUBBISH_NTP: timeserver.Temper.RUBBISH,
        }.get(self, timeserver.Temper.RIGHT)


@dataclass(frozen=True)
class WifiSettings:
    """The access point's requirements for a station. `ssid` None: any network name is this one's, with any password."""

    ssid: str | None = None
    password: str = ""
    rssi_dbm: int = -58


@dataclass(eq=False)
class _Leg:
    """One socket of a forwarded connection, and what is still to be sent to it."""

    sock: socket.socket
    side: Literal["clock", "world"]
    other: _Leg | None = None  # None: the clock vanished silently
    outgoing: bytearray = field(default_factory=bytearray)
    connecting: bool = False
    ended: bool = False  # the peer of `sock` has sent all it will
    close_when_sent: bool = False


class AccessPoint:
    """One access point, with its own thread while it is open. `note(kind, **fields)` receives wlan events."""

    def __init__(
        self,
        settings: WifiSettings | None = None,
        *,
        note: Callable[..., object] = lambda *_args, **_fields: None,
        resolve: Callable[[str, int], tuple[str, int]] | None = None,
    ) -> None:
        self.settings = settings or WifiSettings()
        self._note = note
        self._resolve_host = resolve or _resolve_host
        self._lock = threading.RLock()
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.settimeout(0)
        self._wake_out.settimeout(0)
        self._selector.register(self._wake_in, selectors.EVENT_READ, None)
        self._listeners: dict[tuple[str, int], socket.socket] = {}
        self._targets: dict[socket.socket, tuple[str, int]] = {}
        self._addresses: dict[str, str] = {}  # of names
        self._fillers: list[socket.socket] = []
        self._legs: set[_Leg] = set()
        self._network = Network.UP
        self._dropped_at_s = 0.0
        self._active = False
        self._wanted: tuple[str, str] | None = None
        self._joined_at_s: float | None = None
        self._on_old_channel = False
        self._led_nowhere = 0  # how many more times that it joins, the station's address leads nowhere
        self._is_lost = False  # nothing reaches the station as it is joined now
        self._passes = True
        self._known_state = STAT_IDLE
        self._stopping = False
        self._name_server = NameServer(self.address_of, self._name_server_temper)
        self._time_server = TimeServer(time.time, self._time_server_temper)
        self._thread = threading.Thread(target=self._run, name="access point", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Reset every connection and stop."""
        with self._lock:
            self._stopping = True
        self._name_server.close()
        self._time_server.close()
        self._wake()
        self._thread.join()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    # ---- the network's mood

    @property
    def network(self) -> Network:
        """The present mood."""
        return self._network

    def set_network(self, mood: Network) -> None:
        """Change the mood. Connections through which nothing passed are reset when bytes pass again."""
        with self._lock:
            if mood is self._network:
                return
            before, self._network = self._network, mood
            now = time.monotonic()
            was_joined = self._wanted is not None and self._joined_at_s is not None and self._joined_at_s <= now
            if mood in (Network.DOWN, Network.MOVED):
                self._dropped_at_s = now
            self._on_old_channel = mood is Network.MOVED and was_joined
            self._led_nowhere = NOWHERE_JOINS if mood is Network.NOWHERE else 0
            self._is_lost = mood is Network.FORGOTTEN and was_joined
            held_off = before in (Network.DOWN, Network.MOVED, Network.REFUSING, Network.LATE_ADDRESS)
            if (held_off or mood.drops) and self._wanted is not None:
                self._associate(now)
            self._see_what_passes()
        self._note("network", mood=mood.value)
        self._wake()

    def _associate(self, now: float) -> None:
        """The station joins, at its owner's wish or the port's."""
        self._is_lost = self._led_nowhere > 0
        self._led_nowhere = max(0, self._led_nowhere - 1)
        self._joined_at_s = now + JOIN_S
        if self._network is Network.LATE_ADDRESS:
            self._joined_at_s += LATE_ADDRESS_S

    def _see_what_passes(self) -> None:
        passes = self._network.passes and not self._is_lost
        if passes != self._passes:
            self._passes = passes
            if passes:
                for leg in list(self._legs):
                    self._reset(leg)
            self._listen_again()

    # ---- the station

    def power_off(self) -> None:
        """The clock lost its power or was reset: the station is gone, and its peers get no notice.

        Call it before the process of the clock ends, which would close the connections in good order.
        """
        with self._lock:
            self._active = False
            self._wanted = None
            self._joined_at_s = None
            for leg in list(self._legs):
                if leg.side == "clock":
                    self._vanish(leg)
        self.status()
        self._wake()

    def _vanish(self, leg: _Leg) -> None:
        """Close the clock's leg; the world's stays open, silent, until its peer gives up."""
        if leg.other is not None:
            leg.other.other = None
            leg.other.outgoing.clear()
        leg.other = None
        self._drop(leg)

    def activate(self, on: int) -> None:
        """WLAN.active()."""
        with self._lock:
            self._active = bool(on)
            if not on:
                self._on_old_channel = False
                self.leave()

    def join(self, ssid: str, password: str) -> None:
        """WLAN.connect(): joined JOIN_S later, if this is the network and the password."""
        with self._lock:
            self._wanted = (ssid, password)
            self._associate(time.monotonic())
            self._see_what_passes()
        self._wake()

    def leave(self) -> None:
        """WLAN.disconnect()."""
        with self._lock:
            self._wanted = None
            self._joined_at_s = None

    def status(self) -> int:
        """WLAN.status()."""
        with self._lock:
            state = self._status(time.monotonic())
            if state != self._known_state:
                if STAT_GOT_IP in (state, self._known_state):
                    self._note("wlan", state="joined" if state == STAT_GOT_IP else "lost", status=state)
                self._known_state = state
            return state

    def _status(self, now: float) -> int:
        if not self._active or self._wanted is None or self._joined_at_s is None:
            return STAT_IDLE
        ssid, password = self._wanted
        is_here = self._network is not Network.DOWN and not self._on_old_channel
        if not is_here:
            was_joined = self._joined_at_s <= self._dropped_at_s
            return STAT_GOT_IP if was_joined and now - self._dropped_at_s < BEACON_TIMEOUT_S else STAT_CONNECTING
        own = self.settings
        is_let_in = own.ssid is None or (ssid, password) == (own.ssid, own.password)
        if now < self._joined_at_s or not is_let_in or self._network is Network.REFUSING:
            return STAT_CONNECTING
        return STAT_GOT_IP

    @property
    def active(self) -> bool:
        """WLAN.active()."""
        return self._active

    @property
    def joined(self) -> bool:
        """WLAN.isconnected()."""
        return self.status() == STAT_GOT_IP

    # ---- names and connections

    def resolve(self, host: str, port: int) -> int | None:
        """The loopback port that stands for `host` and `port`, or None if the name cannot be resolved.

        As the port's getaddrinfo: an address is returned at once, a name may block its caller for DNS_TIMEOUT_S.
        """
        if not self.joined:
            return None
        if (host, port) in NAME_SERVERS:
            return self._name_server.port
        if port == NTP_PORT and _is_address(host):
            return self._time_server.port
        if not _is_address(host):
            if not self._wait_for_name_server() or (named := self.address_of(host)) is None:
                return None
            host = named
        try:
            target = self._resolve_host(self._name_of(host), port)
        except OSError:
            return None
        with self._lock:
            listener = self._listeners.get(target)
            if listener is None:
                listener = listen(LOOPBACK, 0, backlog=0)
                self._listeners[target] = listener
                self._targets[listener] = target
                if self._passes:
                    self._selector.register(listener, selectors.EVENT_READ, listener)
                else:
                    self._fillers += fill_queue(listener)
            local: int = listener.getsockname()[1]
        self._wake()
        return local

    def address_of(self, name: str) -> str | None:
        """The address that stands for `name` in this network, None if the host cannot resolve it."""
        try:
            self._resolve_host(name, 0)
        except (OSError, UnicodeError):
            return None
        with self._lock:
            return self._addresses.setdefault(name.lower(), str(NAMED[1 + len(self._addresses)]))

    def _name_of(self, address: str) -> str:
        """The name that was given this address; any other address stands for itself."""
        with self._lock:
            return next((name for name, given in self._addresses.items() if given == address), address)

    def _name_server_temper(self) -> Temper:
        return self._network.name_server if self.joined and not self._is_lost else Temper.SILENT

    def _time_server_temper(self) -> timeserver.Temper:
        return self._network.time_server if self.joined and not self._is_lost else timeserver.Temper.SILENT

    def _wait_for_name_server(self) -> bool:
        """Whether a name can be looked up; waits as long for it as lwIP does."""
        deadline = time.monotonic() + DNS_TIMEOUT_S
        while time.monotonic() < deadline and self.joined and not self._stopping:
            temper = self._name_server_temper()
            if temper in (Temper.RIGHT, Temper.NAMELESS):
                return temper is Temper.RIGHT
            time.sleep(0.02)
        return False

    def _listen_again(self) -> None:
        """Accept connections while bytes pass; else leave the backlog full, so that a new connection hangs."""
        for target, listener in list(self._listeners.items()):
            registered = listener in self._selector.get_map()
            if self._passes and not registered:
                local = listener.getsockname()[1]
                listener.close()
                fresh = listen(LOOPBACK, local, backlog=0)
                del self._targets[listener]
                self._listeners[target] = fresh
                self._targets[fresh] = target
                self._selector.register(fresh, selectors.EVENT_READ, fresh)
            elif not self._passes and registered:
                self._selector.unregister(listener)
                self._fillers += fill_queue(listener)
        if self._passes:
            for filler in self._fillers:
                filler.close()
            self._fillers.clear()

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._wake_out.send(b"x")

    def _run(self) -> None:
        while True:
            ready = self._selector.select(1.0)
            with self._lock:
                if self._stopping:
                    for leg in list(self._legs):
                        self._reset(leg)
                    for sock in (*self._listeners.values(), *self._fillers):
                        sock.close()
                    return
                for key, mask in ready:
                    if key.data is None:
                        with contextlib.suppress(BlockingIOError):
                            self._wake_in.recv(4096)
                    elif isinstance(key.data, _Leg):
                        if key.data in self._legs:
                            self._serve(key.data, mask)
                    elif key.data in self._targets:
                        self._accept(key.data)
                for leg in list(self._legs):
                    self._watch(leg)

    def _accept(self, listener: socket.socket) -> None:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        host, port = self._targets[listener]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        far = socket.socket(family, socket.SOCK_STREAM)
        for sock in (near, far):
            sock.settimeout(0)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        far.connect_ex((host, port))
        one, two = _Leg(near, "clock"), _Leg(far, "world", connecting=True)
        one.other, two.other = two, one
        self._legs |= {one, two}
        self._note("connection", state="opened", host=host, port=port)

    def _watch(self, leg: _Leg) -> None:
        """Register this leg's present interests with the selector."""
        wanted = 0
        if leg.connecting:
            wanted = selectors.EVENT_WRITE
        elif self._passes:
            if not leg.ended and (leg.other is None or len(leg.other.outgoing) < HELD_BYTES):
                wanted |= selectors.EVENT_READ
            if leg.outgoing or leg.close_when_sent:
                wanted |= selectors.EVENT_WRITE
        registered = self._selector.get_map().get(leg.sock)
        if registered is None:
            if wanted:
                self._selector.register(leg.sock, wanted, leg)
        elif not wanted:
            self._selector.unregister(leg.sock)
        elif registered.events != wanted:
            self._selector.modify(leg.sock, wanted, leg)

    def _serve(self, leg: _Leg, mask: int) -> None:
        other = leg.other
        if leg.connecting and mask & selectors.EVENT_WRITE:
            if leg.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._reset(leg)
                return
            leg.connecting = False
        if not self._passes:
            return
        try:
            if mask & selectors.EVENT_READ and not leg.ended:
                data = leg.sock.recv(BUFFER_BYTES)
                if other is None:
                    if not data:
                        self._drop(leg)
                    return
                if data:
                    other.outgoing += data
                    if not other.connecting:
                        self._send(other)
                else:
                    leg.ended = True
                    other.close_when_sent = True
            if mask & selectors.EVENT_WRITE and not leg.connecting:
                self._send(leg)
        except BlockingIOError:
            return
        except OSError:
            self._reset(leg)

    def _send(self, leg: _Leg) -> None:
        if leg.outgoing:
            try:
                sent = leg.sock.send(leg.outgoing)
            except BlockingIOError:
                return
            del leg.outgoing[:sent]
        if not leg.outgoing and leg.close_when_sent:
            leg.close_when_sent = False
            leg.sock.shutdown(socket.SHUT_WR)
            if leg.ended:
                self._drop(leg)

    def _drop(self, leg: _Leg) -> None:
        """Close both legs in the orderly way."""
        for one in (leg, leg.other):
            if one is not None and one in self._legs:
                self._legs.discard(one)
                if one.sock in self._selector.get_map():
                    self._selector.unregister(one.sock)
                one.sock.close()

    def _reset(self, leg: _Leg) -> None:
        """Reset both legs: their peers read ECONNRESET."""
        for one in (leg, leg.other):
            if one is not None and one in self._legs:
                with contextlib.suppress(OSError):
                    one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._drop(leg)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolve_host(host: str, port: int) -> tuple[str, int]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # An ESP32 queries IPv4 first.
    found.sort(key=lambda info: info[0] != socket.AF_INET)
    return str(found[0][4][0]), port
