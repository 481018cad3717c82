"""Every code of the national system that our papers name, and what each asks for."""

import csv
import re
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

from shared.domain.denials import POLICIES
from shared.domain.message_texts.denials import DENIALS
from shared.domain.messages import message_of_denial
from shared.domain.refusals import CATALOGUE, KnownDenial, catalogue, of_name, read_refusal
from shared.issuer.enotas.denials import classify_denial


class Asks(Struct, frozen=True, kw_only=True):
    denial: str
    who_acts: str
    resend: bool
    move_day: bool
    codes: str


NATIONAL: Final = (
    Asks(
        denial="denied_numbering",
        who_acts="tenant",
        resend=False,
        move_day=False,
        codes="E0014 E0802 E1268",
    ),
    Asks(
        denial="denied_certificate",
        who_acts="tenant",
        resend=False,
        move_day=False,
        codes="E0714 E0715 E0716 E0717 E0718 E0812 E0813 E0815 E0816 E1200 E1203 E1205 E1207 E1208 "
        "E1209 E1980 E1983 E1986 E1989 E1991",
    ),
    Asks(
        denial="denied_outage",
        who_acts="nobody",
        resend=True,
        move_day=False,
        codes="E1206 E1217",
    ),
    Asks(
        denial="denied_layout",
        who_acts="issuer",
        resend=True,
        move_day=False,
        codes="E0001 E0004 E0008 E0029 E0112 E0114 E0121 E0128 E0424 E0831 E1225 E1226 E1228 E1229 "
        "E1235 E1242 E1260 E1301 E1302 E1305 E1311 E1825 E1827 E1843 E1845 E6154 E6155 E0248 "
        "E0300",
    ),
    Asks(
        denial="denied_layout",
        who_acts="tenant",
        resend=False,
        move_day=False,
        codes="E0006",
    ),
    Asks(
        denial="denied_layout",
        who_acts="issuer",
        resend=False,
        move_day=False,
        codes="E9996",
    ),
    Asks(
        denial="denied_issuer_setup",
        who_acts="tenant",
        resend=False,
        move_day=False,
        codes="E0010 E0037 E0038 E0039 E0041 E0080 E0082 E0084 E0096 E0098 E0099 E0116 E0119 E0120 "
        "E0124 E0148 E0160 E0162 E0166 E0600",
    ),
    Asks(
        denial="denied_issuer_setup",
        who_acts="accountant",
        resend=False,
        move_day=False,
        codes="E0174 E0175 E0176 E0177 E0178",
    ),
    Asks(
        denial="denied_competencia",
        who_acts="accountant",
        resend=False,
        move_day=True,
        codes="E0015 E0016 E0018 E0020 E0023 E0025",
    ),
    Asks(
        denial="denied_competencia",
        who_acts="accountant",
        resend=False,
        move_day=False,
        codes="E0050 E0822",
    ),
    Asks(
        denial="denied_document",
        who_acts="customer",
        resend=False,
        move_day=False,
        codes="E0187 E0188 E0190 E0204 E0206 E0207 E0233",
    ),
    Asks(
        denial="denied_document",
        who_acts="tenant",
        resend=False,
        move_day=False,
        codes="E0202",
    ),
    Asks(
        denial="denied_city",
        who_acts="customer",
        resend=False,
        move_day=False,
        codes="E0238",
    ),
    Asks(
        denial="denied_address",
        who_acts="customer",
        resend=False,
        move_day=False,
        codes="E0234 E0235 E0237 E0240",
    ),
    Asks(
        denial="denied_contact",
        who_acts="customer",
        resend=False,
        move_day=False,
        codes="E0247",
    ),
    Asks(
        denial="denied_foreign",
        who_acts="accountant",
        resend=False,
        move_day=False,
        codes="E0223 E0226 E0242 E0246 E0304 E0318 E0330 E0333 E0341 E0343 E0345 E0352 E0356 E0529 "
        "E0530 E0590 E0591",
    ),
    Asks(
        denial="denied_service",
        who_acts="accountant",
        resend=False,
        move_day=False,
        codes="E0031 E0042 E0044 E0046 E0056 E0060 E0061 E0065 E0068 E0070 E0072 E0074 E0076 E0078 "
        "E0172 E0302 E0310 E0312 E0314 E0315 E0316 E0370 E0390 E0392 E0404 E0427 E0428 E0429 "
        "E0431 E0432 E0435 E0499 E0532 E0539 E0540 E0541 E0580 E0583 E0587 E0588 E0592 E0595 "
        "E0596 E0602 E0604 E0612 E0617 E0619 E0621 E0625 E0628 E0631 E0635 E0640 E0667 E0676 "
        "E0677 E0678 E0682 E0684 E0690 E0694 E0696 E0698 E0699 E0700 E0701 E0702 E0703 E0704 "
        "E0706 E0708 E0710 E0712 E0713 E0720 E0724 E0823 E0824 E0827 E0840 E0845 E0848",
    ),
    Asks(
        denial="denied_reform",
        who_acts="accountant",
        resend=False,
        move_day=False,
        codes="E0322 E0850 E0854 E0901 E0903 E0906 E0910 E0958 E0959 E0972 E1506 E1530",
    ),
    Asks(
        denial="denied_unknown",
        who_acts="support",
        resend=False,
        move_day=False,
        codes="E1831 E2220 E2401 E2404 E2406",
    ),
)
COMPANY: Final = (
    "E0037 E0038 E0039 E0041 E0080 E0082 E0084 E0096 E0098 E0099 E0116 E0119 E0120 E0124"
    " E0714 E0715 E0716 E0717 E0718 E1200 E1203 E1205 E1207 E1208 E1209"
)


