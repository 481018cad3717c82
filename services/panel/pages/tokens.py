"""Acessos de sistemas: tokens of the internal API, for our operators: who holds one, and its end.

They are made on the command line alone, where they are shown once; here they are looked at and
ended, by whoever is called at night.
"""

from typing import Final

from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import PanelPage, Visit
from services.panel.show.tokens import token_shown
from services.panel.texts import text
from shared.commands.tokens import TokenRefused, list_tokens, revoke_token

PATH: Final = "/suporte/acessos"


async def show(visit: Visit) -> Response:
    """Every token there was."""
    return await _show(visit, visit.form)


async def revoke(visit: Visit) -> Response:
    """End one at once."""
    name = visit.form["nome"][:200]
    try:
        async with visit.resources.pool.acquire() as conn:
            await revoke_token(conn, name, by=visit.by)
    except TokenRefused:
        return await _show(visit, visit.form.wrong(form_=text("tokens.gone")))
    return visit.go(PATH, "token_revoked")


async def _show(visit: Visit, form: TypedForm) -> Response:
    async with visit.resources.pool.acquire() as conn:
        found = await list_tokens(conn)
    now = visit.resources.now()
    return visit.show(
        "acessos.html",
        409 if form.errors else 200,
        form=form,
        tokens=[token_shown(one, now) for one in reversed(found)],
    )


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="tokens", get=show, post=revoke, see="operate", do="operate"),
)
