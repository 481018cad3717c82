"""Configurações: connections and a try of each, the company, and where to find the rest."""

from typing import Final

from pydantic import BaseModel
from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.zones import ZONES
from services.panel.pages.departing import departing
from services.panel.show.facts import company_facts
from services.panel.show.settings import company_shown, connection_shown, proof_shown
from services.panel.texts import text
from shared.commands.prove_connections import Proof, prove
from shared.db.hooks import status_webhooks_store
from shared.db.tenants import brakes_store, company_facts_store, connections_store
from shared.words import Name

PATH: Final = f"{TENANT}/configuracoes"


class _Company(BaseModel):
    nome: Name


async def show(visit: Visit) -> Response:
    """The connections, the company and where to find the rest."""
    return await _show(visit, visit.form)


async def test(visit: Visit) -> Response:
    """Try one connection now, and say what came of it."""
    resources = visit.resources
    proof = await prove(
        visit.pool,
        resources.sealer,
        resources.clients,
        resources.waker,
        visit.tenant.id,
        "issuer" if visit.form["lado"] == "emissor" else "vindi",
        by=visit.by,
    )
    return await _show(visit, TypedForm(), proof)


async def change(visit: Visit) -> Response:
    """Name and zone."""
    read = visit.form.read(_Company)
    zone = visit.form["fuso"]
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    moved = visit.form.stale(company_facts(visit.tenant), text("seen.changed"))
    if moved is not None:
        return await _show(visit, moved, status=409)
    known = zone in dict(ZONES) or zone == visit.tenant.timezone
    if not known:
        return await _show(visit, visit.form.wrong(fuso=text("needed")))
    await visit.resources.set_up.change_tenant(
        visit.tenant.id, name=read.nome, plan=None, timezone=zone, by=visit.by
    )
    return visit.go(f"{visit.base}/configuracoes", "saved")


async def _show(
    visit: Visit, form: TypedForm, proof: Proof | None = None, status: int | None = None
) -> Response:
    async with visit.pool.acquire() as conn:
        found = await connections_store.get(conn, visit.resources.sealer, visit.tenant.id)
        checked = await company_facts_store.get(conn, visit.tenant.id)
        brakes = await brakes_store.get(conn, visit.tenant.id)
        hook = await status_webhooks_store.get(conn, visit.resources.sealer, visit.tenant.id)
    zones = ZONES
    if visit.tenant.timezone not in dict(ZONES):
        zones = ((visit.tenant.timezone, visit.tenant.timezone), *ZONES)
    return visit.show(
        "configuracoes.html",
        status or (422 if form.errors else 200),
        form=form,
        facts=company_facts(visit.tenant),
        leaving=await departing(visit),
        zones=zones,
        vindi=connection_shown("vindi", found.vindi, checked.at["vindi"]),
        issuer=connection_shown("issuer", found.issuer, checked.at["issuer"]),
        company=company_shown(found.issuer, checked.facts, visit.clock.today),
        checked_at=checked.at["issuer"],
        proof=proof_shown(proof) if proof else None,
        braked=brakes.code is not None,
        hooked=hook is not None,
    )


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="settings", get=show, post=change, see="see", do="people"),
    PanelPage(
        path=f"{PATH}/testar", name="settings_test", post=test, see="see", do="act", looks=True
    ),
)
