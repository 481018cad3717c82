"""What is asked of a bill before a nota of it is sent, and what that nota says. Pure."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.amounts import amounts, settled
from shared.domain.attention import MOVED, PAID_TWICE
from shared.domain.bill import Bill
from shared.domain.choose_rule import IssueMoment, amounts_by_service, choose_moment, choose_service
from shared.domain.city_demands import demanded
from shared.domain.competencia import MONTH_CLOSED, choose_competencia
from shared.domain.decision import Decision, Hold, Issue, NeedsCustomer, Skip
from shared.domain.draft import draft_nota
from shared.domain.moment import Moment, moment_created, moment_paid, month_of
from shared.domain.money import Cents, show_reais
from shared.domain.nota import NotaDraft, NotaStatus
from shared.domain.part_states import newest_revision, round_of
from shared.domain.parts import (
    WHOLE,
    Part,
    Share,
    divide,
    is_divided,
    lines_of,
    service_of,
    still_divides,
)
from shared.domain.prechecks import precheck
from shared.domain.refund_policy import CODES, LEFT_BY_RULE
from shared.domain.refunds import paid_twice
from shared.domain.rule import Rule, ServiceRule
from shared.domain.sale import SaleFacts, Seller, TenantTerms
from shared.domain.shadow import stopped_code
from shared.domain.undone import standing_cause, undone

CUSTOMER_MENDED: Final = "o cadastro do cliente mudou na Vindi"
SUBSTITUTES: Final = "substitui a nota anterior"
REFUNDED_IN_PART: Final = CODES["partial"]
NOT_DIVISIBLE: Final = (
    "Esta fatura tem uma nota para cada serviço, e o valor que resta não diz quanto é de cada um."
    " Escolha o valor inteiro, ou mude os itens na Vindi."
)
DIVIDED_ANEW: Final = "a fatura mudou e foi dividida de novo"


class Drafted(Struct, frozen=True, kw_only=True):
    """A nota as it would be sent; `part`, `division` and `round` as in `Issue`."""

    draft: NotaDraft
    revision: int
    part: int = 0
    division: tuple[Share, ...] | None = None
    round: int | None = None


class _Ready(Struct, frozen=True, kw_only=True):
    """The bill may have a nota under the rule, and of which day."""

    rule: Rule
    day: date


def send_next(sale: SaleFacts, rule: Rule | None, terms: TenantTerms, now: datetime) -> Decision:
    """The next nota that is owed, as the bill was divided first; the rest of it must still fit."""
    if not terms.issuing:
        return Hold(code=stopped_code(terms))
    part = next(one for one in sale.parts if one.owed)
    if part.wish == "issue" and sale.wish is None:
        sale = replace(sale, wish="issue")
    ready = _ready(sale, part, rule, terms, now)
    if ready == Skip(code="zero_amount") and _made_out(sale):
        return _disagree(sale)
    if not isinstance(ready, _Ready):
        return ready
    if _moved(sale):
        return Hold(code=MOVED)
    if not still_divides(sale.bill, [one.share for one in sale.parts]):
        bound = _made_out(sale) or not all(one.owed for one in sale.parts)
        return _disagree(sale) if bound else _drafted_anew(sale, part, ready, terms)
    service = service_of(sale.bill, part.share, ready.rule)
    if service is None:
        return Hold(code="mixed_services", detail=_amounts_of_services(sale.bill, ready.rule))
    shares = [one.share for one in sale.parts]
    draft = _draft(sale, ready.rule, service, ready.day, terms, part.share, shares)
    if isinstance(draft, Hold):
        return draft
    made = Drafted(
        draft=draft,
        revision=_revision_of(part, sale.parts),
        part=part.share.part,
        round=None if part.owed_again else round_of(sale.parts),
    )
    return _issue(sale, ready, made, CUSTOMER_MENDED if part.mended and not part.resend else "")


def substitute(
    sale: SaleFacts, part: Part, rule: Rule, terms: TenantTerms
) -> Issue | NeedsCustomer | Hold:
    """The nota that takes a valid one's place: of the same day, as bill and rule now say."""
    if sale.customer is None:
        return NeedsCustomer()
    day = part.competencia
    if day is None or month_of(day) in terms.locked_months:
        return Hold(code=MONTH_CLOSED)
    if is_free(sale.bill):
        return Hold(code="zero_amount")
    if settled(sale.bill, sale.amount_choice, sale.refunds) is None:
        return Hold(code="amount_mismatch")
    whole = part.share.part == WHOLE
    if not whole and not still_divides(sale.bill, [one.share for one in sale.parts]):
        return _disagree(sale)
    service = choose_service(sale.bill, rule) if whole else service_of(sale.bill, part.share, rule)
    if service is None:
        return Hold(code="mixed_services")
    draft = draft_nota(sale, rule, service, day, terms.zone, None if whole else part.share)
    if isinstance(draft, Hold):
        return draft
    return Issue(
        draft=draft,
        revision=newest_revision(sale.parts) + 1,
        part=part.share.part,
        round=round_of(sale.parts),
        issue_at=None,
        competencia=day,
        because=SUBSTITUTES,
        substitutes=True,
    )


