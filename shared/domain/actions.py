"""What a person may ask for a sale, and what that changes: pure, total over all states."""

from typing import Final, Literal, assert_never

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.amounts import BILL, LINES, REMAINING, refund_seen, remaining
from shared.domain.competencia import MONTH_CLOSED
from shared.domain.money import Cents
from shared.domain.nota import IN_FLIGHT, ISSUED_AS_TEST, VALID_NOTA, NotaStatus
from shared.domain.sale import SaleStatus, Wish
from shared.domain.shadow import LEFT_TO_OTHERS

SaleAction = Literal["retry", "hold", "release", "issue", "cancel"]

_WAITING: Final = frozenset(
    {SaleStatus.WAITING_PAYMENT, SaleStatus.IN_GUARANTEE, SaleStatus.QUEUED, SaleStatus.HELD}
)
_TAKES_BACK: Final = frozenset(
    LEFT_TO_OTHERS | {"rule_never", "canceled_by_person", "charged_back"}
)
_MISMATCH: Final = "amount_mismatch"
_AMOUNT_GOES_WITH: Final = frozenset({"issue", "release"})
# No wish of a person stands in for these: the data has to be mended where it is kept.
LACKS: Final = frozenset(
    {
        "customer_name_missing",
        "customer_document_missing",
        "customer_document_invalid",
        "customer_address_incomplete",
        "customer_city_unknown",
        "customer_foreign",
        "customer_foreign_incomplete",
        "customer_metadata_invalid",
        "metadata_invalid",
        "nota_values_impossible",
        "withholding_contradicts",
        "issuer_lacks_field",
        "rps_series_missing",
        "rps_start_missing",
        "customer_not_found",
        "customer_unreadable",
        # What would be refused: see `prechecks`, `city_demands`.
        "denied_address",
        "denied_contact",
        "denied_document",
        "denied_service",
        "bill_unreadable",
        "bill_not_found",
        "bill_of_another_account",
        "no_rule",
        "mixed_services",
    }
)
# What a person may have a nota go without, for one sale: see `Wish`.
NO_DOCUMENT: Final = frozenset({"customer_document_missing", "customer_document_invalid"})
# Held for a person's word alone, which letting it go on is: nothing changes by looking again.
_WAITS_FOR_A_WORD: Final = frozenset({ISSUED_AS_TEST, "rule_manual"})
# Nor here, and what is to leave has to be said: `issue` it as it is, or `cancel`.
_WAITS_FOR_A_CHOICE: Final = frozenset({"partially_refunded"})
NUMBERING: Final = "denied_numbering"
ACTIONS: Final[tuple[SaleAction, ...]] = ("retry", "hold", "release", "issue", "cancel")


class Given(Struct, frozen=True, kw_only=True):
    """What was given back of a sale, and what it had been worth."""

    amount: Cents
    of: Cents

    @property
    def rest(self) -> Cents:
        """What remains of it."""
        return remaining(self.amount, self.of)


class ActionState(Struct, frozen=True, kw_only=True):
    """What an action looks at.

    `nota` is the one an action is about, see `part_states.nota_to_act_on`; `stands` says whether
    any nota is valid, `denied` whether one was denied, and `denial` is of that one.
    """

    status: SaleStatus
    code: str | None
    attention: str | None = None
    wish: Wish | None
    nota: NotaStatus | None
    denial: str | None
    stands: bool = False
    denied: bool = False
    day_refused: bool = False  # a nota was denied for its day, and another may help
    refused_alone: bool = False  # the city kept one that a person took back alone, and no other
    given_back: Given | None = None  # where a nota may be issued of what was given back in part

    @property
    def lacks(self) -> str | None:
        """The data without which no nota is sent: it is held for it, or will be."""
        if self.status is SaleStatus.HELD:
            return self.code if self.code in LACKS else None
        known = self.status is SaleStatus.IN_GUARANTEE and self.attention in LACKS
        return self.attention if known else None


class WishChange(Struct, frozen=True, kw_only=True):
    """The sale's wish from now on, and whether a denied nota is to be sent again.

    `amount` is what a nota is for whose bill disagrees with itself; None chooses nothing. `anew`:
    whatever was taken back alone is issued again too. `cancel_again`: what was taken back alone is.
    `today`: the nota is dated the day it is sent, and so may belong to another month.
    `without_document`: it goes without the buyer's CPF or CNPJ, should that not be there.
    """

    wish: Wish | None
    resend: bool = False
    anew: bool = False
    cancel_again: bool = False
    amount: str | None = None
    about: str | None = None  # the sums it was chosen for; None: as the sale's own detail says
    today: bool = False
    without_document: bool = False


class Refusal(Struct, frozen=True, kw_only=True):
    """The state forbids it, or it could do nothing; `missing` names what it would need."""

    code: str
    missing: tuple[str, ...] = ()


def judge(
    action: SaleAction,
    sale: ActionState,
    amount: str | None = None,
    *,
    today: bool = False,
    without_document: bool = False,
) -> WishChange | Refusal:
    """Say what an action changes in a sale. The sale itself is decided again by the emitter.

    `amount` goes with `issue` and `release` of a sale whose lines and bill disagree, and with
    `issue` of one that was given back in part (then also REMAINING); `today` with
    `issue` of one whose day was refused or whose month is closed, `without_document` with `issue`
    of one whose buyer's document is not there or is none.
    """
    if without_document:
        return _issue_without_document(action, sale)
    answer = _judge(action, sale)
    if today and not (action == "issue" and moves_to_today(sale)):
        return Refusal(code="no_day_to_move") if isinstance(answer, WishChange) else answer
    if isinstance(answer, Refusal) or (amount is None and action not in _AMOUNT_GOES_WITH):
        return answer
    if action == "issue" and sale.given_back is not None:
        return _of_refunded(answer, sale.given_back, amount)
    disagrees = sale.status is SaleStatus.HELD and sale.code == _MISMATCH
    if amount is not None:
        fits = disagrees and action in _AMOUNT_GOES_WITH and amount != REMAINING
        return replace(answer, amount=amount) if fits else Refusal(code="no_amount_to_choose")
    back = action == "release" and sale.wish == "hold"
    return Refusal(code="amount_needed", missing=("amount",)) if disagrees and not back else answer


