"""Avisos ao seu sistema: where a company's own system hears of its sales, and every delivery."""

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator
from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.show.facts import hook_facts
from services.panel.show.hooks import delivery_shown, refused_address
from services.panel.texts import text
from shared.commands.checks import SetUpRefused
from shared.commands.status_webhooks import (
    HookRefused,
    put_webhook,
    remove_webhook,
    resend,
    try_webhook,
)
from shared.db.hooks import status_webhooks_store
from shared.net.guarded import TargetRefused
from shared.words import HookAddress, plain_number

PATH: Final = f"{TENANT}/configuracoes/avisos"
_ROWS: Final = 50
_MOST: Final = 2**63 - 1


class _Address(BaseModel):
    endereco: Annotated[HookAddress, BeforeValidator(str.strip)]


async def show(visit: Visit) -> Response:
    """The address, and the newest deliveries."""
    return await _show(visit, visit.form)


async def put(visit: Visit) -> Response:
    """Set the address; a new secret is shown once, on the page that answers."""
    form, resources = visit.form, visit.resources
    read = form.read(_Address)
    if isinstance(read, TypedForm):
        return await _show(visit, read)
    moved = await _moved(visit)
    if moved is not None:
        return await _show(visit, moved, status=409)
    try:
        _, secret = await put_webhook(
            visit.pool,
            resources.sealer,
            visit.tenant.id,
            read.endereco,
            new_secret=form.has("segredo_novo"),
            own_url=resources.set_up.public_url,
            by=visit.by,
        )
    except SetUpRefused:
        return await _show(visit, form.wrong(form_=text("leaving.nothing_new")), status=409)
    except TargetRefused as refused:
        return await _show(visit, form.wrong(endereco=refused_address(refused.why)))
    if secret is None:
        return visit.go(f"{visit.base}/configuracoes/avisos", "saved")
    return await _show(visit, TypedForm(), secret=secret)


async def change(visit: Visit) -> Response:
    """Try the address, remove it, or deliver something once more."""
    form, resources, tenant = visit.form, visit.resources, visit.tenant.id
    here = f"{visit.base}/configuracoes/avisos"
    moved = await _moved(visit)
    if moved is not None:
        return await _show(visit, moved, status=409)
    try:
        match form["fazer"]:
            case "testar":
                await try_webhook(visit.pool, resources.sealer, tenant, by=visit.by)
                return visit.go(here, "hook_tried")
            case "remover":
                await remove_webhook(visit.pool, tenant, by=visit.by)
                return visit.go(here, "hook_removed")
            case _:
                number = plain_number(form["entrega"], _MOST) or 0
                await resend(visit.pool, resources.sealer, tenant, number)
                return visit.go(here, "hook_resent")
    except HookRefused as refused:
        return await _show(visit, form.wrong(form_=text(f"hooks.{refused.code}")))


async def _moved(visit: Visit) -> TypedForm | None:
    """The form with what changed of the address meanwhile; None: nothing."""
    async with visit.pool.acquire() as conn:
        hook = await status_webhooks_store.get(conn, visit.resources.sealer, visit.tenant.id)
    return visit.form.stale(hook_facts(hook), text("seen.changed"))


async def _show(
    visit: Visit, form: TypedForm, secret: str = "", status: int | None = None
) -> Response:
    given = visit.request.query_params.get("antes", "")
    async with visit.pool.acquire() as conn:
        hook = await status_webhooks_store.get(conn, visit.resources.sealer, visit.tenant.id)
        found = await status_webhooks_store.list_newest_first(
            conn, visit.tenant.id, before=plain_number(given, _MOST), limit=_ROWS + 1
        )
    shown = found[:_ROWS]
    return visit.show(
        "avisos.html",
        status or (422 if form.errors else 200),
        form=form,
        facts=hook_facts(hook),
        hook=hook,
        hint=hook.secret[-4:] if hook else "",
        secret=secret,
        deliveries=[delivery_shown(one) for one in shown],
        next=shown[-1].delivery_id if len(found) > _ROWS else None,
        first=not given,
    )


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="hooks", get=show, post=put, see="see", do="connect"),
    PanelPage(path=f"{PATH}/mudar", name="hooks_change", post=change, see="see", do="connect"),
)