def _drafted_anew(sale: SaleFacts, part: Part, ready: _Ready, terms: TenantTerms) -> Decision:
    """The bill as it is now, while no nota of it was made: nothing binds it to what was denied."""
    made = drafted(sale, ready.rule, terms, ready.day)
    if isinstance(made, Hold):
        return made
    mended = CUSTOMER_MENDED if part.mended and not part.resend else ""
    return _issue(sale, ready, made, DIVIDED_ANEW if is_divided(sale.parts) else mended)


def _ready(
    sale: SaleFacts, part: Part, rule: Rule | None, terms: TenantTerms, now: datetime
) -> _Ready | Decision:
    if rule is None:
        return Hold(code="no_rule")
    trouble = undone(sale, rule)
    if trouble is not None:
        return trouble
    if is_free(sale.bill):
        return Skip(code="zero_amount")
    if settled(sale.bill, sale.amount_choice, sale.refunds) is None:
        return Hold(code="amount_mismatch", detail=amounts(sale.bill))
    if sale.customer is None:
        return NeedsCustomer()
    moment = moment_for(sale, choose_moment(sale.bill, rule)) or moment_created(
        sale.bill, sale.came_alive_at
    )
    if moment is None or sale.competencia is None:
        return Hold(code="payment_unclear")
    day = choose_competencia(
        fixed=sale.competencia,
        rule=rule,
        moment_on=moment.day(terms.zone),
        issue_at=moment.at,
        guarantee=False,  # its end has passed
        zone=terms.zone,
        backfill=sale.backfill,
        now=now,
        locked=terms.locked_months,
        by_person=sale.wish == "issue" and _may_move(sale, part),
        refused=sale.today or part.day_refused,
    )
    if day.closed:
        return Hold(code=MONTH_CLOSED, competencia=day.day)
    return _Ready(rule=rule, day=day.day)


def _may_move(sale: SaleFacts, part: Part) -> bool:
    """Say whether a person's wish dates it today: one denied for something else keeps its day."""
    return sale.today or part.day_refused or part.denial is None


def _issue(sale: SaleFacts, ready: _Ready, made: Drafted, because: str) -> Issue:
    return Issue(
        draft=made.draft,
        revision=made.revision,
        part=made.part,
        division=made.division,
        round=made.round,
        issue_at=None,
        competencia=ready.day,
        attention=attention_to_payment(sale),
        because=because,
    )


def drafted(sale: SaleFacts, rule: Rule, terms: TenantTerms, day: date) -> Drafted | Hold:
    """Write the nota of a sale none was asked for, or the first of several services' parts."""
    service = choose_service(sale.bill, rule)
    if service is not None:
        return _whole(sale, rule, terms, day, service)
    # An amount that is not the lines' cannot be told apart by them.
    by_lines = settled(sale.bill, sale.amount_choice, sale.refunds) == sale.bill.lines_total
    split = rule.mixed_services == "split"
    if split and not by_lines and sale.amount_choice and sale.amount_choice.about_refund:
        return Hold(code=REFUNDED_IN_PART, detail=NOT_DIVISIBLE)
    split = split and by_lines
    shares = divide(sale.bill, rule) if split else ()
    first = _first(shares, sale.parts)
    service = service_of(sale.bill, first, rule) if first is not None else None
    if first is None or service is None:
        return Hold(code="mixed_services", detail=_amounts_of_services(sale.bill, rule))
    if len(shares) == 1:  # the other services were discounted away
        return _whole(sale, rule, terms, day, service, first)
    draft = _draft(sale, rule, service, day, terms, first, shares)
    if isinstance(draft, Hold):
        return draft
    revision = _next_revision(first.part, sale.parts)
    return Drafted(draft=draft, revision=revision, part=first.part, division=shares)


def _whole(
    sale: SaleFacts,
    rule: Rule,
    terms: TenantTerms,
    day: date,
    service: ServiceRule,
    names: Share | None = None,
) -> Drafted | Hold:
    """One nota of the whole bill; with `names` it says no products but those of that share."""
    draft = _draft(sale, rule, service, day, terms, names)
    if isinstance(draft, Hold):
        return draft
    division = () if is_divided(sale.parts) else None
    return Drafted(draft=draft, revision=_next_revision(WHOLE, sale.parts), division=division)


