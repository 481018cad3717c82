from datetime import UTC, date, datetime

import pytest

from shared.vindi.query import all_of, any_of, one_of_ids, where


def test_instants_are_asked_for_in_brasilia_time() -> None:
    mark = datetime(2026, 4, 1, 1, 30, 15, 900_000, tzinfo=UTC)

    assert where("updated_at", ">=", mark) == 'updated_at>="2026-03-31 22:30:15"'


def test_days_ids_and_words_stand_bare_and_texts_are_quoted() -> None:
    assert where("updated_at", "=", date(2026, 4, 1)) == "updated_at=2026-04-01"
    assert where("code", "=", "EX-1") == "code=EX-1"
    assert where("code", "=", "a b OR id>0") == 'code="a b OR id>0"'
    assert one_of_ids("id", [1, 2]) == "id=1 OR id=2"


def test_terms_are_joined() -> None:
    either = any_of([where("charge_id", "=", 1), where("charge_id", "=", 2)])

    query = all_of(where("transaction_type", "=", "refund"), either)

    assert query == "transaction_type=refund AND (charge_id=1 OR charge_id=2)"


@pytest.mark.parametrize("value", ['a"b', "a\\b", "a\nb", ""])
def test_a_value_that_could_change_the_query_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="quoted"):
        where("code", "=", value)
