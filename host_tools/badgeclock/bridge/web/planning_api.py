"""The interface for planning tools: keeps employers, sites, workers, badges and plans in step, and reports presences.

Described by `/planning/v1/openapi.json`; for its users, see `api_tokens`. Every write follows the rules of people/ and
is recorded as an act under the token's name; nothing outside its reach is shown or written (`reach`). Secrets in bodies
(numbers, UIDs) are never in a URL and never returned: a worker is a reference and initials, a badge its row.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Query
from fastapi.security import HTTPBearer

from badgeclock import __version__
from badgeclock.bridge.errors import PeopleError
from badgeclock.bridge.store.audit_log import Operator
from badgeclock.bridge.store.database import Store
from badgeclock.bridge.store.vault import Vault
from badgeclock.bridge.web import planning_store
from badgeclock.bridge.web.api_tokens import RateBound, Scope, Token
from badgeclock.bridge.web.planning_guard import Guard, needs
from badgeclock.bridge.web.planning_models import (
    BadgeBack,
    BadgeBody,
    BadgeGiven,
    BadgeTold,
    DayOfSite,
    EmployerBody,
    EmployerTold,
    EngagementBody,
    EngagementTold,
    Page,
    PageOfDays,
    PlanBody,
    PlanDay,
    PlanPut,
    PlanTold,
    PlanWithdrawn,
    PresenceTold,
    PutDone,
    SiteBody,
    SiteTold,
    TodayTold,
    WorkerBody,
    WorkerTold,
)
from badgeclock.bridge.web.planning_refusals import CANNOT_BE, OPENAPI, REFUSALS, add_handlers, check_parameters
from badgeclock.bridge.web.planning_store import Asker

DAYS_MOST: Final = 31


def create_app(store: Store, vault: Vault, *, requests_a_minute: int, now_ms: Callable[[], int]) -> FastAPI:
    """The application, to be mounted at `PATH`."""
    bearer = HTTPBearer(auto_error=False, description="A token of `badgeclock bridge token add`.")
    app = FastAPI(
        title="Badgeclock planning interface",
        version=__version__,
        openapi_url=OPENAPI,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(bearer), Depends(check_parameters)],
        responses=REFUSALS,
        separate_input_output_schemas=False,
    )
    app.add_middleware(Guard, store=store, now_ms=now_ms, bound=RateBound(requests_a_minute))
    add_handlers(app)
    may_read, may_write = needs(Scope.PLANNING_READ), needs(Scope.PLANNING_WRITE)
    may_see = needs(Scope.PRESENCES_READ)

    def asked_by(token: Token) -> Asker:
        return Asker(Operator(f"token {token.id} ({token.name})"), token.reach, now_ms())

    @app.get("/employers")
    async def employers(page: Annotated[Page, Query()], token: Token = may_read) -> list[EmployerTold]:
        """Employers by id."""
        return await store.reading(planning_store.employers_after, asked_by(token), page)

    @app.put("/employers", responses=CANNOT_BE)
    async def put_employer(body: EmployerBody, token: Token = may_write) -> PutDone:
        """Add an employer, or give one that is there this name."""
        return await store.writing(planning_store.put_employer, body, asked_by(token))

    @app.get("/sites")
    async def sites(page: Annotated[Page, Query()], token: Token = may_read) -> list[SiteTold]:
        """Sites by id."""
        return await store.reading(planning_store.sites_after, asked_by(token), page)

    @app.put("/sites", responses=CANNOT_BE)
    async def put_site(body: SiteBody, token: Token = may_write) -> PutDone:
        """Add a site by its name, or make the one that is there like this."""
        return await store.writing(planning_store.put_site, body, asked_by(token))

    @app.get("/workers")
    async def workers(page: Annotated[Page, Query()], token: Token = may_read) -> list[WorkerTold]:
        """Workers by id, without names and numbers."""
        return await store.reading(planning_store.workers_after, vault, asked_by(token), page)

    @app.put("/workers", responses=CANNOT_BE)
    async def put_worker(body: WorkerBody, token: Token = may_write) -> PutDone:
        """Add a worker by reference, or make the one that is there like this."""
        return await store.writing(planning_store.put_worker, vault, body, asked_by(token))

    @app.get("/engagements")
    async def engagements(page: Annotated[Page, Query()], token: Token = may_read) -> list[EngagementTold]:
        """Engagements of workers with several employers, by id."""
        return await store.reading(planning_store.engagements_after, asked_by(token), page)

    @app.put("/engagements", responses=CANNOT_BE)
    async def put_engagement(body: EngagementBody, token: Token = may_write) -> PutDone:
        """Engage a worker, or give the engagement with this employer and first day this end and these sites."""
        return await store.writing(planning_store.put_engagement, body, asked_by(token))

    @app.get("/badges")
    async def badges(page: Annotated[Page, Query()], token: Token = may_read) -> list[BadgeTold]:
        """Badges and their history, by row."""
        return await store.reading(planning_store.badges_after, asked_by(token), page)

    @app.post("/badges", responses=CANNOT_BE)
    async def give_badge(body: BadgeBody, token: Token = may_write) -> BadgeGiven:
        """Give a badge to a worker. Today's punches of it that nobody had are declared."""
        return await store.writing(planning_store.assign_badge, vault, body, asked_by(token))

    @app.post("/badges/revoke", responses=CANNOT_BE)
    async def take_badge_back(body: BadgeBack, token: Token = may_write) -> BadgeTold:
        """Take a badge back: from now on it is unknown. What it punched before stays as it is."""
        return await store.writing(planning_store.revoke_badge, body, asked_by(token))

    @app.get("/presences", responses=CANNOT_BE)
    async def presences(page: Annotated[PageOfDays, Query()], token: Token = may_see) -> list[PresenceTold]:
        """Presences of the days from `first` to `last`, 31 at most, by id, with their states."""
        _check_days(page)
        return await store.reading(planning_store.presences_after, asked_by(token), page)

    _add_plans(app, store, asked_by)
    return app


