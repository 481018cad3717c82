"""What of a sale's data could not go onto its nota as it was, in words for a person. Pure."""

from datetime import date
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.domain.bill import Customer
from shared.domain.draft import write_description
from shared.domain.emails import emails_in
from shared.domain.nota import NotaDraft
from shared.domain.parts import Share
from shared.domain.party import is_foreign
from shared.domain.rule import Rule
from shared.domain.sale import SaleFacts
from shared.domain.text.fit import fit_draft
from shared.domain.text.form import Form


class Drawn(Struct, frozen=True, kw_only=True):
    """What a draft's description was written with."""

    sale: SaleFacts
    rule: Rule
    zone: ZoneInfo
    share: Share | None = None  # None: the whole bill


def told_of(
    draft: NotaDraft, customer: Customer | None, drawn: Drawn | None, form: Form
) -> tuple[str, ...]:
    """Say what was left out, moved or cut, without repeating any of it: no personal data.

    Without `drawn` the description surely says everything (`is_told_whole`).
    """
    left_out = () if customer is None else (*_email(customer, draft), *_phone(customer, draft))
    shorter = _shorter(draft.competencia, drawn) if drawn is not None else ()
    described = (f"descrição encurtada: {', '.join(shorter)}",) if shorter else ()
    return (*left_out, *described, *fit_draft(draft, form).told)


def _shorter(competencia: date, drawn: Drawn) -> tuple[str, ...]:
    written = write_description(drawn.sale, drawn.rule, competencia, drawn.zone, drawn.share)
    return written.shortened


def _email(customer: Customer, draft: NotaDraft) -> tuple[str, ...]:
    if not customer.email:
        return ()
    if draft.tomador.email is None:
        return ("o e-mail do cliente não é um endereço válido e ficou fora da nota",)
    if customer.email == draft.tomador.email:  # as nearly always
        return ()
    beyond = len(emails_in(customer.email)) - 1 - len(draft.more_emails)
    return ("o cadastro tem mais de um e-mail; a nota leva o primeiro",) if beyond > 0 else ()


def _phone(customer: Customer, draft: NotaDraft) -> tuple[str, ...]:
    told = customer.phones or customer.phone
    if not told or draft.tomador.phone is not None or is_foreign(customer.address):
        return ()
    return ("o telefone do cliente não é um número brasileiro válido e ficou fora da nota",)
