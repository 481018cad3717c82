"""Endereços de aviso: what to enter at Vindi and at the issuer; another one where one leaked."""

import asyncio
from typing import Final

from starlette.responses import RedirectResponse, Response

from services.panel.kit.forms import NOTHING_TYPED, TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.show.facts import address_facts
from services.panel.texts import text
from shared.commands.checks import SetUpRefused
from shared.db.tenants.secrets_store import REMEMBERED_SECONDS
from shared.db.vindi import watch_store
from shared.db.vindi.events_store import Source

PATH: Final = f"{TENANT}/ativacao/avisos"
SIDES: Final[dict[str, Source]] = {"vindi": "vindi", "emissor": "enotas"}


async def show(visit: Visit) -> Response:
    """The addresses, and whether something was heard; a company that leaves has none."""
    try:
        return await _show(visit, visit.form)
    except SetUpRefused:
        return _to_leaving(visit)


async def change(visit: Visit) -> Response:
    """Another address; the ones before it are heard for 72 hours more, or end at once."""
    try:
        return await _change(visit)
    except SetUpRefused:
        return _to_leaving(visit)


def _to_leaving(visit: Visit) -> Response:
    return RedirectResponse(f"{visit.base}/configuracoes/encerrar", status_code=303)


async def _change(visit: Visit) -> Response:
    form, resources = visit.form, visit.resources
    side = form["lado"] if form["lado"] in SIDES else "vindi"
    revoke = form["antes"] == "anular"
    async with visit.pool.acquire() as conn:
        # It locks the company, so that of two who come at once the second sees the first's.
        now = _of_side(side, await resources.set_up.webhook_urls(conn, visit.tenant.id))
        moved = form.stale(address_facts(now), text("seen.changed"))
        if moved is None:
            await resources.set_up.new_webhook(
                conn,
                visit.tenant.id,
                SIDES[side],
                now=resources.now(),
                by=visit.by,
                revoke=revoke,
            )
    if moved is not None:
        return await _show(visit, moved)
    if revoke:
        await asyncio.sleep(REMEMBERED_SECONDS)  # until every process has forgotten the old ones
    said = "revoked_address" if revoke else "new_address"
    return visit.go(f"{visit.base}/ativacao/avisos", said)


async def _show(visit: Visit, form: TypedForm) -> Response:
    async with visit.pool.acquire() as conn:
        urls = await visit.resources.set_up.webhook_urls(conn, visit.tenant.id)
        facts = await watch_store.facts(conn, visit.tenant.id)
    return visit.show(
        "ativacao_avisos.html",
        409 if form.errors else 200,
        form=form if form.errors else NOTHING_TYPED,
        vindi=_of_side("vindi", urls),
        issuer=_of_side("emissor", urls),
        facts_of=address_facts,
        heard=facts.last_event if facts else None,
    )


def _of_side(side: str, urls: tuple[str, str]) -> str:
    return urls[0] if side == "vindi" else urls[1]


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(
        path=PATH,
        name="activation_webhook",
        get=show,
        post=change,
        see="connect",
        do="connect",
    ),
)
