import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.issuer.enotas.denials import KEYWORDS, UNKNOWN, classify_denial, plain_reason

CODES = {code for code, _ in KEYWORDS} | {UNKNOWN}


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("O certificado digital da empresa expirou.", "denied_certificate"),
        ("Numero do RPS já utilizado (RPS 77).", "denied_numbering"),
        ("A NFS-e já existe em uma NFS-e anterior com CPF igual", "denied_numbering"),
        ("<p>CPF/CNPJ do tomador inv&aacute;lido</p>", "denied_document"),
        ("CEP não pertence ao município do tomador", "denied_address"),
        ("Município do tomador não encontrado", "denied_city"),
        ("Telefone inválido", "denied_contact"),
        ("Emissão bloqueada por falta de pagamento", "denied_account"),
        ("Prestador não habilitado para emitir", "denied_issuer_setup"),
        ("Alíquota menor que a mínima", "denied_service"),
        ("cClassTrib não informado", "denied_reform"),
        ("Data de competência em mês fechado", "denied_competencia"),
        ("Código do país do tomador estrangeiro ausente", "denied_foreign"),
        ("Limite de tentativas de conexão atingido", "denied_outage"),
        ("Falha de schema no XML enviado", "denied_layout"),
        ("exceptuado o disposto", "denied_unknown"),
        ("", "denied_unknown"),
        (None, "denied_unknown"),
    ],
)
def test_each_denial_names_its_class(reason: str | None, code: str) -> None:
    assert classify_denial(reason) == code
    if reason:
        wrapped = json.dumps({"mensagemErro": reason, "acaoCorrecao": None})
        assert classify_denial(wrapped) == code
        assert classify_denial(reason.upper().replace("&AACUTE;", "Á")) == code


@given(st.text())
def test_every_text_has_a_class(text: str) -> None:
    assert classify_denial(text) in CODES
    assert plain_reason(text) is None or plain_reason(text) != ""


def test_every_class_is_one_of_the_interface_page() -> None:
    assert all(code.startswith("denied_") for code in CODES)
    assert len(CODES) == 15
