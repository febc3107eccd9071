"""The input of a site's installation: the few questions of `badgeclock site init`, or a file with answers.

A file is TOML with the names below; the terminal prompts for missing ones. The table [authority] is that of
bridge.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from badgeclock import text_file
from badgeclock.bridge.presences.regimes import Regime
from badgeclock.errors import SettingsError

AUTHORITY: Final = {"kind": "file", "path": "declarations.csv"}
"""Until access to the authority is granted: declarations go to a file, and nobody gets a number."""


class Services(StrEnum):
    """What keeps the parts running."""

    SYSTEMD = "systemd"
    COMPOSE = "compose"
    HAND = "hand"
    """Started by hand, or by `badgeclock site run`."""


class Answers(BaseModel):
    """All answers. Ports are TCP."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    site: str = Field(min_length=1)
    workplace: str = Field(min_length=1)
    regime: Regime = Regime.CONSTRUCTION
    employer: str = Field(min_length=1)
    employer_name: str = Field(min_length=1)
    broker_name: str = "localhost"
    """The broker's name for clocks."""
    broker_port: int = Field(default=8883, ge=1, le=65535)
    account: str = "admin"
    """The administrator's account of the operators' pages."""
    console_port: int = Field(default=8450, ge=1, le=65535)
    http_port: int = Field(default=9480, ge=1, le=65535)
    store_port: int = Field(default=5433, ge=1, le=65535)
    """PostgreSQL's port, in containers; 5432 may be used by this machine's own."""
    services: Services = Services.SYSTEMD
    user: str = "badgeclock"
    """The user of bridge and console, under systemd."""
    authority: dict[str, Any] = AUTHORITY


class Question(NamedTuple):
    """The questions, and the default answers."""

    name: str
    words: str
    default: str | None = None


QUESTIONS: Final = (
    Question("site", "The site's name, as on its clocks"),
    Question("workplace", "Its number in the declaration of works"),
    Question("regime", f"Its regime ({', '.join(Regime)})", Regime.CONSTRUCTION.value),
    Question("employer", "The employer's enterprise number (KBO/BCE)"),
    Question("employer_name", "The employer's name"),
    Question("broker_name", "The name or address by which clocks reach this machine", "localhost"),
    Question("account", "The account of the operators' pages", "admin"),
    Question("services", f"What keeps it running ({', '.join(Services)})", Services.SYSTEMD.value),
)


def read(path: Path | None, ask: Callable[[Question], str] | None) -> Answers:
    """The answers from a file, and, for missing ones, from a person; `ask` None: no prompts. Raises SettingsError,
    which names what is missing or wrong.
    """
    given: dict[str, Any] = {}
    if path is not None:
        try:
            given = tomllib.loads(text_file.read(path))
        except (OSError, ValueError) as error:
            raise _refused(f"{path} cannot be read as TOML ({type(error).__name__})", "correct the file") from None
    for question in QUESTIONS:
        if question.name in given:
            continue
        if ask is not None and path is None:
            given[question.name] = ask(question)
        elif question.default is None:
            raise _refused(
                f"`{question.name}` is not answered: {question.words.lower()}",
                "put it into the file of --answers, or give the command at a terminal without it",
            )
    return checked(given)


def checked(given: Mapping[str, Any]) -> Answers:
    """The checked answers. Raises SettingsError."""
    try:
        return Answers.model_validate(given)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise _refused(f"the answers do not hold: {wrong}", "correct these") from None


def _refused(what: str, do: str) -> SettingsError:
    return SettingsError(what=what, kept="nothing was made", do=do)