def _draft(
    sale: SaleFacts,
    rule: Rule,
    service: ServiceRule,
    day: date,
    terms: TenantTerms,
    share: Share | None = None,
    shares: Sequence[Share] = (),
) -> NotaDraft | Hold:
    """The nota as it would be sent, held where it would surely be refused."""
    draft = draft_nota(sale, rule, service, day, terms.zone, share, shares)
    if isinstance(draft, Hold):
        return draft
    seller = seller_by(rule, terms.seller)
    found = precheck(draft, seller)
    if found is None and rule.cities:
        found = demanded(draft, seller, rule.cities)
    return found or draft


def seller_by(rule: Rule, known: Seller | None) -> Seller | None:
    """The company as the rule tells of it, else as its issuer does."""
    if rule.seller_city is None and rule.regime is None:
        return known
    return Seller(
        cnpj=known.cnpj if known else None,
        city=rule.seller_city.found.city if rule.seller_city else known.city if known else None,
        regime=rule.regime or (known.regime if known else None),
    )


def _first(shares: tuple[Share, ...], parts: tuple[Part, ...]) -> Share | None:
    """The part to begin a round with: one that raises the revision, which a denied one keeps."""
    denied = {one.share.part for one in parts if _denied(one)}
    anew = [share for share in shares if share.part not in denied]
    return next(iter(anew or shares), None)


def _denied(part: Part) -> bool:
    return part.status is NotaStatus.DENIED


def _next_revision(number: int, parts: tuple[Part, ...]) -> int:
    """The revision a round begins with: a new one, but for a nota that was denied.

    What the issuer never had is sent under its own id: should the first request turn up late, both
    are one nota.
    """
    never = all(one.status is None or one.never_arrived for one in parts)
    kept = [
        one.revision
        for one in parts
        if one.share.part == number and (_denied(one) or (never and one.never_arrived))
    ]
    return kept[0] if kept else newest_revision(parts) + 1


def _revision_of(part: Part, parts: tuple[Part, ...]) -> int:
    if _denied(part) or _goes_again(part, parts):
        return part.revision
    newest = newest_revision(parts)
    anew = part.owed_again or part.wish == "issue"
    return newest + 1 if anew and part.revision == newest else newest


def _goes_again(part: Part, parts: tuple[Part, ...]) -> bool:
    """Say whether a nota that is wanted still, or anew, never reached the issuer."""
    return part.status is None and part.never_arrived and part.in_round == round_of(parts)


def _moved(sale: SaleFacts) -> bool:
    """Say whether a part was made out to somebody else than the bill is now."""
    buyer = sale.made_out_to
    return _made_out(sale) and buyer is not None and buyer != sale.bill.customer_id


def _made_out(sale: SaleFacts) -> bool:
    return any(one.status is not None and not _denied(one) for one in sale.parts)


def _disagree(sale: SaleFacts) -> Hold:
    return Hold(code="parts_disagree", detail=_amounts_of_parts(sale))


def moment_for(sale: SaleFacts, when: IssueMoment | None) -> Moment | None:
    """The moment a rule counts for a sale; None while it has not come."""
    if when is not None and when.issue_when in ("bill_paid", "guarantee_ended"):
        return moment_paid(sale.bill)
    return moment_created(sale.bill, sale.came_alive_at)


def is_free(bill: Bill) -> bool:
    """Say whether a bill is worth nothing: its lines may come to less, a credit being left over."""
    return bill.amount == 0 and bill.lines_total <= 0


def attention_to_payment(sale: SaleFacts) -> str | None:
    """Name a second payment, or one undone that the rule lets be: the nota is owed all the same."""
    if paid_twice(sale.bill, sale.refunds):
        return PAID_TWICE
    by_rule = sale.wish != "issue" and standing_cause(sale) is not None
    return LEFT_BY_RULE if by_rule else None


def _amounts_of_services(bill: Bill, rule: Rule) -> str:
    """What each service comes to as a nota of its own, with its part of what only reduces."""
    shares = divide(bill, rule)
    services = [service_of(bill, share, rule) for share in shares]
    told = [
        (service, share.amount)
        for service, share in zip(services, shares, strict=True)
        if service is not None
    ]
    if len(told) < len(shares) or not told:
        told = list(amounts_by_service(bill, rule).items())
    return "; ".join(
        f"serviço {service.lc116 or service.municipal_code or 'sem código'}: {show_reais(amount)}"
        for service, amount in told
        if amount != 0
    )


def _amounts_of_parts(sale: SaleFacts) -> str:
    shown = " + ".join(show_reais(one.share.amount) for one in sale.parts)
    whole = Cents(sum(one.share.amount for one in sale.parts))
    lines = [lines_of(sale.bill, one.share) for one in sale.parts]
    now = " + ".join(show_reais(Cents(sum(line.amount for line in found))) for found in lines)
    return (
        f"as partes são {shown} = {show_reais(whole)}, os itens da fatura somam"
        f" {show_reais(sale.bill.lines_total)} (os de cada parte: {now})"
    )
