"""The settings of bridge and console: all of bridge.toml, without secrets.

Secrets are never settings, only the names of the files that hold them; user and password in a URL are removed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from badgeclock import __version__
from badgeclock.bridge.accounts.roles import Right
from badgeclock.bridge.settings import BridgeSettings
from badgeclock.console.site import Console

Sections = Mapping[str, Mapping[str, str]]
"""Settings as text, by section and name."""
_IN_URL: Final = re.compile(r"(?<=//)[^/@\s]*@")
_QUERY: Final = re.compile(r"\?.*$")


def shown(settings: BridgeSettings) -> Sections:
    """The settings as a page may show them."""
    sections = {}
    for name in type(settings).model_fields:
        section = getattr(settings, name)
        if isinstance(section, BaseModel):
            sections[name] = {key: _text(getattr(section, key)) for key in type(section).model_fields}
    return sections


def _text(value: Any) -> str:
    if value is None or value == ():
        return "\u2013"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(_text, value))
    if isinstance(value, BaseModel):
        return ", ".join(f"{key} {_text(getattr(value, key))}" for key in type(value).model_fields)
    text = _IN_URL.sub("…@", str(value))
    return _QUERY.sub("?…", text) if "://" in text else text


def add(app: FastAPI, console: Console, sections: Sections | None) -> None:
    """The page of this file."""

    @app.get("/settings")
    async def settings_page(request: Request) -> Response:
        who = await console.admitted(request, Right.BOOK)
        if isinstance(who, Response):
            return who
        return console.page(request, "settings.html", who, sections=sections or {}, running=__version__)
