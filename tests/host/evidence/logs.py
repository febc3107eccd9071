"""The golden logs and their maker, for tests that need a clock which seals any input."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

VECTORS = Path(__file__).resolve().parents[2] / "vectors"


def _maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("badgeclock_vectors_make_logs", VECTORS / "make_logs.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


maker = _maker()
LOGS: dict[str, Any] = json.loads((VECTORS / "logs.json").read_text())


def slots_of(texts: list[str | None]) -> list[bytes | None]:
    """Slots as bytes; a burnt one stays None."""
    return [bytes.fromhex(text) if text else None for text in texts]
