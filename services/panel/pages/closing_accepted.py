"""Fechamento: notas of another system, accepted with a reason so that a month balances."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, StringConstraints
from starlette.responses import Response

from services.panel.kit import say
from services.panel.kit.forms import TypedForm
from services.panel.kit.page import PanelPage, Visit
from services.panel.pages.closing import PATH, month_sent, show_differences
from services.panel.texts import text
from shared.commands.accept_notas import AcceptRefused, accept_notas, revoke_notas
from shared.domain.closing import Month, NotaSum
from shared.domain.foreign import Selection
from shared.words import Day, Reason

_ID: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-")
_MOST: Final = 1000
Which = Literal["marcadas", "todas", "antes", "comeco"]


class _Asking(BaseModel):
    motivo: Reason
    quais: Which
    dia: Day | None = None
    comeco: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")] = ""


async def change(visit: Visit) -> Response:
    """Accept what was chosen, or take it back; a locked month stays as it is."""
    form = visit.form
    month = month_sent(visit)
    read = form.read(_Asking)
    if isinstance(read, TypedForm):
        return await show_differences(visit, month, read)
    chosen = _selection(form, read)
    if isinstance(chosen, TypedForm):
        return await show_differences(visit, month, chosen)
    undo = form["fazer"] == "desfazer"
    work = revoke_notas if undo else accept_notas
    try:
        done = await work(visit.pool, visit.tenant, month, chosen, reason=read.motivo, by=visit.by)
    except AcceptRefused:
        wrong = form.wrong(form_=text("accepted.locked"))
        return await show_differences(visit, month, wrong, status=409)
    if not done.changed.notas:
        wrong = form.wrong(form_=text("accepted.none_undone" if undo else "accepted.none_done"))
        return await show_differences(visit, month, wrong, status=409)
    return await _told(visit, month, done.changed, undo=undo)


async def _told(visit: Visit, month: Month, changed: NotaSum, *, undo: bool) -> Response:
    one, many = ("nota aceita", "notas aceitas")
    if undo:
        one, many = "nota não conta mais como aceita", "notas não contam mais como aceitas"
    said = text(
        "accepted.done",
        count=say.counted(changed.notas, one, many),
        amount=say.money(changed.amount),
    )
    return await show_differences(visit, month, TypedForm(), told=said)


def _selection(form: TypedForm, read: _Asking) -> Selection | TypedForm:
    """Which notas were meant; the form with what is missing where that is not said."""
    match read.quais:
        case "marcadas":
            ids = [one for one in form.all("nota") if 0 < len(one) <= 64 and _ID.issuperset(one)]
            if not ids:
                return form.wrong(quais=text("accepted.tick"))
            if len(ids) > _MOST:
                return form.wrong(quais=text("accepted.too_many"))
            return Selection(issuer_ids=ids)
        case "todas":
            return Selection()
        case "antes":
            if read.dia is None:
                return form.wrong(dia=text("needed"))
            return Selection(created_before=read.dia)
        case "comeco":
            if not read.comeco.strip():
                return form.wrong(comeco=text("needed"))
            return Selection(external_id_prefix=read.comeco.strip())


PAGES: Final[tuple[PanelPage, ...]] = (
    PanelPage(
        path=f"{PATH}/diferencas/aceitas",
        name="closing_accepted",
        post=change,
        see="see",
        do="close",
    ),
)
