"""Ativação: the steps from a key to the first nota, to be left and taken up at any of them."""

from datetime import date, timedelta
from typing import Final, Literal

from pydantic import BaseModel
from starlette.responses import Response

from services.panel.kit.forms import A_DAY, TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.typed import read_day
from services.panel.pages.departing import departing
from services.panel.show.facts import side_facts, start_facts
from services.panel.show.settings import company_shown
from services.panel.show.setup import AT_FIELD, SetUpProgress, refusal, steps, wrong_shape
from services.panel.texts import text
from shared.commands.checks import Notice, SetUpRefused, SideUnreachable
from shared.commands.set_up import SalesOfTests
from shared.config.secret import Secret
from shared.db.backfill import backfills_store
from shared.db.tenants import company_facts_store, connections_store, rules_store
from shared.db.tenants.connections_store import (
    Connections,
    VindiEnvironment,
    issuer_key_word,
)
from shared.db.vindi import watch_store
from shared.vindi.budget import BudgetShare
from shared.words import ApiKey, CompanyId

PATH: Final = f"{TENANT}/ativacao"
# A person waits; the account's other work may have spent its requests for a while.
PATIENCE: Final = timedelta(seconds=10)


class _Vindi(BaseModel):
    api_key: ApiKey
    ambiente: Literal["production", "sandbox"]


class _Issuer(BaseModel):
    api_key: ApiKey
    empresa: CompanyId
    ambiente: Literal["Homologacao", "Producao"]


async def show(visit: Visit) -> Response:
    """The checklist."""
    return await _overview(visit, visit.form)


async def activate(visit: Visit) -> Response:
    """Let notas out, or stop them."""
    set_up, form = visit.resources.set_up, visit.form
    moved = form.stale(start_facts(visit.tenant, visit.clock), text("seen.changed"))
    if moved is not None:
        return await _overview(visit, moved)
    try:
        if form["fazer"] == "pausar":
            await set_up.pause(visit.tenant.id, by=visit.by)
            return visit.go(f"{visit.base}/ativacao", "paused")
        since = _since(form)
        if isinstance(since, TypedForm):
            return await _overview(visit, since)
        await set_up.activate(
            visit.tenant.id, by=visit.by, confirmed=form.all("confirmo"), since=since
        )
    except SetUpRefused as refused:
        field = AT_FIELD.get(refused.code, "form_")
        wrong = form.wrong(**{field: refusal(refused.code, refused.missing)})
        return await _overview(visit, wrong, refused.warnings)
    return visit.go(visit.base, "activated" if since is None else "activated_later")


def _since(form: TypedForm) -> date | TypedForm | None:
    """The day from which notas are issued; None for now."""
    if form["inicio"] != "dia":
        return None
    day = read_day(form["a_partir"])
    if day is None:
        return form.wrong(a_partir=A_DAY if form["a_partir"] else text("activation.day_needed"))
    return day


async def show_vindi(visit: Visit) -> Response:
    """Where the key is made, and the field for it."""
    return await _vindi(visit, visit.form)


async def connect_vindi(visit: Visit) -> Response:
    """Check the key, then keep it."""
    form, resources, tenant = visit.form, visit.resources, visit.tenant.id
    shape = await _not_a_key(visit, form["api_key"])
    if shape is not None:
        return await _vindi(visit, form.wrong(api_key=refusal(shape, ())))
    read = form.read(_Vindi)
    if isinstance(read, TypedForm):
        return await _vindi(visit, read)
    before = side_facts("vindi", (await _connections(visit)).vindi)
    if (moved := form.stale(before, text("seen.changed"))) is not None:
        return await _vindi(visit, moved)
    key = Secret.of(read.api_key.strip())
    client = resources.clients.vindi_account(
        tenant,
        environment=read.ambiente,
        api_key=key,
        share=BudgetShare.PERSON,
        patience=PATIENCE,
    )
    try:
        done = await resources.set_up.connect_vindi(
            tenant,
            client,
            api_key=key,
            environment=read.ambiente,
            by=visit.by,
            confirmed=form.all("confirmo"),
        )
    except SetUpRefused as refused:
        code = refused.code
        if code == "vindi_key_refused" and await _of_other_environment(visit, key, read.ambiente):
            code = "vindi_key_other_environment"
        wrong = form.wrong(api_key=refusal(code, refused.missing))
        return await _vindi(visit, wrong, refused.warnings)
    except SideUnreachable as away:
        return await _vindi(visit, form.wrong(form_=refusal(away.code, ())))
    return await _vindi(visit, TypedForm(), done.warnings, connected=done.merchant_name)


async def _not_a_key(visit: Visit, typed: str) -> str | None:
    """What else than a key of Vindi was pasted, as a stable word."""
    shape = wrong_shape(typed)
    issuer = (await _connections(visit)).issuer
    if issuer is not None and issuer.api_key.reveal() == typed.strip():
        return "vindi_key_of_issuer"
    return shape


