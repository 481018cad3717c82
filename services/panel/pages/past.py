"""Vendas passadas: which days, a preview, the run with its progress, and its end."""

from datetime import timedelta
from typing import Final, Literal

from pydantic import BaseModel
from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.serve import NotThere
from services.panel.show.past import months_of_others, run_shown
from services.panel.show.past_days import past_days
from services.panel.show.rule import rule_facts
from services.panel.texts import TEXTS, text
from shared.commands.backfills import (
    BackfillRefused,
    cancel_backfill,
    check_days,
    check_plan,
    queue_backfill,
)
from shared.db.backfill import backfills_store
from shared.db.closing import shadow_read
from shared.db.connection import Connection
from shared.db.tenants import rules_store
from shared.domain.backfill_run import Backfill, BackfillRequest, Summary
from shared.domain.ids import BackfillId
from shared.words import Day, Reason

PATH: Final = f"{TENANT}/passadas"
_RUNS: Final = 10
_MONTH: Final = timedelta(days=30)  # what most who come from elsewhere look at first
_AT_FIELD: Final = {"since_in_future": "desde", "since_too_old": "desde"}
_AT_FIELD_END: Final = {"until_before_since": "ate"}


class _Asking(BaseModel):
    desde: Day
    ate: Day | None = None
    competencia: Literal["original", "today"] = "original"
    motivo: Reason


async def show(visit: Visit) -> Response:
    """What was imported, and the form for more."""
    return await _show(visit, visit.form)


async def ask(visit: Visit) -> Response:
    """First a preview, which changes nothing; the import itself from its page."""
    form, tenant = visit.form, visit.tenant
    read = form.read(_Asking)
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    dry = form["fazer"] != "importar"
    try:
        if not dry:
            check_plan(tenant)
        check_days(tenant, read.desde, read.ate, visit.resources.now())
        async with visit.pool.acquire() as conn:
            in_force = await rules_store.newest(conn, tenant.id)
        moved = form.stale(rule_facts(in_force, visit.clock), text("past.rule_moved"))
        if moved is not None:
            return await _show(visit, moved, 409)
        async with visit.pool.acquire() as conn:
            asked = BackfillRequest(
                since=read.desde,
                until=read.ate,
                dry_run=dry,
                competencia=read.competencia,
                rule=None if in_force is None else in_force.rule,
                requested_by=visit.by,
                reason=read.motivo,
            )
            made = await queue_backfill(conn, visit.resources.sealer, tenant.id, asked, by=visit.by)
    except BackfillRefused as refused:
        if refused.running:
            return visit.go(f"{visit.base}/passadas/{refused.running}", "already_running")
        field = (_AT_FIELD | _AT_FIELD_END).get(refused.code, "form_")
        said = TEXTS.get(f"past.{refused.code}", TEXTS["past.refused"])
        return await _show(visit, form.wrong(**{field: said}))
    return visit.go(f"{visit.base}/passadas/{made}")


async def show_one(visit: Visit) -> Response:
    """One run."""
    async with visit.pool.acquire() as conn:
        run, summary = await _run(visit, conn)
        others = await shadow_read.days_of_others(
            conn,
            visit.tenant.id,
            run.asked.since.replace(day=1),
            run.asked.until or visit.clock.today,
        )
        listed = await shadow_read.listed(conn, visit.tenant.id)
        in_force = await rules_store.newest(conn, visit.tenant.id)
    return visit.show(
        "passada.html",
        run=run_shown(run, summary, visit.resources.now(), months_of_others(others)),
        by_day=past_days(run, summary, others, listed, visit.clock.zone),
        listed=listed.until,
        asked=run.asked,
        facts=rule_facts(in_force, visit.clock),
        # What a preview shows is by the rule of then; the import goes by the one in force.
        outdated=run.asked.rule != (in_force.rule if in_force else None),
    )


async def cancel(visit: Visit) -> Response:
    """Stop it; what it did stays."""
    async with visit.pool.acquire() as conn:
        run, _ = await _run(visit, conn)
    try:
        async with visit.pool.acquire() as conn:
            await cancel_backfill(conn, visit.tenant.id, run.id, by=visit.by)
    except BackfillRefused:
        return visit.go(f"{visit.base}/passadas/{run.id}", "already_over")
    return visit.go(f"{visit.base}/passadas/{run.id}", "run_cancelled")


async def _show(visit: Visit, form: TypedForm, status: int | None = None) -> Response:
    now = visit.resources.now()
    async with visit.pool.acquire() as conn:
        runs = await backfills_store.list_newest_first(
            conn, visit.tenant.id, before=None, limit=_RUNS
        )
        shown = [run_shown(run, await _summary(conn, run), now) for run in runs]
    return visit.show(
        "passadas.html",
        status or (422 if form.errors else 200),
        form=form,
        runs=shown,
        pro=visit.tenant.plan == "pro",
        reason=text("past.reason_preview"),
        month_ago=(visit.clock.today - _MONTH).isoformat(),
    )


async def _run(visit: Visit, conn: Connection) -> tuple[Backfill, Summary]:
    backfill = BackfillId(str(visit.request.path_params["run"])[:40])
    run = await backfills_store.get(conn, visit.tenant.id, backfill)
    if run is None:
        raise NotThere
    return run, await _summary(conn, run)


async def _summary(conn: Connection, run: Backfill) -> Summary:
    if run.summary is not None:
        return run.summary
    return await backfills_store.found(conn, run.tenant_id, run.id)


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="past", get=show, post=ask, see="see", do="import"),
    PanelPage(
        path=f"{PATH}/{{run}}", name="past_run", get=show_one, post=cancel, see="see", do="import"
    ),
)
