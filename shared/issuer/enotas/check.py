"""What would surely be refused, seen before anything is sent (enotas-api, 4.2, 4.3)."""

from typing import Final

from shared.domain.nota import NotaDraft
from shared.domain.party import document_state, missing_address_parts
from shared.issuer.interface import Finding

LEAST_DESCRIPTION: Final = 10  # national standard, useful characters
MOST_DESCRIPTION: Final = 2000


def check_draft(draft: NotaDraft) -> tuple[Finding, ...]:
    """Name every certain fault of a draft; the codes are those of denials."""
    tomador = draft.tomador
    useful = len(draft.description.strip())
    incomplete = tomador.address is not None and missing_address_parts(tomador.address)
    faults = (
        (draft.amount <= 0, "denied_service", "O valor da nota deve ser positivo."),
        (
            not LEAST_DESCRIPTION <= useful <= MOST_DESCRIPTION,
            "denied_service",
            "A descrição do serviço deve ter de 10 a 2000 caracteres.",
        ),
        (not tomador.name.strip(), "denied_document", "Falta o nome do cliente."),
        (
            document_state(tomador.document) == "invalid",
            "denied_document",
            "O CPF ou CNPJ do cliente não é válido.",
        ),
        (incomplete, "denied_address", "O endereço do cliente está incompleto."),
    )
    return tuple(Finding(code=code, message=message) for fault, code, message in faults if fault)
