"""Refusals as city halls, their suppliers and their servers word them, and what each asks for."""

from pathlib import Path
from typing import Final

import pytest

from shared.issuer.enotas.denials import classify_denial

TOLD: Final = [
    line.split("\t")
    for line in (Path(__file__).parent / "refusals_reported.tsv")
    .read_text(encoding="utf-8")
    .splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize(("denial", "who_acts", "text"), TOLD)
def test_a_refusal_is_read_in_whatever_words(denial: str, who_acts: str, text: str) -> None:
    known = classify_denial(text)

    assert (known.denial, known.who_acts) == (denial, who_acts)
    assert known.moves_day == (denial == "denied_competencia")
    assert not (denial == "denied_numbering" and known.resends)


@pytest.mark.parametrize(
    "text",
    [
        "Tempo esgotado: a nota pode ter sido emitida",
        "502 Bad Gateway - nota emitida",
        "Tempo de resposta excedido. Verifique se a NFS-e foi gerada antes de reenviar.",
        "Sistema indisponível. RPS 55 já convertido.",
        "Timeout (lote já enviado)",
        "O lote ainda está em processamento; tente mais tarde",
        "503: NFS-e autorizada, PDF indisponível",
    ],
)
def test_a_failure_that_may_have_made_a_nota_never_sends_itself_again(text: str) -> None:
    assert not classify_denial(text).resends


@pytest.mark.parametrize(
    "text",
    [
        "Tomador: empresa baixada na Receita Federal",
        "CNPJ da empresa tomadora inválido",
        "A empresa tomadora está bloqueada por débito",
        "Inscrição Municipal inativa do tomador",
        "Cliente não habilitado na Receita",
        "Discriminação: Assinatura do plano Ouro - caractere inválido",
        "Descrição com caracteres inválidos: 'Assinatura digital mensal'",
    ],
)
def test_one_buyer_or_a_text_of_ours_never_stops_the_company(text: str) -> None:
    assert not classify_denial(text).of_company


@pytest.mark.parametrize(
    "text",
    [
        "Prestador não habilitado para este tomador",
        "Certificado digital do cliente vencido",
        "Cliente inadimplente: conta bloqueada por falta de pagamento",
        "CNPJ do emitente não autorizado a emitir",
    ],
)
def test_what_is_of_the_company_stops_it_though_a_buyer_is_named(text: str) -> None:
    assert classify_denial(text).of_company
