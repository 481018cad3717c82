from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bill import BillStatus
from shared.domain.money import show_reais
from shared.vindi.errors import UnreadableBillError
from shared.vindi.payloads import (
    id_in,
    read_bill,
    read_billed_charge,
    read_charge,
    read_customer,
    read_instant,
    read_merchant,
    read_refund,
    read_second,
)
from tests.vendors.bodies import a_bill, a_charge, a_customer, a_refund


def test_a_bill_is_read_with_its_discount_and_its_payment() -> None:
    bill = read_bill(a_bill())

    assert bill.amount == bill.lines_total == 17990
    assert [line.amount for line in bill.lines] == [19990, -2000]
    assert bill.lines[1].quantity == 1
    assert bill.updated_at == datetime(2026, 3, 31, 12, 5, 3, tzinfo=UTC)
    assert bill.charges[0].paid_at == datetime(2026, 3, 31, 12, 5, 2, tzinfo=UTC)
    assert (bill.cycle, bill.plan_code, bill.customer_code) == (4, "M", "C-77")


def test_a_bill_of_a_single_sale_may_lack_almost_everything() -> None:
    body = a_bill(
        code=12345,
        metadata=[],
        period=None,
        subscription=None,
        amount=0,
        charges=[],
        something_new={"of": ["any", "kind"]},
    )
    del body["bill_items"], body["installments"]

    bill = read_bill(body)

    assert (bill.code, bill.amount, bill.lines, bill.charges) == ("12345", 0, (), ())
    assert (bill.metadata, bill.cycle, bill.plan_code, bill.installments) == ({}, None, None, 1)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"status": "on_the_moon"}, "status cannot be read"),
        ({"status": None}, "status is missing"),
        ({"id": None}, "id is missing"),
        ({"id": -3}, "id cannot be read"),
        ({"amount": ""}, "amount is missing"),
        ({"amount": "12,50"}, "amount cannot be read"),
        ({"customer": None}, "customer is missing"),
        ({"created_at": "yesterday"}, "created_at cannot be read"),
        ({"updated_at": "2026-03-31T09:05:03"}, "updated_at cannot be read"),
        ({"charges": "none"}, "charges is not a list"),
        ({"bill_items": [{"id": 1, "amount": None}]}, "amount is missing"),
    ],
)
def test_a_bill_that_cannot_be_acted_on_says_which_field(
    changed: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UnreadableBillError) as caught:
        read_bill(a_bill(**changed))

    assert caught.value.problem == problem
    assert caught.value.code == "bill_unreadable"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"created_at": "9999-12-31T23:59:59.000-03:00"}, "created_at cannot be read"),
        ({"created_at": "0001-01-01T00:00:00.000+03:00"}, "created_at cannot be read"),
        ({"updated_at": "9999-12-31T00:00:00.000Z"}, "updated_at cannot be read"),
        ({"billing_at": "1899-12-30T00:00:00.000-03:00"}, "billing_at cannot be read"),
        (
            {"charges": [a_charge(paid_at="9999-12-31T00:00:00.000-03:00")]},
            "paid_at cannot be read",
        ),
        ({"amount": "100000000000.01"}, "amount cannot be read"),
        ({"amount": -1e14}, "amount cannot be read"),
        ({"id": 2**63}, "id cannot be read"),
        ({"customer": {"id": 10**30}}, "id cannot be read"),
        ({"bill_items": [{"id": 1, "amount": "1.0"}] * 2001}, "bill_items are too many"),
        ({"charges": [a_charge()] * 2001}, "charges are too many"),
    ],
)
def test_what_no_later_step_could_bear_is_refused_when_it_is_read(
    changed: dict[str, Any], problem: str
) -> None:
    with pytest.raises(UnreadableBillError) as caught:
        read_bill(a_bill(**changed))

    assert caught.value.problem == problem


def test_a_bill_that_never_falls_due_is_a_bill_all_the_same() -> None:
    assert read_bill(a_bill(due_at="9999-12-31T23:59:59.000-03:00")).due_at is None


def test_texts_have_an_end_and_ids_may_come_as_text_or_with_a_fraction_of_nothing() -> None:
    bill = read_bill(a_bill(id="4711", customer={"id": 12.0, "name": "x" * 1_000_000}))

    assert (bill.id, bill.customer_id, len(bill.customer_name)) == (4711, 12, 2000)


@pytest.mark.parametrize("number", [None, "", -1, 0, 2**63, 1.5, True, [1], {"id": -1}, "x", 1e300])
def test_the_id_of_a_record_that_cannot_be_read_is_one_we_can_store_or_none(number: Any) -> None:
    assert id_in({"id": number}) is None
    assert id_in({"charge": {"id": "7"}}, "charge") == 7


@pytest.mark.parametrize("body", [None, [], "bill", 7, {}])
def test_what_is_no_bill_is_unreadable(body: object) -> None:
    with pytest.raises(UnreadableBillError):
        read_bill(body)


def test_a_charge_status_that_vindi_invents_tomorrow_is_kept() -> None:
    assert read_charge(a_charge(status="chargeback")).status == "chargeback"


def test_a_charge_alone_names_its_bill() -> None:
    found = read_billed_charge(a_charge(bill={"id": 900001, "code": None}))

    assert (found.bill_id, found.charge.id) == (900001, 960001)


