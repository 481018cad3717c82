"""The official tables that ship: whole, dated, and found by words as people say them."""

from datetime import date
from pathlib import Path

import pytest

from deploy.refresh_tables import main
from shared.domain.tables import (
    TABLES,
    TableName,
    find_entries,
    read_table,
    render_table,
    table,
)

SIZES: dict[TableName, int] = {
    "lc116": 200,
    "national_code": 337,
    "nbs": 920,
    "class_code": 173,
    "operation_code": 39,
}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_ships_with_where_it_comes_from_and_of_when(name: TableName) -> None:
    known = table(name)

    assert len(known.entries) == SIZES[name]
    assert all((known.title, known.origin, known.version, known.dated))
    assert all(entry.name == " ".join(entry.name.split()) for entry in known.entries.values())


@pytest.mark.parametrize("name", TABLES)
def test_a_table_reads_as_it_was_written(name: TableName) -> None:
    assert read_table(name, render_table(table(name))) == table(name)


def test_every_national_code_belongs_to_an_item_of_the_list() -> None:
    items = {code.replace(".", "") for code in table("lc116").entries}

    assert {code[:4] for code in table("national_code").entries} - items == {"9901"}


def test_a_code_that_no_whole_table_lists_does_not_exist() -> None:
    assert table("nbs").denies("999999999")
    assert table("national_code").denies("019901")
    assert not table("national_code").denies("990401"), "the national list grows there"
    assert not table("operation_code").denies("999999"), "our edition is not the newest"
    assert not table("operation_code").whole


def test_a_class_has_days_on_which_it_is_in_force() -> None:
    ended = table("class_code").entries["220001"]

    assert ended.valid_on(date(2025, 12, 31))
    assert not ended.valid_on(date(2026, 11, 29))
    assert not ended.valid_on(date(2025, 1, 1))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("treinamento", "080201"),
        ("Treinamentos", "080201"),
        ("TREINAMENTO", "080201"),
        ("curso", "080201"),
        ("instrucao", "080201"),
        ("instrução", "080201"),
        ("suporte tecnico", "010701"),
        ("suporte técnico em informática", "010701"),
        ("licenciamento de programas", "010501"),
        ("licenciamento de software", "010501"),
        ("hospedagem de dados", "010302"),
        ("consultoria em informática", "010601"),
        ("psicologia", "041601"),
        ("contabilidade", "171901"),
        ("010701", "010701"),
        ("01.07.01", "010701"),
        ("1.07", "010701"),
        ("10701", "010701"),
    ],
)
def test_a_service_is_found_as_people_ask_for_it(asked: str, code: str) -> None:
    assert find_entries("national_code", asked)[0].entry.code == code


@pytest.mark.parametrize("asked", ["", "   ", "!?", "xyzzy", "treinamento xyzzy"])
def test_what_no_name_says_is_not_found(asked: str) -> None:
    assert not find_entries("national_code", asked)


def test_an_nbs_is_found_by_its_beginning_with_or_without_dots() -> None:
    dotted = [one.entry.code for one in find_entries("nbs", "1.1502", limit=50)]

    assert dotted == [one.entry.code for one in find_entries("nbs", "11502", limit=50)]
    assert dotted
    assert all(code.startswith("11502") for code in dotted)


def test_no_more_is_found_than_was_asked_for() -> None:
    assert len(find_entries("nbs", "serviços", limit=7)) == 7


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "# title: a\n",
        render_table(table("lc116")).replace("code\tsince", "kode\tsince"),
        render_table(table("lc116")) + "01.07\t\t\t\tDe novo\n",
        render_table(table("lc116")) + "99.99\tno tabs\n",
        render_table(table("lc116")) + "99.99\t2026-13-01\t\t\tNo such day\n",
    ],
)
def test_a_file_of_another_shape_is_refused_whole(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_table("lc116", wrong)


OFFICIAL = """Código;Descrição;dIniVig;dFimVig;NFSe
Grupo;Título;;;
10101;"Análise
e"
020101;Pesquisa;01/01/2026;;Sim
30101;Cessão;2025-05-05;31/12/2026;Não
"""


def test_an_official_file_becomes_the_one_that_ships(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "official.csv"
    source.write_text("\ufeff" + OFFICIAL.replace("Código", "cTribNac"), encoding="utf-8")
    told = ["--table", "national_code", "--source", str(source), "--version", "2.0"]

    made = main([*told, "--dated", "2026-12-01", "--into", str(tmp_path)])

    known = read_table("national_code", (tmp_path / "national_code.tsv").read_text("utf-8"))
    assert made == 0
    assert list(known.entries) == ["010101", "020101", "030101"]
    assert known.entries["010101"].name == "Análise e"
    assert known.entries["030101"].until == date(2026, 12, 31)
    assert not known.entries["030101"].on_notas
    assert known.entries["020101"].on_notas
    assert known.version == "2.0"
    assert known.whole
    assert "+ 020101 Pesquisa" in capsys.readouterr().out


def test_what_a_newer_file_changes_is_told_before_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "nbs.csv"
    source.write_text("NBS,Descrição\n1.0101.11.00,Casas\n1.0101.12.00,Prédios\n", "utf-8")
    told = ["--table", "nbs", "--source", str(source), "--version", "3", "--dated", "2027-01-01"]
    assert main([*told, "--into", str(tmp_path)]) == 0
    before = (tmp_path / "nbs.tsv").read_text("utf-8")
    source.write_text("NBS,Descrição\n1.0101.12.00,Edifícios\n1.0101.13.00,Pontes\n", "utf-8")
    capsys.readouterr()

    assert main([*told, "--into", str(tmp_path), "--check"]) == 0

    said = capsys.readouterr().out.splitlines()
    assert said == ["+ 101011300 Pontes", "- 101011100 Casas", "~ 101011200 Edifícios"]
    assert (tmp_path / "nbs.tsv").read_text("utf-8") == before


def test_a_file_without_the_columns_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "wrong.csv"
    source.write_text("a;b\n1;2\n", "utf-8")
    told = ["--table", "nbs", "--source", str(source), "--version", "3", "--dated", "2027-01-01"]

    assert main([*told, "--into", str(tmp_path)]) == 1

    assert not (tmp_path / "nbs.tsv").exists()
    assert "no column" in capsys.readouterr().err


def test_without_a_table_the_shipped_ones_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0

    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == list(TABLES)