def asked(known: KnownDenial) -> tuple[str, str, bool, bool]:
    return known.denial, known.who_acts, known.resends, known.moves_day


@pytest.mark.parametrize(
    ("code", "wanted"), [(code, one) for one in NATIONAL for code in one.codes.split()]
)
def test_each_national_code_names_class_who_acts_resend_and_day(code: str, wanted: Asks) -> None:
    expected = (wanted.denial, wanted.who_acts, wanted.resend, wanted.move_day)

    for text in (f"{code}: a prefeitura não quis", f"Código: {code} Descrição: x", f"[{code}] x"):
        known = read_refusal(text)
        assert asked(known) == expected
        assert known.name.startswith("nacional:")


@pytest.mark.parametrize("code", COMPANY.split())
def test_what_no_sale_of_the_company_passes_is_of_the_company(code: str) -> None:
    assert read_refusal(code).of_company


@pytest.mark.parametrize(
    "code", ["E0010", "E0160", "E0240", "E0312", "E0617", "E0190", "E0014", "E0600", "E1235"]
)
def test_one_sales_refusal_never_stops_the_company(code: str) -> None:
    assert not read_refusal(code).of_company


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("E160", "abrasf:E160"),
        ("E0160", "nacional:E0160"),
        ("Codigo: E058", "abrasf:E58"),
        ("Código: E10", "abrasf:E10"),
        ("erro E522", "abrasf:E522"),
        ("GW3001", "enotas:GW3001"),
        ("GW6", "enotas:GW6"),
        ("AUT002 plano", "enotas:AUT002"),
        ("o cliente mora no Bloco E10", "none:unknown"),
        ("algo que ninguém entende (L999)", "none:unknown"),
        ("E0999 é novo", "none:unknown"),
    ],
)
def test_a_code_is_read_in_its_own_catalogue(text: str, name: str) -> None:
    assert read_refusal(text).name == name


@pytest.mark.parametrize(
    ("text", "denial"),
    [
        # A number of a city means what its city says it means.
        ("Código: E46 Descrição: falta o CPF do tomador", "denied_document"),
        ("Código: E18 Descrição: a competência é de um mês encerrado", "denied_competencia"),
        # But a number used before is never talked away.
        ("Código: E10 Descrição: confira a alíquota", "denied_numbering"),
        # Of several codes the one that says something.
        ("E2404 E0240", "denied_address"),
        ("E0617; E0014", "denied_numbering"),
    ],
)
def test_words_tell_more_than_a_citys_number(text: str, denial: str) -> None:
    assert read_refusal(text).denial == denial