@pytest.mark.parametrize(
    "changed",
    [{"transaction_type": "capture"}, {"status": "rejected"}, {"status": None}],
)
def test_only_a_refund_that_succeeded_counts(changed: dict[str, Any]) -> None:
    assert read_refund(a_refund(**changed)) is None


def test_a_refund_is_what_was_given_back() -> None:
    refund = read_refund(a_refund())

    assert refund is not None
    assert (refund.charge_id, refund.amount) == (960001, 5000)


def test_a_customer_is_read_with_a_bare_document() -> None:
    customer = read_customer(a_customer())

    assert customer.document == "11222333000181"
    assert (customer.name, customer.code) == ("Padaria Fictícia Ltda", "77")
    assert (customer.address.zip, customer.address.complement) == ("01001000", None)


def test_all_telephones_of_a_customer_are_kept_in_their_order() -> None:
    rows = [{"number": None}, {"number": "552"}, "odd", {"number": 21977776666}, {"number": ""}]
    customer = read_customer(a_customer(phones=rows))

    assert (customer.phone, customer.phones) == ("552", ("552", "21977776666"))


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("01001 000", "01001000"),
        ("01.001-000", "01001000"),
        ("CEP: 01001-000", "01001000"),
        ("\u00a001001\u2010000", "01001000"),
        ("０１００１０００", "01001000"),
        (1001000, "1001000"),  # which digit was lost cannot be known
        ("1000-001", "1000-001"),  # of Lisbon
        (" - ", "-"),
        ("", None),
    ],
)
def test_a_cep_is_its_eight_digits_however_it_is_typed(typed: object, read: str | None) -> None:
    address = {"zipcode": typed, "city": "São Paulo"}
    assert read_customer(a_customer(address=address)).address.zip == read


@pytest.mark.parametrize(
    "typed",
    [
        "12.abc.345/01de-35",
        " 12ABC345 01DE35\u00a0",
        "１２ＡＢＣ３４５０１ＤＥ３５",
        "12-ABC-345/01DE/35",
    ],
)
def test_a_document_is_bare_and_in_capitals_however_it_is_typed(typed: str) -> None:
    assert read_customer(a_customer(registry_code=typed)).document == "12ABC34501DE35"


def test_a_customer_may_be_almost_empty() -> None:
    customer = read_customer({"id": 1, "address": None, "phones": [], "registry_code": ""})

    assert (customer.document, customer.email, customer.phone) == (None, None, None)
    assert customer.address.city is None


def test_the_account_shows_its_cnpj() -> None:
    merchant = read_merchant({"id": 1, "name": "Loja", "registry_code": "11.222.333/0001-81"})

    assert (merchant.name, merchant.registry_code) == ("Loja", "11222333000181")


@given(st.integers(-(10**12), 10**12), st.booleans())
def test_money_is_read_back_to_the_centavo(cents: int, as_number: bool) -> None:
    text = show_reais(cents)
    amount: object = float(text) if as_number else str(Decimal(text).normalize())

    assert read_bill(a_bill(amount=amount)).amount == cents


@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - the zone is added
    st.sampled_from([-3, -2, 0]),
)
def test_times_are_read_into_utc_and_cut_to_seconds(local: datetime, offset: int) -> None:
    written = local.replace(tzinfo=timezone(timedelta(hours=offset)))

    text = written.isoformat(timespec="milliseconds")

    assert read_instant(text) == written.replace(microsecond=written.microsecond // 1000 * 1000)
    assert read_second(text) == written.replace(microsecond=0)
    assert read_second(text).utcoffset() == timedelta()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(a_bill())), json_values)
def test_a_bill_with_any_field_broken_is_read_or_refused(field: str, value: Any) -> None:
    try:
        bill = read_bill(a_bill() | {field: value})
    except UnreadableBillError:
        return
    assert bill.status in BillStatus


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ("1.5", 1.5),
        (0.333, 0.333),
        ("2,5", 2.5),
        ("3.0", 3),
        (None, 1),
        (0, 1),
        ("0.0", 1),
        (-1, 1),
        ("x", 1),
        ([], 1),
        (True, 1),
        ("9" * 400, 1),
    ],
)
def test_a_quantity_of_any_kind_makes_no_bill_unreadable(told: object, read: float) -> None:
    """Those of a meter have a fraction, and no nota depends on one."""
    body = a_bill()
    body["bill_items"][0]["quantity"] = told
    body["installments"] = told

    bill = read_bill(body)

    assert bill.lines[0].quantity == read
    assert isinstance(bill.installments, int)


def test_whole_numbers_with_a_point_are_read_as_people_write_them() -> None:
    told = {"registry_code": 52998224725.0, "phones": [{"number": 5511987654321.0}]}
    customer = read_customer(a_customer() | told | {"address": {"number": 12.0, "zipcode": 1.5}})

    assert customer.document == "52998224725"
    assert customer.phones == ("5511987654321",)
    assert (customer.address.number, customer.address.zip) == ("12", "1.5")


def test_a_customer_whose_texts_were_read_in_the_wrong_alphabet_is_read_again() -> None:
    told = {"name": "JosÃ© da ConceiÃ§Ã£o", "address": {"city": "SÃ£o Paulo"}}

    customer = read_customer(a_customer() | told)

    assert (customer.name, customer.address.city) == ("José da Conceição", "São Paulo")
