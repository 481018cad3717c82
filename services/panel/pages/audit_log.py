"""Registro de mudanças: what was changed, by whom and why; narrowed by kind, by day, by person."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response

from services.panel.kit.forms import TypedForm
from services.panel.kit.page import TENANT, PanelPage, Visit
from services.panel.kit.typed import read_day
from services.panel.show import filters
from services.panel.show.audit import KINDS, actions_of, told
from services.panel.texts import text
from shared.crypto.sealed_words import open_words, seal_words
from shared.db.tenants import audit_store
from shared.domain.moment import start_of_day
from shared.words import plain_number

PATH: Final = f"{TENANT}/configuracoes/registro"
_ROWS: Final = 50
_DAY: Final = timedelta(days=1)


async def show(visit: Visit) -> Response:
    """A page of the log, the newest first."""
    return await _show(visit, visit.request.query_params, visit.form)


async def _show(visit: Visit, given: Mapping[str, str], form: TypedForm) -> Response:
    kind = given.get("tipo", "") if given.get("tipo", "") in dict(KINDS) else ""
    since, until = read_day(given.get("de", "")), read_day(given.get("ate", ""))
    who = open_words(visit.resources.sealer, visit.tenant.id, given.get("quem", ""))
    before = plain_number(given.get("antes", ""), 2**63 - 1)
    if not form.errors and _is_unread(given, kind=kind, de=since, ate=until, quem=who):
        form = form.wrong(form_=text("sales.unread"))
    wanted = audit_store.AuditFilter(
        actions=actions_of(kind),
        actor=who,
        since=start_of_day(since, visit.zone) if since else None,
        until=start_of_day(until + _DAY, visit.zone) if until else None,
    )
    async with visit.pool.acquire() as conn:
        found = await audit_store.newest_first(
            conn, visit.tenant.id, before=before, limit=_ROWS + 1, wanted=wanted
        )
    shown = [] if form.errors else found[:_ROWS]
    query = {name: given[name] for name in ("tipo", "de", "ate", "quem") if given.get(name)}
    return visit.show(
        "registro.html",
        422 if form.errors else 200,
        form=form,
        entries=[told(one) for one in shown],
        next=urlencode({**query, "antes": shown[-1].id}) if shown and len(found) > _ROWS else "",
        kinds=[("", text("any_kind")), *KINDS],
        kind=kind,
        since=since.isoformat() if since else "",
        until=until.isoformat() if until else "",
        who=who,
        narrowed=bool(query),
    )


def _is_unread(given: Mapping[str, str], kind: str, **read: object) -> bool:
    """Whether something was chosen that nobody can read: left out, more would be shown."""
    values = {"tipo": kind, **read}
    return any(given.get(name, "").strip() and not value for name, value in values.items())


async def narrow(visit: Visit) -> Response:
    """What was typed becomes an address; a name in it is sealed."""
    form = visit.form
    typed = {
        "tipo": form["tipo"],
        "de": form["de"],
        "ate": form["ate"],
        "quem": seal_words(visit.resources.sealer, visit.tenant.id, form["quem"]),
    }
    wrong = filters.wrong_span(typed)
    if wrong:
        return await _show(visit, typed, form.wrong(**wrong))
    query = urlencode({name: value for name, value in typed.items() if value})
    return visit.go(f"{visit.base}/configuracoes/registro{'?' if query else ''}{query}")


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(path=PATH, name="log", get=show, post=narrow, see="see"),
)
