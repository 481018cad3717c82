"""What is read from a delivery, without any server."""

import json
import time
from base64 import b64encode
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.webhook.interpret import Flag, Heard, read_enotas, read_vindi
from shared.domain.external_id import LARGEST_BILL
from shared.domain.ids import BillId, TenantId
from tests.services.webhook.payloads import a_bill_event, a_charge_event, a_notification, an_event

TENANT = TenantId("tabcdefghij")
STRANGER = TenantId("tzzzzzzzzzz")
PATIENCE = 5.0  # seconds, for what is to take a hundredth of that

BOMB = b"[" * 200_000
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_a_paid_bill_is_due_and_its_instant_is_utc() -> None:
    assert read_vindi(a_bill_event(4711)) == Heard(
        type="bill_paid",
        bill_id=BillId(4711),
        event_at=datetime(2026, 10, 5, 13, 11, 12, 345000, tzinfo=UTC),
        due=True,
    )


@pytest.mark.parametrize("kind", ["charge_created", "charge_rejected", "charge_refunded"])
def test_a_charge_is_about_its_bill(kind: str) -> None:
    heard = read_vindi(a_charge_event(4711, kind))
    assert (heard.bill_id, heard.due, heard.flag) == (4711, True, None)


def test_a_bill_that_was_only_looked_at_makes_nothing_due() -> None:
    heard = read_vindi(a_bill_event(kind="bill_seen"))
    assert (heard.bill_id, heard.due, heard.flag) == (4711, False, None)


def test_an_unknown_type_with_a_bill_is_flagged_and_due() -> None:
    heard = read_vindi(a_bill_event(kind="bill_reopened"))
    assert (heard.bill_id, heard.due, heard.flag) == (4711, True, "unknown_type")


def test_the_test_event_may_lack_everything() -> None:
    assert read_vindi(b'{"event":{"type":"test"}}') == Heard(type="test")


def test_an_event_that_is_about_no_bill_is_stored_without_a_flag() -> None:
    heard = read_vindi(an_event("subscription_created", {"subscription": {"id": 5}}))
    assert (heard.bill_id, heard.due, heard.flag) == (None, False, None)


@pytest.mark.parametrize(
    ("body", "flag"),
    [
        (b"", "malformed"),
        (b"not json", "malformed"),
        (b'{"event":', "malformed"),
        (b"\xff\xfe\xfa\x00", "malformed"),
        (b'{"event":{"type":"\xc3"}}', "no_data"),  # one odd letter spoils no event
        (BOMB, "malformed"),
        (b'{"a":' * 100_000, "malformed"),
        (b'{"event":{"data":{"bill":{"id":' + b"9" * 5000 + b"}}}}", "malformed"),
        (b"[]", "not_an_object"),
        (b'"bill_paid"', "not_an_object"),
        (b"{}", "no_event"),
        (b'{"event":[]}', "no_event"),
        (b'{"event":{"type":"bill_paid"}}', "no_data"),
        (b'{"event":{"type":"bill_paid","data":[]}}', "no_data"),
        (an_event(None, {}), "no_type"),
        (an_event("bill\x00paid", {}), "no_type"),
        (an_event("\ud800", {}), "no_type"),
        (an_event("x" * 65, {}), "no_type"),
        (an_event("bill_paid", {}), "no_bill_id"),
        (an_event("charge_created", {"charge": {"id": 1}}), "no_bill_id"),
        (a_bill_event("4711x"), "bad_bill_id"),
        (a_bill_event("-4711"), "bad_bill_id"),
        (a_bill_event("٤٧"), "bad_bill_id"),
        (a_bill_event("9" * 19), "bad_bill_id"),
        (a_bill_event(True), "bad_bill_id"),
        (a_bill_event(0), "bad_bill_id"),
        (a_bill_event(-1), "bad_bill_id"),
        (a_bill_event(4711.5), "bad_bill_id"),
        (a_bill_event(1e18), "bad_bill_id"),
        (a_bill_event(LARGEST_BILL + 1), "bad_bill_id"),
        (a_bill_event([4711]), "bad_bill_id"),
    ],
)
def test_what_cannot_be_read_is_flagged_and_names_no_bill(body: bytes, flag: Flag) -> None:
    heard = read_vindi(body)
    assert (heard.flag, heard.bill_id, heard.due) == (flag, None, False)


EVENT = a_bill_event(4711)


@pytest.mark.parametrize(
    "body",
    [
        a_bill_event("4711"),
        a_bill_event(4711.0),
        a_charge_event("4711"),
        a_bill_event(" 4711 "),
        a_bill_event("4711.0"),
        b'{"Records":[{"messageId":"m","body":' + json.dumps(EVENT.decode()).encode() + b"}]}",
        b'{"Type":"Notification","Message":' + json.dumps(EVENT.decode()).encode() + b"}",
        b'{"isBase64Encoded":true,"body":"' + b64encode(EVENT) + b'"}',
        b'{"message":{"data":"' + b64encode(EVENT) + b'"}}',
        b'{"event.type":"bill_paid","event.data.bill.id":4711}',
        b'{"event__type":"bill_paid","event__data__bill__id":"4711"}',
        b"\xef\xbb\xbf" + EVENT,
        b"[" + EVENT + b"]",
        b'{"headers":{},"body":' + EVENT + b"}",
        b'[{"json":{"body":' + EVENT + b"}}]",
        json.dumps({"payload": EVENT.decode()}).encode(),
        json.dumps({"event": json.dumps(json.loads(EVENT)["event"])}).encode(),
        urlencode({"payload": EVENT.decode()}).encode(),
        urlencode({"event": json.dumps(json.loads(EVENT)["event"])}).encode(),
        b"event%5Btype%5D=bill_paid&event[data][bill][id]=4711&event[data][bill][amount]=179.9",
    ],
)
def test_an_event_that_a_middleman_encoded_anew_is_understood(body: bytes) -> None:
    heard = read_vindi(body)
    assert (heard.bill_id, heard.due, heard.flag) == (4711, True, None)


