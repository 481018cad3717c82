"""The accountant's table: what every situation of a sale shows, told in tests/situations."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from shared.domain.messages import MESSAGES
from shared.domain.money import show_reais
from tests.situations import words
from tests.situations.run import Shown, show
from tests.situations.words import Situation

FOLDER: Final = Path(words.__file__).parent


class Words(yaml.BaseLoader):
    """Everything is text, and a name given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"told twice: {twice}")
        return super().construct_mapping(node, deep=deep)


def told() -> Iterator[tuple[str, Situation]]:
    for file in sorted(FOLDER.glob("*.yaml")):
        for family in yaml.load(file.read_text(encoding="utf-8"), Words):  # noqa: S506 - texts only
            given = family.get("given", {})
            for name, situation in family["situations"].items():
                yield f"{family['family']}: {name}", {**given, **situation}


SITUATIONS: Final = list(told())


@pytest.mark.parametrize(
    "said", [said for _, said in SITUATIONS], ids=[name for name, _ in SITUATIONS]
)
def test_the_accountants_table(said: Situation) -> None:
    assert set(said) <= words.WORDS
    expected = words.expected(said["expect"])
    shown = show(said)

    assert (shown.status, shown.code, shown.attention) == (
        expected.status,
        expected.code,
        expected.attention,
    )
    if expected.amount is not None:
        assert shown.amount is not None
        assert show_reais(shown.amount) == show_reais(expected.amount)
    for word, value in expected.details.items():
        assert _seen(word, shown, said) == value


def _seen(word: str, shown: Shown, said: Situation) -> str:
    match word:
        case "due":
            return _local(shown.issue_at, said)
        case "competência":
            return str(shown.competencia)
        case "revision":
            return str(shown.revision)
        case "asks":
            return shown.asks
        case "part":
            return str(shown.part)
        case "nota":
            return "none" if shown.nota is None else show_reais(shown.nota)
        case _:
            raise ValueError(f"nothing to expect: {word}")


def _local(moment: datetime | None, said: Situation) -> str:
    return (
        "unknown" if moment is None else f"{moment.astimezone(words.zone_of(said)):%Y-%m-%d %H:%M}"
    )


def test_the_table_is_long_and_its_names_and_situations_differ() -> None:
    names = [name for name, _ in SITUATIONS]

    assert len(names) >= 300
    assert len(set(names)) == len(names)
    without_name = {repr(sorted(said.items(), key=str)) for _, said in SITUATIONS}
    assert len(without_name) == len(names)


def test_every_word_the_table_shows_has_a_message() -> None:
    expected = [words.expected(said["expect"]) for _, said in SITUATIONS]
    shown = {code for one in expected for code in (one.code, one.attention) if code is not None}

    assert shown <= set(MESSAGES)
