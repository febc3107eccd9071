"""The actor, and the base of every act's fields."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from badgeclock.bridge.accounts.accounts import Account
from badgeclock.bridge.accounts.sessions import Session
from badgeclock.bridge.acts import within
from badgeclock.bridge.errors import NotAllowed
from badgeclock.bridge.registrar.decisions import Decision
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.vault import Vault

Item = Annotated[str, Field(min_length=1, max_length=64)]
Line = Annotated[str, Field(max_length=200)]
Why = Annotated[str, Field(max_length=500)]
Done = dict[str, Any]


class Body(BaseModel):
    """The fields of an act."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Body):
    """An act without fields."""


class Decided(Body):
    """A decision about an item, with its reason."""

    item: Item
    why: Why


class Actor(NamedTuple):
    """The actor, the transaction, and the time (ms UTC)."""

    connection: Connection
    vault: Vault
    account: Account
    session: Session
    now_ms: int

    def decision(self, why: str) -> Decision:
        """A decision by the actor."""
        return Decision(self.name, why, self.now_ms)

    def operator(self, why: str = "") -> Operator:
        """The actor's name in the book of acts."""
        return Operator(self.name, why)

    @property
    def name(self) -> str:
        """None: an account is not a user of the machine."""
        return f"{self.account.name} (console)"

    def check_item(self, item: str) -> None:
        """Raise NotAllowed unless an item is within the actor's reach."""
        within.check_item(self.connection, self.account.reach, item, self.now_ms)


def check_reaches_everything(actor: Actor) -> None:
    """Raise NotAllowed unless the account reaches all sites and employers."""
    if not actor.account.reach.is_everything:
        raise NotAllowed(
            f"the account {actor.account.name!r} reaches some sites or employers alone, and this is about all",
            "ask somebody whose account reaches everything",
        )
