"""The `badgeclock` command: one module a noun, assembled here.

Data goes to stdout, talk to stderr. Exit codes are those of `badgeclock.errors`.
"""

import sys

import typer

from badgeclock.cli import (
    badge,
    bridge,
    ca,
    chaos,
    clock,
    custody,
    demo,
    imports,
    journal,
    presence,
    sandbox,
    tokens,
    virtual,
)
from badgeclock.errors import BadgeclockError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Badgeclock: from a badge on a reader to a reception number on the clock's display.",
)
bridge.app.add_typer(imports.app)
bridge.app.add_typer(tokens.app, name="token")
for name, part in (
    ("keys", custody.keys_app),
    ("audit", custody.audit_app),
    ("backup", custody.backup_app),
    ("retention", custody.retention_app),
    ("person", custody.person_app),
):
    bridge.app.add_typer(part, name=name)
app.add_typer(demo.app, name="demo")
app.add_typer(clock.app, name="clock")
app.add_typer(bridge.app, name="bridge")
bridge.app.add_typer(presence.app, name="presence")
app.add_typer(badge.app, name="badge")
app.add_typer(journal.app, name="journal")
app.add_typer(ca.app, name="ca")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(virtual.app, name="virtual")
app.add_typer(chaos.app, name="chaos")


def main() -> None:
    """Runs the command; an error of ours becomes its message on stderr and its exit code."""
    try:
        app()
    except BadgeclockError as error:
        typer.echo(f"badgeclock: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
