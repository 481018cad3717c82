import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.external_id import LARGEST_BILL, NotaKey, external_id, read_external_id
from shared.domain.ids import BillId, TenantId
from shared.domain.nota import IssuerEnvironment

ENVIRONMENTS = st.sampled_from(list[IssuerEnvironment](["Homologacao", "Producao"]))


@given(
    environment=ENVIRONMENTS,
    bill=st.integers(1, LARGEST_BILL),
    part=st.integers(0, 999),
    revision=st.integers(1, 999_999_999),
)
def test_what_is_written_is_read_again(
    environment: IssuerEnvironment, bill: int, part: int, revision: int
) -> None:
    key = NotaKey(
        tenant=TenantId("tabcdefghij"),
        environment=environment,
        bill=BillId(bill),
        part=part,
        revision=revision,
    )

    written = external_id(
        tenant=key.tenant,
        environment=key.environment,
        bill=key.bill,
        revision=key.revision,
        part=key.part,
    )

    assert read_external_id(written) == key
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,50}", written)


@pytest.mark.parametrize(
    "text",
    [
        None, 4711, "", "4711", "h-tabcdefghij-4711", "x-tabcdefghij-4711-1",
        "h-tabcdefghij-4711x0-1", "h-tabcdefghij-0-1", "h-tabcdefghij-٤-1",
        f"h-tabcdefghij-{LARGEST_BILL + 1}-1", "h-tabcdefghij-4711-1\n",
    ],
)  # fmt: skip
def test_whatever_is_not_ours_is_not_read(text: object) -> None:
    assert read_external_id(text) is None


@given(st.text() | st.binary() | st.integers() | st.none())
def test_reading_is_total(text: object) -> None:
    read_external_id(text)