def several(*events: bytes) -> list[bytes]:
    """Events of one delivery, in the forms that queues and tools hand them on in."""
    inner = b",".join(events)
    texts = [event.decode() for event in events]
    return [
        b"[" + inner + b"]",
        b'{"events":[' + inner + b"]}",
        b'[{"json":{"body":' + b'}},{"json":{"body":'.join(events) + b"}}]",
        json.dumps({"Records": [{"body": text} for text in texts]}).encode(),
        json.dumps(texts).encode(),
        json.dumps({str(at): json.loads(text) for at, text in enumerate(texts)}).encode(),
        b"\n".join(events),
        b"\n".join(events) + b"\n{cut",
    ]


def heard_in(heard: Heard) -> list[int | None]:
    return [one.bill_id for one in (heard, *heard.others) if one.flag != "no_event"]


def parts_of(heard: Heard) -> list[bytes]:
    return [one.part or b"" for one in (heard, *heard.others)]


@pytest.mark.parametrize("body", several(a_bill_event(1), a_charge_event("2"), a_bill_event(1)))
def test_each_of_several_events_is_heard_and_has_its_part(body: bytes) -> None:
    heard = read_vindi(body)

    assert heard_in(heard) == [1, 2, 1]
    assert heard.others[0].type == "charge_refunded"
    assert [read_vindi(part).bill_id for part in parts_of(heard)[:3]] == [1, 2, 1]


@pytest.mark.parametrize("nothing", [b"null", b"7", b'"{cut"', b"[]", b"{}"])
def test_what_cannot_be_read_hides_none_of_the_others(nothing: bytes) -> None:
    events = [nothing, a_bill_event(1), nothing, a_bill_event("x"), a_bill_event(2), nothing]

    heard = read_vindi(b"[" + b",".join(events) + b"]")

    assert heard_in(heard) == [1, None, 2]
    assert [one.flag for one in heard.others] == ["bad_bill_id", None, "no_event"]
    assert json.loads(parts_of(heard)[-1]) == [json.loads(nothing)] * 3  # nothing is lost


def test_a_list_of_nothing_is_told_as_such() -> None:
    assert read_vindi(b"[[],[[]],7,{}]") == Heard(flag="not_an_object")
    assert read_vindi(b"{}\n{}\n") == Heard(flag="not_an_object")


def test_of_a_huge_list_a_hundred_are_heard_and_little_is_looked_at() -> None:
    events = b",".join(a_bill_event(bill) for bill in range(1, 4001))
    junk = b",".join([b'[[[[{"body":[{}]}]]]]'] * 40_000)

    heard = read_vindi(b"[" + events + b"]")
    assert heard_in(heard) == list(range(1, 101))
    assert len(json.loads(parts_of(heard)[-1])) == 3900
    began = time.perf_counter()
    assert read_vindi(b"[" + junk + b"]").bill_id is None
    assert time.perf_counter() - began < PATIENCE


def test_of_several_notifications_those_of_others_name_no_bill() -> None:
    ids = [f"p-{TENANT}-4711-1", f"p-{STRANGER}-4712-1", f"p-{TENANT}-4713-1", "75488"]
    body = b"[" + b",".join(map(a_notification, ids)) + b"]"

    heard = read_enotas(body, TENANT)

    assert heard_in(heard) == [4711, None, 4713, None]
    assert [one.due for one in heard.others] == [False, True, False]


@pytest.mark.parametrize("wrap", [b"[%s]", b'{"body":%s}', b"\xef\xbb\xbf%s"])
def test_so_is_a_notification(wrap: bytes) -> None:
    heard = read_enotas(wrap % a_notification(f"p-{TENANT}-4711-1"), TENANT)
    assert heard.bill_id == 4711


@pytest.mark.parametrize(
    "instant",
    [
        None,
        "1969-12-31T00:00:00Z",
        5,
        "soon",
        "2026-10-05",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_an_instant_out_of_time_is_no_instant(instant: object) -> None:
    assert read_vindi(a_bill_event(created_at=instant)).event_at is None


@pytest.mark.parametrize("sale", ["4711", "4711x2"])
def test_a_notification_with_our_id_is_about_its_bill(sale: str) -> None:
    heard = read_enotas(a_notification(f"p-{TENANT}-{sale}-1"), TENANT)
    assert heard == Heard(type="Autorizada", bill_id=BillId(4711), due=True)


@pytest.mark.parametrize(
    "external_id",
    [None, "", 5, "75488", f"p-{STRANGER}-4711-1", f"p-{TENANT}-0-1", f"q-{TENANT}-1-1",
     f"p-{TENANT}-9999999999999999999-1", f"p-{TENANT}-4711-1\n", f"p-{TENANT}-٤-1"],
)  # fmt: skip
def test_a_notification_without_an_id_of_this_tenant_is_about_no_bill(external_id: object) -> None:
    heard = read_enotas(a_notification(external_id), TENANT)
    assert (heard.bill_id, heard.due, heard.flag) == (None, False, "unmatched")


@given(st.binary())
def test_no_bytes_disturb_the_readers(body: bytes) -> None:
    read_vindi(body)
    read_enotas(body, TENANT)


@given(JSON, JSON)
def test_whatever_is_read_fits_the_database(kind: object, data: object) -> None:
    heard = read_vindi(an_event(kind, data))
    assert heard.bill_id is None or 0 < heard.bill_id <= LARGEST_BILL
    assert heard.type is None or "\0" not in heard.type.encode().decode()
    assert not heard.due or heard.bill_id
