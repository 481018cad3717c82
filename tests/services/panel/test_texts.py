"""Every text is in the one catalogue, is used, and is Portuguese."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.panel.kit.render import FOLDER, TEMPLATES
from services.panel.texts import TEXTS, text
from shared.domain.messages import LABELS

PANEL = FOLDER.parent
CALL = re.compile(r"""\bt(?:ext)?\(\s*f?["']([a-z0-9_.A-Z{}]+)["']""")
MADE = re.compile(r"""["']([a-z_]+\.)["'] ~""")
ENGLISH = re.compile(
    r"\b(the|and|is|are|with|your|bill|sale|issue|webhooks?|token|status|error|invalid)\b",
    re.IGNORECASE,
)
# As the menu of Vindi, and a standard, have it.
ALLOWED = {"webhook.vindi1", "webhook.vindi2", "hooks.text"}


def sources() -> Iterator[str]:
    for pattern in ("*.html", "*.py"):
        for file in PANEL.rglob(pattern):
            if file.parent.name != "texts":
                yield file.read_text(encoding="utf-8")


def test_every_text_that_is_asked_for_is_there() -> None:
    asked = {key for source in sources() for key in CALL.findall(source) if "{" not in key}

    assert {key for key in asked if not key.endswith(".")} - TEXTS.keys() == set()


def test_every_text_is_asked_for() -> None:
    whole = " ".join(sources())
    families = set(MADE.findall(whole)) | {
        f"{family}." for family in re.findall(r"""f["']([a-z_]+)\.\{""", whole)
    }
    families |= {f"{family}." for family in ("past", "audit", "error", "step", "said", "rule.if")}
    lost = [
        key
        for key in TEXTS
        if f'"{key}"' not in whole
        and f"'{key}'" not in whole
        and not any(key.startswith(family) for family in families)
    ]

    assert lost == []


def test_no_text_is_english_and_none_shows_a_word_of_ours() -> None:
    told = {
        key: re.sub(r"\{[a-z_]+\}", "", said) for key, said in TEXTS.items() if key not in ALLOWED
    }

    assert [key for key, said in told.items() if ENGLISH.search(said)] == []
    assert [key for key, said in told.items() if re.search(r"[a-z]_[a-z]", said)] == []
    assert len(LABELS) == 12


@pytest.mark.parametrize("name", sorted(file.name for file in FOLDER.glob("*.html")))
def test_every_template_is_well_made(name: str) -> None:
    source = (FOLDER / name).read_text(encoding="utf-8")

    assert TEMPLATES.get_template(name)
    assert "|safe" not in source
    assert "style=" not in source
    # What a person reads comes out of the catalogue.
    bare = re.sub(r"\{[{%#].*?[}%#]\}", " ", source, flags=re.DOTALL)
    bare = re.sub(r"<[^>]*>|aria-[a-z]+=\"[^\"]*\"", " ", bare)
    words = set(re.findall(r"[A-Za-zÀ-ú]{4,}", bare)) - {"Notaponte"}
    assert words == set()


def test_a_text_says_what_it_was_given() -> None:
    assert text("sale.title", bill=4711) == "Fatura 4711"
    assert "{produtos}" in text("rule.description_help")


def test_no_file_of_the_page_is_long() -> None:
    css = (PANEL / "static" / "panel.css").stat().st_size
    script = (PANEL / "static" / "panel.js").stat().st_size

    assert css + script < 24_000
    assert Path(FOLDER).is_dir()
