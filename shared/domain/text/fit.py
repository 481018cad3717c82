"""A nota's draft as an issuer's form takes it, and what a person is told of the difference. Pure.

Everything that leaves goes through here, whoever filled it. What was fitted once fits again.
"""

from functools import lru_cache
from typing import Final, TypeVar

from msgspec import Struct, structs
from msgspec.structs import replace

from shared.domain.emails import email_for_nota
from shared.domain.nota import NotaDraft, Service, Tomador
from shared.domain.phones import phone_for_nota
from shared.domain.text.address import fit_address
from shared.domain.text.cutting import MARK, cut
from shared.domain.text.form import Form, Width
from shared.domain.text.letters import is_single_line, is_transliterated, lines, one_line

T = TypeVar("T", bound=Struct)


class Fitted(Struct, frozen=True, kw_only=True):
    """A draft that fits, and in Portuguese what had to change for it beyond letters and blanks."""

    draft: NotaDraft
    told: tuple[str, ...] = ()


# Drafts of late that fit as they are: one is fitted when it is planned and again when it leaves,
# soon after.
MOST_REMEMBERED: Final = 512
_AS_THEY_ARE: Final[dict[int, tuple[NotaDraft, Form]]] = {}


def fit_draft(draft: NotaDraft, form: Form) -> Fitted:
    """Make every text of a draft fit a form; the draft itself where it does already."""
    known = _AS_THEY_ARE.get(id(draft))
    if known is not None and known[0] is draft and known[1] is form:
        return Fitted(draft=draft)
    fitted = _fit(draft, form)
    if fitted.draft is draft and not fitted.told:
        if len(_AS_THEY_ARE) >= MOST_REMEMBERED:
            _AS_THEY_ARE.pop(next(iter(_AS_THEY_ARE)), None)  # the oldest: others leave later
        _AS_THEY_ARE[id(draft)] = draft, form
    return fitted


def _fit(draft: NotaDraft, form: Form) -> Fitted:
    told: list[str] = []
    tomador = _tomador(draft.tomador, form, told)
    description = _lines(draft.description, form.description, "descrição", told)
    service = _service(draft.service, form)
    fitted = draft
    if not (
        tomador is draft.tomador
        and description == draft.description
        and service == draft.service  # one that was remembered may be of an earlier reading
        and (tomador.email is not None or not draft.send_email)
    ):
        fitted = replace(
            draft,
            tomador=tomador,
            description=description,
            service=service,
            send_email=draft.send_email and tomador.email is not None,
        )
    if draft.observations or draft.more_emails or draft.extras or draft.nature or draft.rps_series:
        fitted = _with_rare(fitted, form, told)
    return Fitted(draft=fitted, told=tuple(told))


def _tomador(tomador: Tomador, form: Form, told: list[str]) -> Tomador:
    name = _one_line(tomador.name, form.name, "nome do cliente", told)
    email, phone = email_for_nota(tomador.email), phone_for_nota(tomador.phone)
    address = tomador.address and fit_address(tomador.address, form, told)
    registration = _code(tomador.municipal_registration, form)
    foreign = tomador.foreign and _all_codes(tomador.foreign, form)
    if (
        name == tomador.name
        and email == tomador.email
        and phone == tomador.phone
        and address is tomador.address
        and registration == tomador.municipal_registration
        and foreign is tomador.foreign
    ):
        return tomador
    return replace(
        tomador,
        name=name,
        email=email,
        phone=phone,
        address=address,
        municipal_registration=registration,
        foreign=foreign,
    )


@lru_cache(maxsize=1024)  # a rule's services, over and over
def _service(service: Service, form: Form) -> Service:
    fitted = _all_codes(service, form)
    if service.city_text:
        text = cut(one_line(service.city_text, form.city_text.alphabet), form.city_text.most)
        fitted = replace(fitted, city_text=text or None)
    return service if fitted == service else fitted


def _with_rare(draft: NotaDraft, form: Form, told: list[str]) -> NotaDraft:
    emails = (email_for_nota(email) for email in draft.more_emails)
    seen = draft.observations or ""
    return replace(
        draft,
        observations=_lines(seen, form.observations, "observações", told) or None,
        more_emails=tuple(email for email in emails if email is not None),
        extras={
            one_line(name): _one_line(value, form.extra, "dado exigido pela cidade", told)
            for name, value in draft.extras.items()
        },
        nature=_code(draft.nature, form),
        rps_series=_code(draft.rps_series, form),
    )


def _all_codes(thing: T, form: Form) -> T:
    """A group of codes, each written clean and never cut: half a code is another code."""
    changed: dict[str, object] = {}
    for field in structs.fields(thing):
        value = getattr(thing, field.name)
        if isinstance(value, str) and (clean := _code(value, form)) != value:
            changed[field.name] = clean
        elif isinstance(value, Struct) and (group := _all_codes(value, form)) is not value:
            changed[field.name] = group
    return replace(thing, **changed) if changed else thing


def _code(text: str | None, form: Form) -> str | None:
    if text is None:
        return None
    return text and (one_line(text, form.code.alphabet) or None)


def _one_line(text: str, width: Width, what: str, told: list[str]) -> str:
    if len(text) <= width.most and is_single_line(text):
        return text
    return _cut(text, one_line(text, width.alphabet), width, what, told, "")


def _lines(text: str, width: Width, what: str, told: list[str]) -> str:
    if len(text) <= width.most and is_single_line(text):
        return text
    return _cut(text, lines(text, width.alphabet), width, what, told, MARK)


def _cut(before: str, text: str, width: Width, what: str, told: list[str], mark: str) -> str:
    if text is before and len(text) <= width.most:
        return text
    if is_transliterated(before):
        told.append(f"{what} escrito em letras latinas")
    if len(text) <= width.most:
        return text
    shorter = cut(text, width.most, mark)
    told.append(f"{what} encurtado de {len(text)} para {len(shorter)} caracteres")
    return shorter
