"""Names of a site's files in the workshop, so that no two sites share one."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

from badgeclock.errors import SettingsError


def site_slug(site: str) -> str:
    """The file name for a site: lower case, hyphens. Names that differ only in case or spacing are one site.

    A name with other characters than letters, digits and spaces, a hyphen among them, also gets six digits of its
    SHA-256, so that no two names share a file. Raises SettingsError for a name without any visible character.
    """
    name, slug = single_spaced(site), plain(site)
    if not name:
        raise SettingsError(what="the site has no name", kept="everything as it was", do="name the site")
    if slug == name.lower().replace(" ", "-") and "-" not in name:
        return slug
    return marked(site)


def marked(site: str) -> str:
    """The site's letters and digits, and six digits of the SHA-256 of its name."""
    return f"{plain(site) or 'site'}-{sha256(single_spaced(site).casefold().encode()).hexdigest()[:6]}"


def single_spaced(site: str) -> str:
    """A site's name with single spaces."""
    return " ".join(unicodedata.normalize("NFC", site).split())


def plain(site: str) -> str:
    """The letters and digits of a site's name in lower case, hyphens between them."""
    ascii_only = unicodedata.normalize("NFKD", single_spaced(site)).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")
