"""The first page: what stands out of a tenant's figures. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from services.panel.kit import say
from services.panel.show.status import OUTCOMES, WHO, SaleOutcome, Tone
from shared.db.sales.overview_read import Heap, SentDay
from shared.domain.ids import BillId
from shared.domain.messages import message_in
from shared.domain.sale import SaleStatus
from shared.watch.connection import ConnectionCheck

DAYS: Final = 30
SERIES: Final[tuple[tuple[SaleOutcome, Tone], ...]] = (
    ("with_nota", "good"),
    ("under_way", "calm"),
    ("needs_look", "warn"),
)
NEEDS_LOOK: Final = frozenset({SaleStatus.HELD, SaleStatus.DENIED, SaleStatus.CANCEL_REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleCause:
    """Why sales need a look, how many and how much, who acts."""

    status: SaleStatus
    code: str
    title: str  # what it is
    todo: str  # what to do about it
    who: str
    sales: int
    amount: int
    examples: Sequence[BillId]  # the newest and the oldest of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """So many sales, so much money."""

    sales: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A rectangle of the chart."""

    x: float
    y: float
    width: float
    height: float
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartDay:
    """A day of the chart, with its figures for the table beside it."""

    day: date
    x: float
    width: float
    label: str
    named_at: float  # where its label begins, so that it ends within the chart
    counts: Sequence[int]  # in the order of SERIES
    pieces: Sequence[Piece]

    @property
    def total(self) -> int:
        """All sales of the day."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Sales a day by outcome, as rectangles."""

    width: int
    height: int
    floor: float
    top: str  # what the highest line says
    days: Sequence[ChartDay]


def troubles(checks: Iterable[ConnectionCheck]) -> list[ConnectionCheck]:
    """What does not work, each thing once: what follows from it says the same words again."""
    found: dict[str, ConnectionCheck] = {}
    for check in checks:
        if check.status != "ok":
            found.setdefault(check.message, check)
    return [*found.values()]


def causes(heaps: Iterable[Heap]) -> list[SaleCause]:
    """What needs a look, the most money first. What nobody has to act on is none."""
    together: dict[tuple[SaleStatus, str], list[Heap]] = defaultdict(list)
    for heap in heaps:
        if heap.code is not None and _needs_look(heap.status, heap.code):
            together[heap.status, heap.code].append(heap)
    found = [_cause(status, code, alike) for (status, code), alike in together.items()]
    return sorted(found, key=lambda cause: (-cause.amount, cause.code))


def _needs_look(status: SaleStatus, code: str) -> bool:
    if status in NEEDS_LOOK:
        return True
    return status is SaleStatus.ISSUED and message_in(status, code).who_acts != "nobody"


def _cause(status: SaleStatus, code: str, alike: Sequence[Heap]) -> SaleCause:
    message = message_in(status, code)
    title, todo = divided(message.text)
    bills = {heap.newest for heap in alike} | {heap.oldest for heap in alike}
    known = sorted(bill for bill in bills if bill is not None)
    return SaleCause(
        status=status,
        code=code,
        title=title,
        todo=todo,
        who=WHO[message.who_acts],
        sales=sum(heap.sales for heap in alike),
        amount=sum(heap.amount for heap in alike),
        examples=tuple(dict.fromkeys((known[-1], known[0]))) if known else (),
    )


def divided(text: str) -> tuple[str, str]:
    """A message as what it is and what to do: its first sentence, and the rest."""
    first, stop, rest = text.partition(". ")
    return (f"{first}.", rest) if stop else (text, "")


def total(heaps: Iterable[Heap], *statuses: SaleStatus) -> Total:
    """What sales of these statuses come to."""
    wanted = [heap for heap in heaps if heap.status in statuses]
    return Total(
        sales=sum(heap.sales for heap in wanted), amount=sum(heap.amount for heap in wanted)
    )


def sent_since(days: Iterable[SentDay], first: date) -> Total:
    """Notas asked for on a day and later."""
    wanted = [one for one in days if one.day >= first]
    return Total(sales=sum(one.notas for one in wanted), amount=sum(one.amount for one in wanted))


_WIDTH: Final = 720
_NAME: Final = 32  # `30/11`, as wide as it may be
_HEIGHT: Final = 200
_TOP: Final = 18
_FLOOR: Final = 176
_LEFT: Final = 4


def chart(sent: Iterable[SentDay], heaps: Iterable[Heap], today: date) -> Chart:
    """The last thirty days, today the last: notas asked for, and sales without one yet."""
    counts: dict[date, dict[SaleOutcome, int]] = defaultdict(lambda: defaultdict(int))
    for one in sent:
        counts[one.day]["with_nota"] += one.notas
    for heap in heaps:
        if heap.day is not None and OUTCOMES[heap.status] != "with_nota":
            counts[heap.day][OUTCOMES[heap.status]] += heap.sales
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    highest = max((sum(counts[day].values()) for day in days), default=0) or 1
    step = (_WIDTH - _LEFT) / DAYS
    return Chart(
        width=_WIDTH,
        height=_HEIGHT,
        floor=_FLOOR,
        top=say.number(highest),
        days=[
            _chart_day(day, counts[day], _LEFT + number * step, step, highest)
            for number, day in enumerate(days)
        ],
    )


def _chart_day(
    day: date, counts: dict[SaleOutcome, int], x: float, step: float, highest: int
) -> ChartDay:
    pieces = []
    floor = float(_FLOOR)
    for outcome, tone in SERIES:
        if counts[outcome]:
            height = round(counts[outcome] / highest * (_FLOOR - _TOP), 1)
            floor = round(floor - height, 1)
            pieces.append(
                Piece(
                    x=round(x + 2, 1), y=floor, width=round(step - 4, 1), height=height, tone=tone
                )
            )
    return ChartDay(
        day=day,
        x=round(x, 1),
        named_at=round(min(x, _WIDTH - _NAME), 1),
        width=round(step, 1),
        label=say.short_day(day) if day.weekday() == 0 else "",
        counts=[counts[outcome] for outcome, _ in SERIES],
        pieces=pieces,
    )