def _of_refunded(answer: WishChange, given: Given, amount: str | None) -> WishChange | Refusal:
    """Issue what was given back in part: what remains of it, an amount, or without one the whole.

    It is written down as chosen: should more be given back, it is a question anew.
    """
    if amount == LINES or (amount == REMAINING and given.rest <= 0):
        return Refusal(code="no_amount_to_choose")
    chosen = str(given.rest) if amount == REMAINING else amount or BILL
    return replace(answer, amount=chosen, about=refund_seen(given.amount, given.of))


def _issue_without_document(action: SaleAction, sale: ActionState) -> WishChange | Refusal:
    if action != "issue" or sale.lacks not in NO_DOCUMENT:
        answer = _judge(action, sale)
        return answer if isinstance(answer, Refusal) else Refusal(code="document_not_missing")
    return WishChange(wish="issue", without_document=True)


def _judge(action: SaleAction, sale: ActionState) -> WishChange | Refusal:
    match action:
        case "hold":
            return _hold(sale)
        case "release":
            return _release(sale)
        case "issue":
            return _issue(sale)
        case "cancel":
            return _cancel(sale)
        case "retry":
            return _retry(sale)
        case _:
            assert_never(action)


def moves_to_today(sale: ActionState) -> bool:
    """Say whether issuing a sale now dates its nota today, whatever month it belonged to."""
    if sale.status is SaleStatus.HELD:
        return sale.code == MONTH_CLOSED
    return sale.status is SaleStatus.DENIED and sale.day_refused


def possible(sale: ActionState) -> tuple[SaleAction, ...]:
    """What may be asked for in this state, in the order buttons have."""
    return tuple(one for one in ACTIONS if _may(one, sale))


def _may(action: SaleAction, sale: ActionState) -> bool:
    answer = judge(action, sale)
    return isinstance(answer, WishChange) or answer.code == "amount_needed"


def _hold(sale: ActionState) -> WishChange | Refusal:
    if sale.nota in IN_FLIGHT or sale.nota in VALID_NOTA:
        return Refusal(code="nota_exists")
    if sale.status in _WAITING or sale.status is SaleStatus.DENIED:
        return WishChange(wish="hold")
    return Refusal(code="nothing_to_hold")


def _release(sale: ActionState) -> WishChange | Refusal:
    if sale.wish == "hold":
        return WishChange(wish=None)
    if sale.status is not SaleStatus.HELD:
        return Refusal(code="not_held")
    if sale.code in _WAITS_FOR_A_WORD:
        return _issue(sale)
    if sale.code in _WAITS_FOR_A_CHOICE:
        return Refusal(code="decision_needed")
    return WishChange(wish=sale.wish)  # the hold's own cause is looked at again


def _issue(sale: ActionState) -> WishChange | Refusal:
    if sale.nota in IN_FLIGHT or sale.nota in VALID_NOTA:
        return Refusal(code="nota_exists")
    if sale.status is SaleStatus.SKIPPED and sale.code not in _TAKES_BACK:
        return Refusal(code="nothing_to_issue")
    if sale.lacks is not None:
        return Refusal(code="data_missing", missing=(sale.lacks,))
    if sale.nota is NotaStatus.DENIED or sale.denied:
        if sale.denial == NUMBERING:
            return Refusal(code="numbering_needs_person")
        return WishChange(wish="issue", resend=True, today=moves_to_today(sale))
    return WishChange(
        wish="issue", anew=sale.nota is NotaStatus.CANCELLED, today=moves_to_today(sale)
    )


def _cancel(sale: ActionState) -> WishChange | Refusal:
    if sale.status in (SaleStatus.CANCELLING, SaleStatus.CANCELLED):
        return Refusal(code="already_cancelled")
    if sale.status is SaleStatus.SKIPPED:
        return Refusal(code="nothing_to_cancel")
    denied = sale.status is SaleStatus.DENIED or sale.nota is NotaStatus.DENIED
    if denied and not sale.stands:
        return Refusal(code="nothing_to_cancel")
    return WishChange(wish="cancel")


def _retry(sale: ActionState) -> WishChange | Refusal:
    match sale.status:
        case SaleStatus.DENIED if sale.denial == NUMBERING:
            return Refusal(code="numbering_needs_person")
        case SaleStatus.DENIED:
            return WishChange(wish=sale.wish, resend=True)
        case SaleStatus.HELD if sale.code in _WAITS_FOR_A_WORD | _WAITS_FOR_A_CHOICE:
            return Refusal(code="decision_needed")
        case SaleStatus.HELD | SaleStatus.UNCERTAIN | SaleStatus.ISSUING:
            return WishChange(wish=sale.wish)
        case SaleStatus.CANCEL_REFUSED if sale.refused_alone:
            return WishChange(wish=sale.wish, cancel_again=True)
        case SaleStatus.CANCEL_REFUSED:
            return WishChange(wish="cancel")
        case _:
            return Refusal(code="nothing_to_retry")
