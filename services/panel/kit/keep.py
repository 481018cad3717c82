"""Keeping what was typed while somebody signs in again, and the way back to where they were."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from starlette.requests import Request

from services.panel.kit import csrf
from services.panel.kit.cookies import VISIT
from services.panel.kit.csrf import FIELD
from services.panel.kit.forms import TypedForm
from shared.domain.documents import names_document

if TYPE_CHECKING:
    from services.panel.kit.page import Visit

PREFIX: Final = "guardado."
BUTTON: Final = "botao"
HOME: Final = "/"
# Never carried through a page: whoever signs in next may be somebody else.
_SECRETS: Final = frozenset({"api_key", "senha", "senha_nova", "codigo"})
# Bills and centavos, which may have as many digits, and another door's own words: nobody is looked
# for by these.
_OTHERS: Final = frozenset({"antes", "minimo", "maximo", "parte", "code", "state"})
_OURS: Final = re.compile(r"/[A-Za-z0-9/_.-]*(\?[A-Za-z0-9%&=_.~+-]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAgain:
    """Where a form goes once more, and with what; `secrets` if some have to be typed anew."""

    to: str
    fields: Sequence[tuple[str, str]]
    secrets: bool


def here(request: Request) -> str:
    """The address of a request within the panel."""
    query = f"?{request.url.query}" if request.url.query else ""
    return request.url.path + query


def answerable(request: Request) -> str | None:
    """The address without what is or names a CPF or CNPJ, or has a NUL; None where nothing does.

    Nothing of the panel writes such an address: somebody typed it, or a form that is no search
    for people. It is not answered, so that none is copied, linked or looked at again; a NUL no
    text of PostgreSQL's can hold.
    """
    given = request.query_params.multi_items()
    kept = [
        (name, value)
        for name, value in given
        if "\0" not in name + value
        and (name in _OTHERS or not (names_document(name) or names_document(value)))
    ]
    if len(kept) == len(given):
        return None
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")


def ours(path: str) -> str:
    """A way back as it was given, if it leads to this panel; home otherwise."""
    good = _OURS.fullmatch(path) and not path.startswith("//")
    return path if good else HOME


def kept_fields(form: TypedForm, but: Collection[str] = ()) -> Sequence[tuple[str, str]]:
    """What was typed, as hidden fields, but for secrets: those are typed again.

    A form with nothing but its button has a field too, so that it is known for one afterwards.
    """
    left_out = {FIELD, *but} | _SECRETS
    kept = [
        (name, value)
        for name, values in form.values.items()
        if name not in left_out and not name.startswith(PREFIX)
        for value in values
    ]
    return kept or [(BUTTON, "")]


def sent_again(visit: "Visit") -> "SentAgain | None":
    """A form that was not done, or whose answer is lost, as it is sent once more.

    With its own token, so that it is the same sending to whoever did it before (`sent_once`). Only
    what a page of ours sent is offered: another site's form would be sent from here by the press of
    somebody who never saw it. Without what is secret.
    """
    form, request = visit.form, visit.request
    # At the door forms are bound to the visit, also beside a session that is half begun.
    bound = {visit.bound_to, visit.jar.read(request, VISIT)}
    if not any(csrf.fits(form[FIELD], word) for word in bound) or csrf.from_elsewhere(request):
        return None
    fields = [
        (name, value)
        for name, values in form.values.items()
        if name not in _SECRETS
        for value in values
    ]
    return SentAgain(to=here(request), fields=fields, secrets=bool(_SECRETS & form.values.keys()))


def carried(form: TypedForm) -> Sequence[tuple[str, str]]:
    """What a sign-in form carries along for the page that it interrupted."""
    return [
        (name.removeprefix(PREFIX), value)
        for name, values in form.values.items()
        if name.startswith(PREFIX)
        for value in values
    ]