def _add_plans(app: FastAPI, store: Store, asked_by: Callable[[Token], Asker]) -> None:
    """Who is expected, and who is here."""
    may_read, may_write = needs(Scope.PLANNING_READ), needs(Scope.PLANNING_WRITE)
    may_see = needs(Scope.PRESENCES_READ)

    @app.get("/plans", responses=CANNOT_BE)
    async def listed_plans(page: Annotated[PageOfDays, Query()], token: Token = may_read) -> list[PlanTold]:
        """Plans of the days from `first` to `last`, 31 at most, by id: who is expected, by planning tools and lists."""
        _check_days(page)
        return await store.reading(planning_store.plans_after, asked_by(token), page)

    @app.put("/plans", responses=CANNOT_BE)
    async def put_plan(body: PlanBody, token: Token = may_write) -> PlanPut:
        """Make the plan of a site's day: workers who are not named are not expected. The same again changes nothing."""
        return await store.writing(planning_store.put_plan, body, asked_by(token))

    @app.post("/plans/withdraw", responses=CANNOT_BE)
    async def withdraw_plan(body: PlanDay, token: Token = may_write) -> PlanWithdrawn:
        """Take a plan away. Who is expected then follows from Dimona, or from the last working days."""
        return await store.writing(planning_store.withdraw_plan, body, asked_by(token))

    @app.get("/today", responses=CANNOT_BE)
    async def who_is_here(asked: Annotated[DayOfSite, Query()], token: Token = may_see) -> TodayTold:
        """By site who is here, since when, with which number or why not; and who was expected and has not punched."""
        return await store.reading(planning_store.today_of, asked_by(token), asked)


def _check_days(page: PageOfDays) -> None:
    if not timedelta(0) <= page.last - page.first < timedelta(days=DAYS_MOST):
        raise PeopleError(f"the days are not in order, or more than {DAYS_MOST}", "ask for fewer days at once")
