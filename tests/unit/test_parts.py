"""A bill divided by service: to the cent, the same at every read, nothing at zero."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.backfill import foresee
from shared.domain.bill import Bill
from shared.domain.decide import decide
from shared.domain.decision import Issue
from shared.domain.money import Cents
from shared.domain.nota import NotaStatus
from shared.domain.part_states import in_round, is_over, nota_to_act_on, together, unwanted
from shared.domain.parts import Part, PartWish, Share, allocate, divide, service_of
from shared.domain.rule import Rule
from shared.domain.sale import SaleStatus
from tests.builders import NOW, a_bill, a_line, a_rule, a_sale, terms

RULE = a_rule(
    service={"lc116": "1.07"},
    services_by_product_code={"P2": {"lc116": "1.09"}, "P3": {"lc116": "8.02"}},
)
_ANY_LINES = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, 4, None]), st.integers(-9_999, 99_999)),
    min_size=1,
    max_size=12,
)


def mixed(*lines: tuple[int | None, int]) -> Bill:
    """A bill of these products and amounts; None is a line of no product."""
    return a_bill(
        lines=tuple(
            a_line(cents, id=number, product_id=p, product_code=None if p is None else f"P{p}")
            for number, (p, cents) in enumerate(lines, start=1)
        )
    )


def amounts(bill: Bill, rule: Rule = RULE) -> list[int]:
    return [share.amount for share in divide(bill, rule)]


@given(_ANY_LINES)
def test_the_shares_of_any_bill_add_up_to_the_cent_and_none_is_nothing(
    lines: list[tuple[int | None, int]],
) -> None:
    bill = mixed(*lines)
    shares = divide(bill, RULE)

    if bill.lines_total > 0:
        assert sum(share.amount for share in shares) == bill.lines_total
    else:
        assert shares == ()
    assert all(share.amount > 0 for share in shares)
    assert [share.part for share in shares] == list(range(1, len(shares) + 1))


@given(_ANY_LINES, st.randoms())
def test_a_bill_whose_lines_come_in_another_order_is_divided_alike(
    lines: list[tuple[int | None, int]], random: st.DataObject
) -> None:
    bill = mixed(*lines)
    shuffled = list(bill.lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random

    assert divide(replace(bill, lines=tuple(shuffled)), RULE) == divide(bill, RULE)


@given(_ANY_LINES)
def test_no_line_is_of_two_shares_and_every_share_has_one_service(
    lines: list[tuple[int | None, int]],
) -> None:
    bill = mixed(*lines)
    shares = divide(bill, RULE)
    ids = [one for share in shares for one in share.lines]
    services = [service_of(bill, share, RULE) for share in shares]

    assert len(ids) == len(set(ids))
    assert None not in services
    assert len(set(services)) == len(services)


@given(st.integers(1, 10**9), st.lists(st.integers(1, 10**9), min_size=1, max_size=20))
def test_what_is_spread_is_less_than_a_centavo_from_its_proportion(
    total: int, weights: list[int]
) -> None:
    spread = allocate(Cents(total), weights)

    assert sum(spread) == total
    for amount, weight in zip(spread, weights, strict=True):
        assert abs(amount * sum(weights) - total * weight) < sum(weights)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([(1, 8_000), (2, 2_000)], [8_000, 2_000]),
        ([(2, 2_000), (1, 8_000)], [2_000, 8_000]),  # in the order of the bill
        ([(1, 8_000), (4, 500), (2, 2_000)], [8_500, 2_000]),  # one service, one share
        ([(1, 8_000), (2, 2_000), (1, -1_000)], [7_000, 2_000]),
        ([(1, 8_000), (2, 2_000), (None, -1_000)], [7_200, 1_800]),
        ([(1, 8_000), (2, 2_000), (3, -1_000)], [7_200, 1_800]),  # of a product not sold
        ([(1, 1), (2, 1), (3, 1), (None, -1)], [1, 1]),  # a centavo each is all there is
        ([(1, 100), (2, 100), (3, 100), (None, -100)], [67, 67, 66]),
        ([(1, 8_000), (2, 2_000), (2, -3_000)], [7_000]),
        ([(1, 8_000), (2, 2_000), (None, -10_000)], []),
        ([(1, 8_000), (2, 0)], [8_000]),
    ],
)
def test_a_bill_is_divided_as_an_accountant_would(
    lines: list[tuple[int | None, int]], expected: list[int]
) -> None:
    assert amounts(mixed(*lines)) == expected


def test_a_part_says_its_own_products_and_amount() -> None:
    bill = a_bill(
        lines=(
            a_line(8_000, id=1, product_id=1, product_code="P1", product_name="Plano Ouro"),
            a_line(2_000, id=2, product_id=2, product_code="P2", product_name="Livro digital"),
        )
    )
    rule = RULE.model_copy(update={"description": "{produtos}: {valor}, fatura {fatura}"})
    decision = decide(a_sale(bill), rule, terms(), NOW)

    assert isinstance(decision, Issue)
    assert decision.draft.description == "Plano Ouro: R$ 80,00, fatura 4711"
    assert decision.draft.amount == 8_000
    assert (decision.part, decision.draft.service.lc116) == (1, "1.07")


def test_a_backfill_foresees_the_whole_of_a_divided_sale() -> None:
    decision = decide(a_sale(mixed((1, 8_000), (2, 2_000))), RULE, terms(), NOW)

    assert foresee(decision).to_issue == 10_000


def a_part(
    number: int, status: NotaStatus | None, *, revision: int = 1, resend: bool = False
) -> Part:
    return Part(
        share=Share(part=number, amount=Cents(100), lines=(number,)),
        status=status,
        revision=0 if status is None else revision,
        resend=resend,
    )


N = NotaStatus


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (N.ISSUED, N.UNCERTAIN, SaleStatus.UNCERTAIN),
        (N.PENDING, N.UNCERTAIN, SaleStatus.UNCERTAIN),
        (N.ISSUED, N.SENDING, SaleStatus.ISSUING),
        (N.DENIED, N.PENDING, SaleStatus.ISSUING),
        (N.ISSUED, None, SaleStatus.ISSUING),
        (N.ISSUED, N.ISSUED, SaleStatus.ISSUED),
        (N.ISSUED, N.DENIED, SaleStatus.DENIED),
        (N.CANCELLING, None, SaleStatus.CANCELLING),
        (N.CANCELLING, N.DENIED, SaleStatus.CANCELLING),
        (N.CANCELLED, N.CANCELLING, SaleStatus.CANCELLING),
        (N.CANCELLED, N.CANCEL_REFUSED, SaleStatus.CANCEL_REFUSED),
        (N.CANCEL_REFUSED, N.DENIED, SaleStatus.CANCEL_REFUSED),
        (N.CANCELLED, N.DENIED, SaleStatus.CANCELLED),
        (N.CANCELLED, None, SaleStatus.CANCELLED),
        (N.CANCELLED, N.CANCELLED, SaleStatus.CANCELLED),
        (N.CANCELLED, N.ISSUED, SaleStatus.ISSUED),
    ],
)
def test_a_sale_is_as_its_parts_are_together(
    first: NotaStatus | None, second: NotaStatus | None, expected: SaleStatus
) -> None:
    assert together([a_part(1, first), a_part(2, second)]) is expected
    assert together([a_part(2, second), a_part(1, first)]) is expected


_ANY_PART = st.builds(
    a_part,
    st.integers(1, 3),
    st.none() | st.sampled_from(NotaStatus),
    revision=st.integers(1, 2),
    resend=st.booleans(),
)


@given(st.lists(_ANY_PART, min_size=2, max_size=4))
def test_any_parts_have_a_status_and_over_is_never_with_something_alive(
    parts: list[Part],
) -> None:
    states = in_round(parts)
    over = is_over(states)

    assert together(states) in SaleStatus
    if over:
        assert together(states) is SaleStatus.CANCELLED
        about = nota_to_act_on(states)
        assert about is None or about.status is NotaStatus.CANCELLED


@pytest.mark.parametrize("status", [None, *NotaStatus])
@pytest.mark.parametrize("then_cancel", [None, "refunded"])
@pytest.mark.parametrize("wish", [None, "cancel", "issue"])
def test_one_nota_makes_of_its_sale_what_two_alike_make_of_theirs(
    status: NotaStatus | None, then_cancel: str | None, wish: PartWish | None
) -> None:
    one = Part(
        share=Share(part=0, amount=Cents(100)), status=status, then_cancel=then_cancel, wish=wish
    )

    assert unwanted([one]) == unwanted([one, one])
    assert together([one]) is together([one, one])


@given(st.lists(_ANY_PART, max_size=3))
def test_a_part_cancelled_in_an_earlier_round_is_owed_again(others: list[Part]) -> None:
    sent_again = a_part(1, N.PENDING, revision=3)
    cancelled = a_part(2, N.CANCELLED, revision=2)

    states = in_round([*others, sent_again, cancelled])

    assert states[-1].owed
    assert in_round([*others, cancelled, a_part(3, None)])[-2].status is N.CANCELLED
