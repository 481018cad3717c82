"""One sale: what it is now, what happens next and when, its arithmetic and its story. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, assert_never, get_args

from services.panel.kit import say
from services.panel.kit.render import short_name
from services.panel.kit.say import Clock, TimeSaid
from services.panel.kit.seen import PageFacts
from services.panel.show.attention import GOES_ON_BY_ITSELF
from services.panel.show.overview import divided
from services.panel.show.status import WHO, Badge, Tone, badge
from services.panel.texts import text
from shared.db.sales.nota_taxes_read import NotaTaxes
from shared.db.sales.sales_read import NotaView, SaleStory, SaleView
from shared.db.sales.timeline_store import TimelineEntry
from shared.domain.actions import SaleAction
from shared.domain.bill import Bill
from shared.domain.messages import message_for, message_in
from shared.domain.nota import NotaStatus
from shared.domain.sale import SaleStatus
from shared.domain.story import detail_told, told

NOTA_LABELS: Final[dict[NotaStatus, tuple[str, Tone]]] = {
    NotaStatus.SENDING: ("Sendo enviada", "calm"),
    NotaStatus.UNCERTAIN: ("Verificando", "calm"),
    NotaStatus.PENDING: ("Em processamento no emissor", "calm"),
    NotaStatus.ISSUED: ("Autorizada", "good"),
    NotaStatus.DENIED: ("Negada", "bad"),
    NotaStatus.CANCELLING: ("Sendo cancelada", "calm"),
    NotaStatus.CANCELLED: ("Cancelada", "plain"),
    NotaStatus.CANCEL_REFUSED: ("Autorizada, cancelamento recusado", "bad"),
}
SERVICES: Final = {
    "emitter": "Notaponte",
    "reconciler": "Notaponte",
    "webhook": "Notaponte",
    "vindi": "Vindi",
    "enotas": "Emissor",
}
_MOMENT: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A line of the story."""

    at: TimeSaid
    text: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotaShown:
    """A nota of the sale; `part` 0 is the whole bill."""

    part: int
    badge: Badge
    number: str
    code: str
    amount: int
    issued: TimeSaid | None
    has_pdf: bool
    has_xml: bool
    external_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillSum:
    """The bill added up, line by line; `rest` is what it is off by."""

    lines: Sequence[tuple[str, int]]
    total: int
    amount: int
    notas: int

    @property
    def rest(self) -> int:
        """What lines and amount disagree by."""
        return self.amount - self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleShown:
    """Everything a person sees of a sale."""

    badge: Badge
    now: str
    next: str
    who: str
    notas: Sequence[NotaShown]
    story: Sequence[Happened]
    detail: str
    original: str  # the issuer's own words, where they say why there is no nota
    mended_at_vindi: bool
    facts: PageFacts  # what says that it changed meanwhile, and how
    cancel_asked: bool  # its cancellation was asked for, and a nota stands all the same


def sale_shown(story: SaleStory, clock: Clock, original: str | None) -> SaleShown:
    """What one page says of a sale; `original` are the issuer's own words about a denial."""
    sale = story.sale
    return SaleShown(
        badge=badge(sale.status, sale.issue_at, clock.zone),
        now=what_it_is(sale, clock),
        next=_just_asked(story, clock) or what_is_next(sale, story, clock),
        who=WHO[sale.message.who_acts] if sale.message else "",
        notas=[nota_shown(one, clock) for one in sale.notas],
        story=_happened(story.timeline, clock, original),
        detail=detail_told(sale.code, sale.detail),
        original=(original or "") if sale.status is SaleStatus.DENIED else "",
        mended_at_vindi=sale.message is not None and sale.message.who_acts == "customer",
        facts=sale_facts(story, clock),
        cancel_asked=sale.status is SaleStatus.CANCEL_REFUSED
        or (sale.attention or "").startswith("cancel_"),
    )


