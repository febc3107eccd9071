"""`badgeclock chaos`: a network and a broker with deliberate faults, between clocks and the broker."""

from __future__ import annotations

import ipaddress
import itertools
import json
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from badgeclock.chaos import faults, schedule
from badgeclock.chaos.faults import Layer
from badgeclock.chaos.proxy import Address, ChaosProxy
from badgeclock.chaos.schedule import Step
from badgeclock.cli.workshop_passphrase import opened_workshop
from badgeclock.errors import BadgeclockError, SettingsError

RANDOM_STEP_S = 10.0

app = typer.Typer(help="A network and a broker that fail on purpose, between clocks and the broker.")


@app.callback(invoke_without_command=True)
def chaos(
    *,
    listen: Annotated[str, typer.Option(help="Where clocks connect, host:port.")] = "127.0.0.1:8884",
    to: Annotated[str, typer.Option(help="The broker, host:port.")] = "localhost:8883",
    fault: Annotated[
        list[str] | None,
        typer.Option(help="A fault that is on from the start, such as slow or slow=500. Several add up."),
    ] = None,
    workshop: Annotated[
        Path | None, typer.Option(help="The site's workshop: for faults of MQTT packets, in the broker's own name.")
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option("--schedule", help="Faults one after another, again and again: '20s none; 5s slow split'."),
    ] = None,
    by_chance: Annotated[
        bool, typer.Option("--random", help="One fault after another by chance, each for about ten seconds.")
    ] = False,
    seed: Annotated[int, typer.Option(help="All chance follows from it.")] = 0,
    anywhere: Annotated[
        bool, typer.Option("--anywhere", help="Listen on an address that others can reach, too.")
    ] = False,
    explain: Annotated[bool, typer.Option("--list", help="Explain each fault and stop.")] = False,
) -> None:
    """Pass everything between clocks and broker, with faults, until Ctrl-C.

    Each line on stdin switches: the faults that are on from now on, `none` for none; an empty line only prints the
    counts. After each switch a line of JSON on stdout has the faults and how often each did something so far.
    """
    if explain:
        _explain()
        return
    address = _address(listen)
    if not anywhere:
        _refuse_others(address)
    on = " ".join(fault or [faults.NONE])
    shop = opened_workshop(workshop) if workshop is not None else None
    steps: Iterator[Step] = itertools.chain()
    if plan is not None:
        steps = schedule.repeated(schedule.written(plan))
    elif by_chance:
        layers = {Layer.BYTES} if shop is None else set(Layer)
        names = [name for name, kind in faults.FAULTS.items() if kind.layer in layers]
        steps = schedule.by_chance(seed, names, RANDOM_STEP_S)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ChaosProxy(_address(to), listen=address, workshop=shop, seed=seed, fault=on) as proxy:
        typer.echo(f"{address[0]}:{proxy.port} leads to {to}; seed {seed}. Ctrl-C ends it.", err=True)
        _print_state(proxy, on)
        threading.Thread(target=_read_switches, args=(proxy, on), daemon=True).start()
        for step in steps:
            _switch(proxy, step.fault)
            if stop.wait(step.seconds):
                break
        stop.wait()
    _print_state(proxy, faults.NONE)


def _explain() -> None:
    width = max(map(len, faults.FAULTS))
    for name, kind in faults.FAULTS.items():
        usual = "" if kind.usual is None else f" [{name}={kind.usual:g}]"
        needs = " (needs --workshop)" if kind.layer is Layer.PACKETS else ""
        typer.echo(f"{name:{width}}  {kind.explained}{usual}{needs}")


def _read_switches(proxy: ChaosProxy, on: str) -> None:
    for line in sys.stdin:
        if line.strip():
            on = line.strip() if _switch(proxy, line.strip()) else on
        else:
            _print_state(proxy, on)


def _switch(proxy: ChaosProxy, fault: str) -> bool:
    try:
        proxy.turn(fault)
    except BadgeclockError as error:
        typer.echo(f"badgeclock: {error}", err=True)
        return False
    _print_state(proxy, fault)
    return True


def _print_state(proxy: ChaosProxy, on: str) -> None:
    typer.echo(json.dumps({"faults": on, "connections": proxy.accepted, "did": proxy.counts}))


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) < 65536:
        raise SettingsError(what=f"{text!r} is no host:port", kept="nothing was started", do="write 127.0.0.1:8884")
    return host.strip("[]"), int(port)


def _refuse_others(address: Address) -> None:
    """Raises SettingsError unless only this machine can reach the address."""
    try:
        local = address[0] == "localhost" or ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        local = False
    if not local:
        raise SettingsError(
            what=f"others can reach {address[0]}",
            kept="nothing was started",
            do="say --anywhere as well if a real clock is to use this proxy",
        )
