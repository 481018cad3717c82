"""What remains once a person is taken out, and by which words they are found."""

import base64
import json
import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.commands.privacy.whose_events import is_theirs
from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.privacy.person_read import PersonEvent
from shared.domain.ids import TenantId
from shared.domain.privacy.bare import OUT, bare_bill, documented_draft, without_words
from shared.domain.privacy.who import Who, mentions, who_is

CPF = "12345678909"


def test_a_field_that_nobody_thought_of_goes() -> None:
    bill = {
        "id": 1,
        "amount": "10.0",
        "customer": {"id": 9, "name": "Dora", "nickname": "Dô"},
        "new_field": "Dora",
        "bill_items": [{"id": 2, "amount": "10.0", "buyer": "Dora", "discount": {"by": "Dora"}}],
        "charges": [{"id": 3, "status": "paid", "last_transaction": {"holder": "Dora"}}],
        "subscription": {"id": 4, "owner": "Dora", "plan": {"id": 5, "code": "M", "for": "Dora"}},
    }

    bare = bare_bill(bill)

    assert "Dora" not in str(bare)
    assert bare["customer"] == {"id": 9}
    assert bare["bill_items"][0]["discount"] == {}
    assert bare_bill(bare) == bare


def test_what_the_law_keeps_of_a_draft_is_all_but_how_to_reach_the_buyer() -> None:
    draft = {
        "amount": 100,
        "tomador": {"name": "Dora", "document": CPF, "email": "d@x.example", "phone": "1"},
        "more_emails": ["d2@x.example"],
    }

    kept = documented_draft(draft)

    assert kept["tomador"] == {"name": "Dora", "document": CPF, "email": None, "phone": None}
    assert "x.example" not in str(kept)


def test_a_document_is_found_as_people_write_it() -> None:
    who = who_is(
        {"name": "Dora Lima", "registry_code": "123.456.789-09", "email": "a@x.br; b@x.br"}
    )

    assert "123.456.789-09" in who.words
    assert CPF in who.words
    assert who.emails == ("a@x.br", "b@x.br")
    assert set(who.sure) == {CPF, "123.456.789-09"}
    assert Who(names=("Ana",)).words == ()


def test_letters_that_cannot_be_cut_out_take_the_whole_text() -> None:
    assert without_words("pediu STRASSE hoje", ("straße",)) == OUT
    assert without_words("pediu DORA LIMA hoje", ("Dora Lima",)) == f"pediu {OUT} hoje"


def test_a_name_inside_of_a_longer_one_is_somebody_elses() -> None:
    assert not mentions("Mariana pediu", ("Maria",))
    assert not mentions("nota 9912345678909", (CPF,))
    assert mentions("MARIA, que pediu", ("Maria",))
    assert mentions("outra-dora@x.example", ("dora@x.example",))
    assert without_words("Mariana e Maria", ("Maria",)) == f"Mariana e {OUT}"


def test_accents_are_left_out_by_whoever_types() -> None:
    assert mentions("ligou o Joao Araujo hoje", ("João Araújo",))
    assert without_words("ligou o Joao Araujo hoje", ("João Araújo",)) == OUT


@given(st.text(max_size=60), st.lists(st.text(min_size=5, max_size=12), max_size=4))
def test_nothing_that_is_looked_for_stays(text: str, words: list[str]) -> None:
    looked_for = [word for word in words if not mentions(OUT, (word,))]

    bare = without_words(text, looked_for)

    assert not mentions(bare, looked_for)
    assert not looked_for or re.search("…", bare) or bare == text


@pytest.mark.parametrize(
    ("said", "word"), [("Jose Araujo", "José Araújo"), ("JOSÉ ARAÚJO", "Jose Araujo")]
)
def test_a_raw_event_names_somebody_also_with_other_accents(said: str, word: str) -> None:
    sealer = Sealer.from_text([base64.urlsafe_b64encode(b"k" * 32).decode()])
    tenant, number = TenantId("tabcdefghij"), UUID(int=1)
    body = json.dumps({"event": {"data": {"name": said}}}, ensure_ascii=False).encode()
    event = PersonEvent(
        received_at=datetime(2026, 11, 29, tzinfo=UTC),
        event_id=number,
        type=None,
        bill_id=None,
        bill_customer_id=None,
        body=columns.EVENT.seal(sealer, tenant, body, number),
    )

    assert is_theirs(sealer, tenant, event, words=(word,), customers=())
    assert not is_theirs(sealer, tenant, event, words=("Maria Araújo",), customers=(7,))
