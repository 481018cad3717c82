"""What happens to each sale of the month, and what must have become of it in the end."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import chain, repeat
from typing import Any, Final, Literal

from deploy.demo.people import PARTNER_CODE, Buyer

Road = Literal["heard", "doubled", "late", "reordered", "lost"]  # how Vindi's events travel
Payment = Literal["paid", "open", "cancelled"]
Refund = Literal["full", "part"]
Afterwards = Literal[
    "refund", "refund_part", "complete_address", "send_again", "pay", "issue_by_hand"
]

COURSE, PLAN, CONSULTING, TALK = "CURSO", "PLANO", "CONSULTORIA", "PALESTRA"
GUARANTEE_DAYS: Final = 7
FIRST_BILL: Final = 4711

RULE: Final[dict[str, Any]] = {
    "issue_when": "bill_paid",
    "exceptions": [
        {"if": {"customer_code": [PARTNER_CODE]}, "issue_when": "never"},
        {"if": {"product_code": [CONSULTING]}, "issue_when": "manual"},
        {
            "if": {"product_code": [COURSE]},
            "issue_when": "guarantee_ended",
            "guarantee_days": GUARANTEE_DAYS,
        },
    ],
    "cancel_on_refund": True,
    # The month is made up on the day the demo runs: what was paid last month is dated today.
    "late_competencia": {"keep_until_day": 5, "then": "today"},
    "description": "{produtos} - fatura {fatura}, competência {competencia}",
    "service": {"municipal_code": "010700188", "lc116": "1.07", "iss_rate": "2.00"},
    "services_by_product_code": {
        TALK: {"municipal_code": "080200188", "lc116": "8.02", "iss_rate": "2.00"}
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Where a sale comes to rest: a status of the interface page, and its code if it has one."""

    status: str
    code: str | None = None


ISSUED: Final = Ending(status="issued")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One sale. `first` is where it rests before `afterwards` happens, `last` where it ends."""

    title: str
    last: Ending = ISSUED
    first: Ending = ISSUED
    afterwards: Afterwards | None = None
    road: Road = "heard"
    payment: Payment = "paid"
    refund: Refund | None = None  # before a nota could be issued
    buyer: Buyer = "whole"
    product: str = PLAN
    method: str = "credit_card"
    paid_ago: timedelta = timedelta()
    lines: tuple[str, ...] = ("179.90",)
    products: tuple[str, ...] = ()  # of the lines, where they are not all of `product`
    denial: str | None = None  # the class of the issuer's refusal
    denied_once: bool = False

    @property
    def products_of_lines(self) -> tuple[str, ...]:
        """The product of each line."""
        return self.products or (self.product,) * len(self.lines)


def month(count: int) -> list[Story]:
    """About `count` sales (never fewer than one of each kind), mixed, the same every time."""
    special = list(
        chain.from_iterable(repeat(story, max(1, of * count // 200)) for of, story in _KINDS)
    )
    ordinary = list(_ordinary(max(0, count - len(special))))
    stories = special + ordinary
    # 79 is prime to every length up to its own square but its multiples: a fixed shuffle.
    step = 79 if len(stories) % 79 else 83
    return [stories[i * step % len(stories)] for i in range(len(stories))]


def _rests(status: str, code: str | None, title: str, **details: Any) -> Story:
    """A story that needs no second act."""
    ending = Ending(status=status, code=code)
    return Story(title=title, first=ending, last=ending, **details)


def _denied(denial: str, title: str) -> Story:
    return _rests("denied", f"denied_{denial}", title, denial=denial)


_HELD_ADDRESS: Final = Ending(status="held", code="customer_address_incomplete")
_DENIED_REFORM: Final = Ending(status="denied", code="denied_reform")
_FRESH: Final = timedelta(days=3)
_ENDED: Final = timedelta(days=GUARANTEE_DAYS + 5)

# How many of 200 sales, and which.
_KINDS: Final[tuple[tuple[int, Story], ...]] = (
    (14, Story(title="every event of it was lost", road="lost")),
    (4, Story(title="boleto, every event of it was lost", road="lost", method="bank_slip",
              paid_ago=timedelta(days=6))),
    (12, Story(title="every event came twice or more", road="doubled")),
    (8, Story(title="its events came late", road="late")),
    (10, Story(title="its events came out of order", road="reordered", method="pix")),
    (14, _rests("in_guarantee", None, "guarantee still running", product=COURSE,
                paid_ago=_FRESH)),
    (8, Story(title="guarantee already over", product=COURSE, paid_ago=_ENDED)),
    (8, _rests("waiting_payment", None, "not paid yet", payment="open", method="bank_slip")),
    (2, Story(title="paid later", payment="open", method="pix", afterwards="pay",
              first=Ending(status="waiting_payment"))),
    (5, _rests("skipped", "bill_canceled", "cancelled at Vindi", payment="cancelled",
               method="bank_slip")),
    (3, _rests("skipped", "zero_amount", "free of charge", lines=("0.00",))),
    (4, _rests("skipped", "rule_never", "a partner, who gets no nota", buyer="partner")),
    (3, _rests("held", "rule_manual", "waits for a decision", product=CONSULTING)),
    (1, Story(title="issued by hand", product=CONSULTING, afterwards="issue_by_hand",
              first=Ending(status="held", code="rule_manual"))),
    (3, _rests("skipped", "refunded", "refunded during the guarantee", product=COURSE,
               refund="full")),
    (2, _rests("held", "partially_refunded", "part refunded during the guarantee",
               product=COURSE, refund="part")),
    (3, Story(title="refunded after the nota", afterwards="refund",
              last=Ending(status="cancelled", code="refunded"))),
    (2, Story(title="part refunded after the nota", afterwards="refund_part",
              last=Ending(status="issued", code="partially_refunded"))),
    (4, _rests("held", "customer_address_incomplete", "no address", buyer="no_address")),
    (2, Story(title="address completed afterwards", buyer="no_address", first=_HELD_ADDRESS,
              afterwards="complete_address")),
    (4, _rests("held", "customer_document_missing", "no document", buyer="no_document")),
    (3, _rests("held", "customer_document_invalid", "wrong document", buyer="bad_document")),
    (2, Story(title="denied, sent again by support", denial="reform", denied_once=True,
              first=_DENIED_REFORM, afterwards="send_again")),
    (1, _denied("address", "the city refused the address")),
    (1, _denied("contact", "the issuer refused the contact")),
    (1, _denied("service", "the city refused the service code")),
    (3, Story(title="two services, a nota each", lines=("149.90", "80.00"),
              products=(PLAN, TALK))),
    (1, Story(title="two services, refunded after the notas", lines=("149.90", "80.00"),
              products=(PLAN, TALK), afterwards="refund",
              last=Ending(status="cancelled", code="refunded"))),
    (4, Story(title="with a discount", lines=("240.00", "-41.10"), method="pix",
              paid_ago=timedelta(days=2))),
)  # fmt: skip

_METHODS: Final = (
    ("paid by card", "credit_card"), ("paid by Pix", "pix"), ("paid by boleto", "bank_slip"),
)  # fmt: skip
_AMOUNTS: Final = ("49.90", "79.00", "129.9", "179.90", "349.00", "1200.5")


def _ordinary(count: int) -> Iterator[Story]:
    """Sales that simply go well, paid on all days of the past four weeks."""
    for number in range(count):
        title, method = _METHODS[number % 3]
        plain = Story(title=title, method=method, lines=(_AMOUNTS[number % 6],))
        yield replace(plain, paid_ago=timedelta(days=number % 28, hours=number % 5))