def sale_facts(story: SaleStory, clock: Clock) -> PageFacts:
    """A sale as whoever acts on it knew it, without words that change by themselves."""
    sale = story.sale
    facts = [("Situação", badge(sale.status, sale.issue_at, clock.zone).label)]
    if sale.message:
        facts.append(("Motivo", divided(sale.message.text)[0]))
    facts.append(("Valor", say.money(sale.amount)))
    if sale.issue_at:
        facts.append(("Emitir em", clock.exactly(sale.issue_at)))
    for nota in sale.notas:
        name = f"Nota da parte {nota.part}" if nota.part else "Nota"
        label = NOTA_LABELS[nota.status][0]
        facts.append((name, f"{nota.number}, {label}" if nota.number else label))
    if story.timeline:
        last = story.timeline[-1]
        told_of = told(last.what, last.why, last.by)
        by = short_name(SERVICES.get(last.by, last.by))
        facts.append(("Último acontecimento", f"{clock.exactly(last.at)}: {told_of} ({by})"))
    return PageFacts(sale.updated_at.isoformat(), tuple(facts))


def what_it_is(sale: SaleView, clock: Clock) -> str:
    """One sentence: what this sale is now."""
    nota = sale.nota
    match sale.status:
        case SaleStatus.WAITING_PAYMENT:
            return "A fatura ainda não foi paga."
        case SaleStatus.IN_GUARANTEE:
            return "A fatura foi paga e está no prazo de garantia."
        case SaleStatus.QUEUED if sale.code == "not_decided":
            return "A fatura chegou e ainda não foi avaliada."
        case SaleStatus.QUEUED:
            return "A nota está na fila para ser emitida."
        case SaleStatus.ISSUING:
            return "O emissor recebeu o pedido e está processando a nota."
        case SaleStatus.UNCERTAIN:
            return (
                "A resposta do emissor se perdeu. Estamos verificando se a nota existe, e nada é"
                " reenviado antes disso."
            )
        case SaleStatus.ISSUED:
            return _issued(sale.notas, clock)
        case SaleStatus.DENIED | SaleStatus.HELD | SaleStatus.SKIPPED:
            return sale.message.text if sale.message else "Fale com o suporte."
        case SaleStatus.CANCELLING:
            return "O cancelamento da nota foi pedido à prefeitura."
        case SaleStatus.CANCELLED:
            return "A nota foi cancelada." if nota else "Esta venda foi cancelada."
        case SaleStatus.CANCEL_REFUSED:
            return sale.message.text if sale.message else "O cancelamento da nota foi recusado."
        case _:
            assert_never(sale.status)


def what_is_next(sale: SaleView, story: SaleStory, clock: Clock) -> str:
    """What happens next, and when."""
    waiting = story.waiting
    if waiting is not None:
        until = f" Seguimos {clock.when(waiting.until).human}." if waiting.until else ""
        return message_for(waiting.code).text + until
    match sale.status:
        case SaleStatus.WAITING_PAYMENT:
            return "Quando ela for paga, a regra decide quando a nota sai."
        case SaleStatus.IN_GUARANTEE if sale.issue_at:
            when = clock.when(sale.issue_at).human
            return f"A nota será emitida {when}, se o pagamento não for estornado até lá."
        case SaleStatus.QUEUED:
            return "Ela sai em instantes, no ritmo que o emissor aceita."
        case SaleStatus.ISSUING:
            said = "A prefeitura costuma responder em minutos. Não é preciso fazer nada."
            return said + _asks_again(story, clock)
        case SaleStatus.UNCERTAIN:
            return _asks_again(story, clock).strip() or "Consultamos o emissor em instantes."
        case SaleStatus.CANCELLING:
            return "A resposta da prefeitura aparece aqui." + _asks_again(story, clock)
        case SaleStatus.ISSUED if sale.attention and sale.message:
            return sale.message.text
        case SaleStatus.HELD | SaleStatus.DENIED if sale.message:
            if sale.status is SaleStatus.HELD and sale.code in GOES_ON_BY_ITSELF:
                return (
                    "Corrigidos os dados, a venda segue automaticamente. Para não esperar, escolha"
                    " Tentar de novo."
                )
            who = sale.message.who_acts
            return "Não é preciso fazer nada." if who == "nobody" else ""
        case _:
            return ""


def _asks_again(story: SaleStory, clock: Clock) -> str:
    """When the issuer is asked again: later than usual while others stand before it in line."""
    again = story.looks_again_at
    if again is None or again <= clock.now:
        return ""
    return f" Consultamos o emissor de novo {clock.when(again).human}."


