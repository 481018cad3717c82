"""Brakes: what a tenant lets be issued in a day, and what is far outside its own history. Pure."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.ids import BillId
from shared.domain.money import Cents, show_reais
from shared.domain.spoken import days

BrakeCode = Literal[
    "brake_daily_count",
    "brake_daily_amount",
    "brake_nota_amount",
    "brake_unusual",
    "brake_old_moments",
]
OLD: Final[BrakeCode] = "brake_old_moments"  # holds the old ones only
BRAKE_CODES: Final[tuple[BrakeCode, ...]] = (
    "brake_daily_count",
    "brake_daily_amount",
    "brake_nota_amount",
    "brake_unusual",
    OLD,
)
# A jump: over five times the busiest day of the last weeks, and more than a handful.
JUMP: Final = 5
HANDFUL: Final = 20
DAYS_OF_HISTORY: Final = 5  # days with notas, before history says anything
# Notas long overdue: twice as many as a person let through, and more than a stray few
# (`explained`).
OLD_JUMP: Final = 2
STRAY: Final = 3


class TenantLimits(Struct, frozen=True, kw_only=True):
    """What a tenant allows; None means no limit. Amounts are centavos, days the tenant's."""

    notas_a_day: int | None = None
    amount_a_day: Cents | None = None
    amount_a_nota: Cents | None = None
    unusual: bool = True
    old_days: int | None = 10  # what was due longer ago is old


class Today(Struct, frozen=True, kw_only=True):
    """What was sent since midnight, or since a person last released the brake."""

    notas: int
    amount: Cents
    live: int  # of them, not asked for as past sales
    history_days: int
    busiest: int  # notas of the busiest of those days, past sales left out
    braked: BrakeCode | None
    old: int = 0  # of the live ones, due longer ago than the limit says
    busiest_old: int = 0  # of the other days
    let_through: int = 0  # old ones of the day, this or another, on which a person let most through


class Wanted(Struct, frozen=True, kw_only=True):
    """A nota about to be sent for the first time. `free`: a person released this very sale."""

    bill_id: BillId
    amount: Cents
    past: bool  # asked for by a backfill
    free: bool
    old: bool = False


class Braked(Struct, frozen=True, kw_only=True):
    """What may be sent, what is held and why, and the day's counts after it."""

    today: Today
    held: dict[BillId, BrakeCode]
    tripped: BrakeCode | None  # the brake that was pulled just now
    detail: str = ""


def brake(limits: TenantLimits, today: Today, wanted: Sequence[Wanted]) -> Braked:
    """Go through notas in their order; the first that exceeds a limit stops all that follow.

    Old ones are counted before any of them leaves, and hold nobody else.
    """
    held: dict[BillId, BrakeCode] = {}
    tripped, detail = _too_many_old(limits, today, wanted)
    today = replace(today, braked=tripped or today.braked)
    for nota in wanted:
        if not nota.free and today.braked in (None, OLD):
            code = _exceeded(limits, today, nota)
            if code is not None:
                tripped, detail = code, _detail(code, limits, today, nota)
                today = replace(today, braked=code)
        if nota.free or today.braked is None or (today.braked == OLD and not _is_old(nota)):
            today = _counted(today, nota)
        else:
            held[nota.bill_id] = today.braked
    return Braked(today=today, held=held, tripped=tripped, detail=detail)


def _too_many_old(
    limits: TenantLimits, today: Today, wanted: Sequence[Wanted]
) -> tuple[BrakeCode | None, str]:
    freed = sum(1 for nota in wanted if _is_old(nota) and nota.free)
    old = today.old + sum(1 for nota in wanted if _is_old(nota) and not nota.free)
    if limits.old_days is None or today.braked is not None or old == today.old:
        return None, ""
    if old <= explained(today.busiest_old, max(today.let_through, freed)):
        return None, ""
    return OLD, f"{old} notas devidas há mais de {days(limits.old_days)}"


def explained(busiest: int, let_through: int) -> int:
    """How many old notas a day may have: as many as the `busiest` of the last weeks had.

    And twice as many as a person `let_through` on one of them.

    What comes late by itself is a customer's data mended after weeks, or a payment told late: a
    few a day, at a small tenant as at a large one, which has its own history after one click. What
    the brake is for comes at once: what another system issued before, or an account that was
    touched. So the stray few are a number and no share. Of ten thousand sales a day one in a
    thousand would be ten notas issued twice, and a nota held needs a click where one issued twice
    needs a cancellation, within the city's days; at a tenant of five sales a month three are what
    a person takes back by hand, and fewer would have every mended customer ask for a click.

    Only what a person let through doubles. Days that nobody looked at explain as many again and no
    more, or five would become ten, twenty and forty within days.
    """
    return max(STRAY, busiest, OLD_JUMP * let_through if let_through > STRAY else 0)


def _is_old(nota: Wanted) -> bool:
    return nota.old and not nota.past


def _exceeded(limits: TenantLimits, today: Today, nota: Wanted) -> BrakeCode | None:
    if limits.amount_a_nota is not None and nota.amount > limits.amount_a_nota:
        return "brake_nota_amount"
    if limits.notas_a_day is not None and today.notas + 1 > limits.notas_a_day:
        return "brake_daily_count"
    if limits.amount_a_day is not None and today.amount + nota.amount > limits.amount_a_day:
        return "brake_daily_amount"
    if limits.unusual and not nota.past and _is_jump(today):
        return "brake_unusual"
    return None


def _is_jump(today: Today) -> bool:
    if today.history_days < DAYS_OF_HISTORY:
        return False
    return today.live + 1 > max(JUMP * today.busiest, HANDFUL)


def _counted(today: Today, nota: Wanted) -> Today:
    if nota.free:
        return today  # it was counted as what a person let through
    return replace(
        today,
        notas=today.notas + 1,
        amount=Cents(today.amount + nota.amount),
        live=today.live + (not nota.past),
        old=today.old + _is_old(nota),
    )


def _detail(code: BrakeCode, limits: TenantLimits, today: Today, nota: Wanted) -> str:
    match code:
        case "brake_nota_amount":
            return f"fatura {nota.bill_id}: {show_reais(nota.amount)}"
        case "brake_daily_count":
            return f"limite de {limits.notas_a_day} notas por dia"
        case "brake_daily_amount":
            return f"limite de {show_reais(limits.amount_a_day or 0)} por dia"
        case "brake_unusual":
            return f"{today.live + 1} notas; o maior dia recente teve {today.busiest}"
        case "brake_old_moments":
            raise AssertionError("told by _too_many_old")