async def _of_other_environment(visit: Visit, key: Secret, chosen: VindiEnvironment) -> bool:
    """Whether the key that one of Vindi's environments refused is known to the other."""
    other: VindiEnvironment = "sandbox" if chosen == "production" else "production"
    client = visit.resources.clients.vindi_account(
        visit.tenant.id,
        environment=other,
        api_key=key,
        share=BudgetShare.PERSON,
        patience=PATIENCE,
    )
    return (await client.check_key()).outcome not in ("refused", "unreachable")


async def show_issuer(visit: Visit) -> Response:
    """The issuer's key and company."""
    return await _issuer(visit, visit.form)


async def connect_issuer(visit: Visit) -> Response:
    """Check key and company, then keep them."""
    form, resources, tenant = visit.form, visit.resources, visit.tenant.id
    read = form.read(_Issuer)
    if isinstance(read, TypedForm):
        return await _issuer(visit, read)
    before = side_facts("issuer", (await _connections(visit)).issuer)
    if (moved := form.stale(before, text("seen.changed"))) is not None:
        return await _issuer(visit, moved)
    key = Secret.of(read.api_key.strip())
    issuer = resources.clients.issuer_company(
        api_key=key, company_id=read.empresa, key_word=issuer_key_word(resources.sealer, key)
    )
    try:
        done = await resources.set_up.connect_issuer(
            tenant,
            issuer,
            api_key=key,
            company_id=read.empresa,
            environment=read.ambiente,
            by=visit.by,
            tests=SalesOfTests(issue=form["testes"] == "issue"),
            confirmed=form.all("confirmo"),
        )
    except SetUpRefused as refused:
        field = AT_FIELD.get(refused.code, "api_key")
        wrong = form.wrong(**{field: refusal(refused.code, refused.missing)})
        return await _issuer(visit, wrong, refused.warnings)
    except SideUnreachable as away:
        return await _issuer(visit, form.wrong(form_=refusal(away.code, ())))
    return await _issuer(visit, TypedForm(), done.warnings, connected=done.company_name)


async def _overview(visit: Visit, form: TypedForm, warnings: tuple[Notice, ...] = ()) -> Response:
    tenant = visit.tenant.id
    connections = await _connections(visit)
    async with visit.pool.acquire() as conn:
        rule = await rules_store.newest(conn, tenant)
        facts = await watch_store.facts(conn, tenant)
        runs = await backfills_store.list_newest_first(conn, tenant, before=None, limit=1)
    progress = SetUpProgress(
        vindi=connections.vindi is not None,
        issuer=connections.issuer is not None,
        heard=facts is not None and facts.last_event is not None,
        rule=rule is not None,
        previewed=bool(runs),
        active=visit.tenant.status == "active",
    )
    return visit.show(
        "ativacao.html",
        409 if form.errors else 200,
        form=form,
        facts=start_facts(visit.tenant, visit.clock),
        leaving=await departing(visit),
        steps=steps(progress),
        progress=progress,
        vindi=connections.vindi,
        issuer=connections.issuer,
        heard=facts.last_event if facts else None,
        rule=rule,
        warnings=warnings,
        ahead=visit.tenant.active_from is not None
        and visit.tenant.active_from > visit.resources.now(),
        tomorrow=(visit.clock.today + timedelta(days=1)).isoformat(),
    )


async def _connections(visit: Visit) -> Connections:
    async with visit.pool.acquire() as conn:
        return await connections_store.get(conn, visit.resources.sealer, visit.tenant.id)


async def _vindi(
    visit: Visit, form: TypedForm, warnings: tuple[Notice, ...] = (), connected: str = ""
) -> Response:
    found = await _connections(visit)
    return visit.show(
        "ativacao_vindi.html",
        409 if form.changes else 422 if form.errors else 200,
        form=form,
        now=found.vindi,
        facts=side_facts("vindi", found.vindi),
        warnings=warnings,
        connected=connected,
    )


async def _issuer(
    visit: Visit, form: TypedForm, warnings: tuple[Notice, ...] = (), connected: str = ""
) -> Response:
    found = await _connections(visit)
    async with visit.pool.acquire() as conn:
        checked = await company_facts_store.get(conn, visit.tenant.id)
    return visit.show(
        "ativacao_emissor.html",
        409 if form.changes else 422 if form.errors else 200,
        company=company_shown(found.issuer, checked.facts, visit.clock.today),
        form=form,
        now=found.issuer,
        facts=side_facts("issuer", found.issuer),
        warnings=warnings,
        connected=connected,
        was_test=found.issuer is not None and found.issuer.environment == "Homologacao",
    )


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="activation", get=show, post=activate, see="see", do="connect"),
    PanelPage(
        path=f"{PATH}/vindi",
        name="activation_vindi",
        get=show_vindi,
        post=connect_vindi,
        see="connect",
        do="connect",
    ),
    PanelPage(
        path=f"{PATH}/emissor",
        name="activation_issuer",
        get=show_issuer,
        post=connect_issuer,
        see="connect",
        do="connect",
    ),
)
