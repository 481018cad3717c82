"""Which notas of an issuer's list count: rows may say their environment, or leave it out."""

import pytest

from services.reconciler.issuer_list.compare import is_real
from shared.domain.ids import TenantId
from shared.issuer.enotas.payloads import read_snapshot

TENANT = TenantId("tabcdefghij")


@pytest.mark.parametrize(
    ("external_id", "environment", "real"),
    [
        ("p-tabcdefghij-7-1", None, True),
        ("p-tabcdefghij-7x2-1", None, True),
        ("h-tabcdefghij-7-1", None, False),
        ("h-tabcdefghij-7x2-3", None, False),
        ("h-tother67890-7-1", None, False),  # another tenant of the same company
        ("h-tabcdefghij-teste-0123456789ab", None, False),
        ("pedido 7", None, True),  # somebody else's: it may be real, and a person looks
        (None, None, True),
        ("p-tabcdefghij-7-1", "producao", True),
        ("p-tabcdefghij-7-1", "Homologacao", False),
        ("h-tabcdefghij-7-1", "PRODUCAO", True),  # said, whatever was asked for
        (None, "homologacao", False),
    ],
)
def test_a_row_that_leaves_its_environment_out_is_known_by_its_id(
    external_id: str | None, environment: str | None, *, real: bool
) -> None:
    row = {"id": "n1", "status": "Autorizada", "idExterno": external_id}
    listed = read_snapshot(row if environment is None else {**row, "ambienteEmissao": environment})

    assert is_real(TENANT, listed) is real