def _just_asked(story: SaleStory, clock: Clock) -> str:
    """What a person hears who asked for something a moment ago; nothing later, or once it is done.

    Until then the page still says what the sale waits for, as if nobody had asked.
    """
    last = story.timeline[-1] if story.timeline else None
    if last is None or last.what not in get_args(SaleAction) or clock.now - last.at > _MOMENT:
        return ""
    return "O pedido foi recebido e é atendido em instantes. O resultado aparece aqui."


def nota_shown(nota: NotaView, clock: Clock) -> NotaShown:
    """A nota as the page shows it."""
    label, tone = NOTA_LABELS[nota.status]
    return NotaShown(
        part=nota.part,
        badge=Badge(label=label, tone=tone),
        number=nota.number or "",
        code=nota.verification_code or "",
        amount=nota.amount,
        issued=None if nota.issued_at is None else clock.when(nota.issued_at),
        has_pdf=nota.has_pdf,
        has_xml=nota.has_xml,
        external_id=nota.external_id,
    )


def taxes_shown(taxes: NotaTaxes) -> Sequence[tuple[str, str]]:
    """What a nota states beside its amount; nothing where there is nothing to state."""
    rate = f" ({taxes.rate.replace('.', ',')}%)" if taxes.rate else ""
    iss = "a alíquota da cidade" if taxes.iss is None else f"{say.money(taxes.iss)}{rate}"
    found = [
        ("Desconto", say.money(taxes.discount) if taxes.discount else ""),
        ("Deduções", say.money(taxes.deductions) if taxes.deductions else ""),
        ("ISS retido" if taxes.iss_withheld else "ISS", iss),
        ("Retenções federais", say.money(taxes.federal) if taxes.federal else ""),
    ]
    return [(name, said) for name, said in found if said]


def file_name(nota: NotaView) -> str:
    """What its files are called: by its number, as people look for it."""
    number = nota.number or ""
    return number if number.isascii() and number.isalnum() else str(nota.external_id)


def added_up(bill: Bill, sale: SaleView) -> BillSum:
    """The bill's lines, what they come to, and what the notas are for."""
    return BillSum(
        lines=[(_line(one.product_name, one.quantity), one.amount) for one in bill.lines],
        total=bill.lines_total,
        amount=bill.amount,
        notas=sum(one.amount for one in sale.notas) if sale.notas else sale.amount,
    )


def in_order(
    actions: Sequence[SaleAction], status: SaleStatus, code: str | None = None
) -> Sequence[SaleAction]:
    """Possible actions; first the button that the sale's message names, else what usually helps."""
    first: dict[SaleStatus, SaleAction] = {
        SaleStatus.DENIED: "retry",
        SaleStatus.HELD: "retry",
        SaleStatus.IN_GUARANTEE: "issue",
        SaleStatus.WAITING_PAYMENT: "issue",
        SaleStatus.SKIPPED: "issue",
        SaleStatus.CANCEL_REFUSED: "retry",
    }
    said = message_in(status, code).text if code else ""
    named = [(said.find(text(f"action.{one}")), one) for one in actions if one != "cancel"]
    pressed = min(((at, one) for at, one in named if at >= 0), default=None)
    helps = pressed[1] if pressed else first.get(status)
    return sorted(actions, key=lambda one: one != helps)


def _issued(notas: Sequence[NotaView], clock: Clock) -> str:
    numbers = [one.number for one in notas if one.number]
    issued = [one.issued_at for one in notas if one.issued_at]
    when = f" {clock.when(max(issued)).human}" if issued else ""
    if len(notas) > 1:
        return f"{say.counted(len(notas), 'nota autorizada', 'notas autorizadas')}{when}."
    named = f"A nota {numbers[0]}" if numbers else "A nota"
    return f"{named} foi autorizada{when}."


def _line(name: str, quantity: float) -> str:
    return name if quantity == 1 else f"{say.number(quantity)} × {name}"


def _happened(
    entries: Sequence[TimelineEntry], clock: Clock, original: str | None
) -> list[Happened]:
    denied = [number for number, entry in enumerate(entries) if entry.what == "nota_denied"]
    return [
        Happened(
            at=clock.when(entry.at),
            text=told(entry.what, entry.why, entry.by)
            + (
                f" Palavras do emissor: “{original}”"
                if original and denied and number == denied[-1]
                else ""
            ),
            by=SERVICES.get(entry.by, entry.by),
        )
        for number, entry in enumerate(entries)
    ]
