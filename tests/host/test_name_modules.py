"""Modules that only the firmware imports get names that the interpreter has; others keep theirs."""

from __future__ import annotations

import pytest

from badgeclock.errors import ProvisionError
from badgeclock.technician.interpreter_names import EVERYWHERE, MODULES
from badgeclock.technician.name_modules import name, names

HOUSE = {
    "app/__init__.py": "",
    "app/record.py": "KIND = 1\n",
    "app/link.py": "from app.record import KIND\n\nname = 'app.page'\n",
    "app/page.py": "from app import (\n    link,\n    record,\n)\n\nprint(link.name, record.KIND)\n",
    "drivers/led.py": "from app import link as joined\n",
    "main.py": "import app.record\n",
}


def test_modules_get_names_of_the_interpreter_and_imports_and_texts_follow() -> None:
    given = names(HOUSE, "app.record.KIND")
    assert set(given) == {"app/link.py", "app/page.py", "drivers/led.py"}
    assert len(set(given.values())) == 3
    assert set(given.values()) <= EVERYWHERE - MODULES
    made = name(HOUSE, "app.record.KIND")
    link, page, led = (given[path] for path in ("app/link.py", "app/page.py", "drivers/led.py"))
    kept = {path: HOUSE[path] for path in ("app/__init__.py", "app/record.py", "main.py")}
    assert made == kept | {
        f"{link}.py": f"from app.record import KIND\n\nname = '{page}'\n",
        f"{page}.py": f"from app import record; import {link} as link\n\n\n\n\nprint(link.name, record.KIND)\n",
        f"{led}.py": f"import {link} as joined\n",
    }


def test_an_import_that_cannot_be_changed_is_refused() -> None:
    with pytest.raises(ProvisionError, match="write from package import module"):
        name({"app/a.py": "", "app/b.py": "import app.a\n"})
