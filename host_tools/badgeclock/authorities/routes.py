"""How calls get from a company's network to an authority: the proxy, and trusted certificates.

    proxy  a URL in the settings; "" for none; absent: HTTPS_PROXY, with NO_PROXY's exceptions
    ca     a PEM file with the company's own certificate authorities, trusted besides the public ones

A company's proxy that inspects TLS uses its own certificate authority. Connections to this machine use no proxy.
"""

from __future__ import annotations

import ssl
import urllib.request
from pathlib import Path
from typing import Final

import httpx

from badgeclock.authorities.services import on_this_machine
from badgeclock.authorities.transport import has_place
from badgeclock.errors import SettingsError

_ENVIRONMENT: Final = ("https", "all")
"""The first that is set of HTTPS_PROXY, https_proxy, ALL_PROXY and all_proxy, as read by urllib."""


class Route:
    """The way to a service's URLs. Raises SettingsError if proxy or certificates cannot be used."""

    def __init__(self, proxy: str | None = None, ca: Path | None = None) -> None:
        if proxy:
            _check_proxy(proxy, "proxy under [authority]")
            if httpx.URL(proxy).userinfo:
                raise _unfit("proxy under [authority] holds a name and password", "keep them in HTTPS_PROXY alone")
        self._proxy = proxy
        self.tls = _trusting(ca)

    def proxy_of(self, url: str) -> str | None:
        """The proxy for a URL, None for none."""
        if on_this_machine(url):
            return None
        if self._proxy is not None:
            return self._proxy or None
        found = urllib.request.getproxies_environment()
        if urllib.request.proxy_bypass(httpx.URL(url).host):
            return None
        named = next((found[scheme] for scheme in _ENVIRONMENT if found.get(scheme)), None)
        if named is None:
            return None
        proxy = named if "://" in named else f"http://{named}"
        _check_proxy(proxy, "HTTPS_PROXY in the environment")
        return proxy


def _check_proxy(url: str, where: str) -> None:
    if not has_place(url) or httpx.URL(url).scheme not in ("http", "https"):
        raise _unfit(f"{where} is no URL of a proxy", "write http://proxy.example:3128, or leave it out")


def _trusting(ca: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if ca is None:
        return context
    try:
        context.load_verify_locations(cafile=ca)
    except (OSError, ssl.SSLError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise _unfit(
            f"ca under [authority]: {ca} cannot be used ({why})", "name a PEM file with the company's own authorities"
        ) from None
    return context


def _unfit(what: str, do: str) -> SettingsError:
    return SettingsError(what=what, kept="nothing was sent; what is queued waits", do=do)