# Situations people reported, in words of our own; the seller's faults are never the customer's.
REPORTED: Final = (
    ("A competência informada pertence a um período já encerrado.", "denied_competencia"),
    ("O mês de competência já foi fechado pela prefeitura.", "denied_competencia"),
    ("Escrituração do período já encerrada.", "denied_competencia"),
    ("Livro fiscal fechado para a competência informada", "denied_competencia"),
    ("Competência 10/2026 encerrada para emissão de notas", "denied_competencia"),
    ("RPS emitido há mais de 10 dias", "denied_competencia"),
    ("A competência não pode ser anterior a 30 dias", "denied_competencia"),
    ("Data do fato gerador inválida", "denied_competencia"),
    ("Cadeia de certificação inválida", "denied_certificate"),
    ("Falha na validação do certificado ICP-Brasil", "denied_certificate"),
    ("Prestador inativo no município", "denied_issuer_setup"),
    ("Contribuinte não cadastrado no município", "denied_issuer_setup"),
    ("Senha do webservice incorreta", "denied_issuer_setup"),
    ("Empresa sem autorização para emissão de NFS-e", "denied_issuer_setup"),
    ("Regime tributário do prestador divergente", "denied_issuer_setup"),
    ("A conexão com o servidor foi fechada", "denied_outage"),
    ("Manutenção programada no sistema da prefeitura", "denied_outage"),
    ("Assinatura do plano expirada", "denied_account"),
    ("O emissor fez esta nota em Homologacao.", "denied_issuer_setup"),
    ("Conta com fatura em atraso", "denied_account"),
    ("Usuário sem permissão de acesso ao webservice", "denied_issuer_setup"),
    ("Tomador não encontrado na base da Receita", "denied_document"),
    ("o CNPJ do prestador que consta na DPS não é válido", "denied_issuer_setup"),
    ("CPF do emitente prestador não consta no cadastro", "denied_issuer_setup"),
    ("o município emissor não corresponde ao do emitente MEI", "denied_issuer_setup"),
    ("o CPF do tomador não pode ser indicado para retenção", "denied_service"),
    ("proibida alíquota para prestador optante do tipo MEI", "denied_issuer_setup"),
    ("proibida a alíquota para não optante na data de competência informada", "denied_service"),
    ("proibida retenção do ISSQN para MEI na data de competência informada", "denied_service"),
    ("tributos federais do MEI na data de competência informada", "denied_service"),
    ("código de tributação nacional não está administrado pelo município na data de competência",
     "denied_service"),
    ("arquivo com erro na assinatura", "denied_certificate"),
    ("a assinatura é obrigatória", "denied_certificate"),
    ("data de emissão do RPS é inferior ao prazo limite", "denied_competencia"),
    ("a emissão retroativa passou de 10 dias", "denied_competencia"),
    ("a data de competência não pode ser posterior à emissão", "denied_competencia"),
    ("a nota não pode ser substituída fora do prazo", "denied_competencia"),
    ("Tipo: 2 Série: 7 Número: 55 já informado anteriormente", "denied_numbering"),
    ("RPS convertido anteriormente em nota", "denied_numbering"),
    ("Email inválido.", "denied_contact"),
    ("o prestador é igual ao tomador", "denied_document"),
    ("CNPJ não encontrado", "denied_document"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "denial"), REPORTED)
def test_what_people_reported_is_read_right(text: str, denial: str) -> None:
    known = classify_denial(text)

    assert known.denial == denial
    assert known.moves_day == (denial == "denied_competencia" and "substituída" not in text)
    if "prestador" in text or "emitente" in text:
        assert known.who_acts != "customer"


def test_only_a_refused_day_lets_the_day_move() -> None:
    assert {one.denial for one in catalogue() if one.moves_day} == {"denied_competencia"}


def test_what_may_go_again_by_itself_is_an_outage_a_layout_or_said_to_be_unknown() -> None:
    resent = {one.denial for one in catalogue() if one.resends}

    assert resent == {"denied_outage", "denied_layout", "denied_unknown"}
    assert {one.name for one in catalogue() if one.resends and one.denial == "denied_unknown"} == {
        "none:empty",
        "texts_last:erro-desconhecido",
    }


def test_every_row_is_a_class_with_a_policy_and_says_what_helps() -> None:
    for row in catalogue():
        assert row.denial in POLICIES
        assert row.denial in DENIALS
        assert of_name(row.name) == row
        if row.in_catalogue:
            assert re.search(r"\w.*\.$", row.helps)
            assert message_of_denial(row.denial, row.name).who_acts == row.who_acts


@pytest.mark.parametrize("file", sorted(CATALOGUE.glob("*.csv")), ids=lambda file: file.stem)
def test_a_file_says_whence_it_is_and_has_a_row_a_line(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    told = [line for line in lines if line.startswith("#")]
    rows = list(csv.reader((line for line in lines if not line.startswith("#")), delimiter=";"))

    assert any(re.search(r"20\d\d-\d\d-\d\d", line) for line in told)
    assert {len(row) for row in rows} == {len(rows[0])}
    names = [row[0] for row in rows]
    assert len(names) == len(set(names))
    assert all(value in ("yes", "no") for row in rows[1:] for value in row[-5:-2])


def test_a_row_that_is_no_more_leaves_the_class_to_speak() -> None:
    known = message_of_denial("denied_service", "nacional:E9999")
    other = message_of_denial("denied_service", "nacional:E0240")  # of another class by now

    assert known == other == DENIALS["denied_service"]
