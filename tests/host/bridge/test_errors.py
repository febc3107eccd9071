"""One exception tree for the bridge: what a person can see is in bridge/errors.py."""

from __future__ import annotations

import ast
import copy
import inspect
import pickle
from pathlib import Path

import pytest

from badgeclock import bridge
from badgeclock.bridge import errors
from badgeclock.errors import BadgeclockError

PLACE = Path(bridge.__file__).parent
TREE = [one for _, one in inspect.getmembers(errors, inspect.isclass) if one.__module__ == errors.__name__]


def exceptions_in(path: Path) -> list[str]:
    """Names of the classes in a file that derive from an exception, by the names of their bases."""
    known = {one.__name__ for one in TREE} | {"BadgeclockError", "StoreError", "SettingsError"}
    return [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and any(
            isinstance(base, ast.Name) and (base.id in known or base.id.endswith(("Error", "Exception")))
            for base in node.bases
        )
    ]


def test_no_room_has_an_exception_of_its_own_that_can_leave_it() -> None:
    elsewhere = {
        f"{path.relative_to(PLACE)}: {name}"
        for path in PLACE.rglob("*.py")
        if path != PLACE / "errors.py"
        for name in exceptions_in(path)
        if not name.startswith("_")
    }
    assert elsewhere == set()


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_an_error_of_the_bridge_says_what_was_kept_and_survives_a_process_border(kind: type[BadgeclockError]) -> None:
    own = "__init__" in vars(kind) or any("__init__" in vars(base) for base in kind.__mro__[:-1] if base in TREE)
    if own:
        wanted = [
            b"\x04\x05\x06\x07" if one.annotation == "bytes" else one.name
            for one in list(inspect.signature(kind).parameters.values())
            if one.default is inspect.Parameter.empty
        ]
        error = kind(*wanted)
    else:
        error = kind(what="what", kept="kept", do="do")
    assert all((error.what, error.kept, error.do))
    other = pickle.loads(pickle.dumps(error))  # noqa: S301 - of this test
    assert (type(other), str(other)) == (kind, str(error)) == (type(copy.copy(error)), str(error))
