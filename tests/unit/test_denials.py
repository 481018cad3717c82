import re
from datetime import UTC, date, datetime, timedelta

import pytest

from shared.db.sales import customer_holds_store
from shared.domain.denials import ON_CUSTOMER, POLICIES, denial_group, gives_up, next_resend
from shared.domain.message_texts.denials import DENIALS
from shared.domain.refusals import read_refusal
from tests.builders import SAO_PAULO

DENIED_AT = datetime(2026, 11, 10, 15, tzinfo=UTC)
NOVEMBER = date(2026, 11, 9)


def wait(denial: str, sends: int, at: datetime = DENIED_AT) -> timedelta | None:
    due = next_resend(denial, sends, at, NOVEMBER, at, SAO_PAULO)
    return None if due is None else due - at


def test_every_class_of_the_interface_has_a_policy_and_a_message() -> None:
    assert set(POLICIES) == set(DENIALS)


@pytest.mark.parametrize(
    ("denial", "hours"),
    [
        ("denied_outage", [1, 6, 24, None]),
        ("denied_layout", [24, None]),
        ("denied_unknown", [1, None]),
        ("denied_certificate", [None]),
        ("denied_numbering", [None]),
        ("denied_of_tomorrow", [None]),
    ],
)
def test_a_denial_is_sent_again_by_itself_as_often_as_its_class_says(
    denial: str, hours: list[int | None]
) -> None:
    waits = [wait(denial, sends) for sends in range(len(hours))]

    assert waits == [None if h is None else timedelta(hours=h) for h in hours]


def test_nothing_is_sent_again_by_itself_once_the_month_is_over_in_the_tenants_city() -> None:
    # 23:30 in São Paulo: an hour later is December there, and was December in UTC already.
    last_hour = datetime(2026, 12, 1, 2, 30, tzinfo=UTC)
    evening = datetime(2026, 12, 1, 1, 30, tzinfo=UTC)

    assert wait("denied_outage", 0, last_hour) is None
    assert wait("denied_outage", 0, evening) == timedelta(hours=1)
    assert gives_up(read_refusal("Sistema fora do ar"), None)
    assert not gives_up(read_refusal("Certificado digital vencido"), None)
    assert not gives_up(read_refusal("texto que ninguém entende"), None)
    assert gives_up(read_refusal("Erro desconhecido"), None)


def test_a_wait_that_passed_unnoticed_is_over_now() -> None:
    now = DENIED_AT + timedelta(days=2)

    assert next_resend("denied_outage", 0, DENIED_AT, NOVEMBER, now, SAO_PAULO) == now


def test_texts_that_differ_in_numbers_and_accents_are_one_cause() -> None:
    word = str.encode

    one = denial_group("denied_service", "Código: E31 RPS 4321 inválido.", word)
    other = denial_group("denied_service", "codigo E31: RPS 99 INVALIDO", word)
    third = denial_group("denied_service", "Alíquota abaixo do mínimo", word)

    assert one == other
    assert one != third


def test_one_expired_certificate_is_one_cause_whatever_the_city_says() -> None:
    word = str.encode

    assert denial_group("denied_certificate", "venceu", word) == "denied_certificate"
    assert denial_group("denied_certificate", "expirou em 12/03", word) == "denied_certificate"


def test_the_denials_that_wait_for_a_customer_are_those_the_pass_asks_for() -> None:
    for statement in (
        customer_holds_store.ANY_WAITING,
        customer_holds_store.WAITING_FOR,
        customer_holds_store.CUSTOMERS_AFTER,
    ):
        assert set(re.findall(r"denied_\w+", statement)) == set(ON_CUSTOMER)
