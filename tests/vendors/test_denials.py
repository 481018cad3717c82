import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.denials import POLICIES
from shared.issuer.enotas.denials import classify_denial, plain_reason


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
    assert classify_denial(reason).denial == code
    if reason:
        wrapped = json.dumps({"mensagemErro": reason, "acaoCorrecao": None})
        assert classify_denial(wrapped).denial == code
        assert classify_denial(reason.upper().replace("&AACUTE;", "Á")).denial == code


@given(st.text())
def test_every_text_has_a_class(text: str) -> None:
    assert classify_denial(text).denial in POLICIES
    assert plain_reason(text) is None or plain_reason(text) != ""


# Refusals as eNotas sent them in June 2026, in words of our own, and what each asks for.
RECORDED = (
    ("Tomador residente no Brasil precisa de CPF ou CNPJ.", "denied_document", "customer"),
    ("A empresa não emite para cliente com Cpf/Cnpj inválido.", "denied_document", "customer"),
    ("O CEP do tomador não pertence ao município", "denied_address", "customer"),
    ("O bairro do cliente passa de 50 caracteres", "denied_address", "customer"),
    ("Telefone do cliente inválido: só de 10 a 11 números", "denied_contact", "customer"),
    ("Cidade do cliente fora do cadastro de Cidades do IBGE", "denied_city", "customer"),
    ("A UF do tomador não é a do código do município do mesmo", "denied_city", "customer"),
    ("A série do RPS deve estar entre 1 e 49.999", "denied_numbering", "tenant"),
    ("Seu certificado digital está vencido. Clique aqui.", "denied_certificate", "tenant"),
    ("Informe o Código de Serviço municipal", "denied_service", "accountant"),
    ("O campo codigoNBS falta", "denied_reform", "accountant"),
    ("opção perante o Simples Nacional difere do cadastro", "denied_issuer_setup", "tenant"),
    ("o serviço não permite retenção de ISS", "denied_service", "accountant"),
    ("Nao foi possivel autenticar com as credenciais", "denied_issuer_setup", "tenant"),
    ("Emissão bloqueada por falta de pagamento", "denied_account", "tenant"),
    ("Emissão interrompida: app desativado", "denied_account", "tenant"),
    ("a data de competência estava fora do mês atual", "denied_competencia", "accountant"),
    ("data de competência superior a data atual", "denied_competencia", "accountant"),
    ("O Limite de tentativas de conexão foi atingido", "denied_outage", "nobody"),
    ("o sistema está indisponível. Tente mais tarde.", "denied_outage", "nobody"),
    ("Erro desconhecido\r\nCorreção:", "denied_unknown", "support"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "denial", "who"), RECORDED)
def test_what_enotas_sent_is_read_right(text: str, denial: str, who: str) -> None:
    for said in (text, json.dumps({"mensagemErro": text, "acaoCorrecao": 2})):
        known = classify_denial(said)
        assert (known.denial, known.who_acts) == (denial, who)
        assert known.resends == (denial in ("denied_outage", "denied_unknown"))
