"""Why a nota was not cancelled, where the refusal names a code."""

import pytest

from shared.domain.cancellations import WAITS
from shared.domain.ids import IssuerNotaId
from shared.domain.refusals import catalogue
from shared.issuer.enotas.cancellations import why_not_cancelled
from shared.issuer.interface import Phase, Snapshot

ISSUED = Snapshot(
    issuer_id=IssuerNotaId("n1"),
    external_id=None,
    phase=Phase.ISSUED,
    raw_status="Autorizada",
    reason=None,
    number="1",
    verification_code=None,
    has_pdf=True,
    has_xml=True,
    created_at=None,
    changed_at=None,
    issued_at=None,
    amount=None,
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("E0822: fora do prazo do município", "cancel_deadline"),
        ("E0823: acima do valor permitido", "cancel_refused"),
        ("E0824: nota sem tomador", "cancel_refused"),
        ("E0827: tributo já recolhido", "cancel_refused"),
        ("E0840: há evento que impede; aguardando nada", "cancel_refused"),
        ("E0848: análise fiscal em andamento", "cancel_in_progress"),
        ("E1831: nota não existe no ambiente", "cancel_not_found"),
        ("E0812: autor não é o do certificado", "cancel_certificate"),
        ("E1983: certificado vencido", "cancel_certificate"),
        ("E1845: ambiente errado", "cancel_refused"),
        ("Código: E6 Descrição: há crédito informado", "cancel_by_portal"),
        # Without a code words say it, as before.
        ("O prazo para cancelar terminou", "cancel_deadline"),
        ("Cancele pelo portal da prefeitura", "cancel_by_portal"),
        ("Há pagamento em aberto na conta", "cancel_account"),
        ("a prefeitura não quis", "cancel_refused"),
        ("Sua assinatura está vencida. Regularize para cancelar notas.", "cancel_account"),
        ("Emissão e cancelamento suspensos: boleto em aberto", "cancel_account"),
        ("NFS-e bloqueada pelo município", "cancel_refused"),
        ("Cancelamento suspenso por ato da fiscalização", "cancel_refused"),
        ("Esta nota já está cancelada", "cancel_in_progress"),
        ("NFS-e já cancelada na prefeitura", "cancel_in_progress"),
        ("Pedido de cancelamento em análise", "cancel_in_progress"),
        ("Nota com guia paga não pode ser cancelada", "cancel_deadline"),
        ("O cancelamento só é permitido até o dia 5 do mês seguinte", "cancel_deadline"),
        ("Nota emitida há mais de 30 dias", "cancel_deadline"),
        ("Cancelamento somente mediante processo administrativo", "cancel_by_portal"),
        ("Solicite o cancelamento presencialmente na prefeitura", "cancel_by_portal"),
        ("Erro interno", "cancel_unexplained"),
    ],
)
def test_a_code_says_who_acts_before_words_do(text: str, code: str) -> None:
    assert why_not_cancelled(text, ISSUED) == code


def test_every_word_for_a_cancellation_is_one_that_is_dealt_with() -> None:
    assert {row.cancels for row in catalogue() if row.cancels} <= set(WAITS)
