"""Logs: one JSON object a line on stderr. Anything that looks like a national number is removed.

structlog is slow to import, and few commands log: it is imported when logging is set up, or at the first log line.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

MASK: Final = "***"
_ELEVEN_DIGITS: Final = re.compile(r"(?<!\d)\d{2}[. ]?\d{2}[. ]?\d{2}[- ]?\d{3}[. ]?\d{2}(?!\d)")
_QUIET: Final = ("gmqtt", "uvicorn.error", "uvicorn.access", "alembic", "httpx", "httpcore", "zeep", "sqlalchemy")


def mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A structlog processor: replaces whatever has the form of a national number in every text of an event."""
    return {key: masked(value) if isinstance(value, str) else value for key, value in event.items()}


def masked(text: str) -> str:
    """A text without whatever has the form of a national number."""
    return _ELEVEN_DIGITS.sub(MASK, text)


def masked_within(value: Any) -> Any:
    """The same of every text in a value of JSON, keys too; a tuple counts as a list."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {masked(key): masked_within(one) for key, one in value.items()}
    return type(value)(map(masked_within, value)) if isinstance(value, list | tuple) else value


def write(line: str) -> None:
    """Write a line to the current stderr. A line that cannot be written (closed, disk full) is lost, no more."""
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


class Named:
    """structlog's logger of a name, for modules that every command loads."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, level: str) -> Any:
        """The logger's method for a level."""
        import structlog  # noqa: PLC0415 - see the top

        return getattr(structlog.get_logger(self._name), level)


class StderrLogger:
    """The sink of structlog's lines: each level is `write`."""

    msg = debug = info = warning = error = critical = staticmethod(write)


class StderrHandler(logging.Handler):
    """Passes the libraries' lines to `write`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        write(self.format(record))


def configure(level: int = logging.INFO) -> None:
    """Set up logging for a process. Libraries log from WARNING on; gmqtt, which quotes payloads, not at all."""
    import structlog  # noqa: PLC0415 - see the top

    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: StderrLogger(),
        cache_logger_on_first_use=False,
    )
    handler = StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shared]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("gmqtt").setLevel(logging.CRITICAL + 1)
