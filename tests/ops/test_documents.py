"""What documents tell an operator to type, set or follow is there."""

import re
import shlex
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from deploy.compose_check import demanded
from services.reconciler.app import OPERATIONS
from shared.config.spelling import known_names
from tests.support.typed import verbs_with_variables

ROOT = Path(__file__).parents[2]
# The changelog is left out: what it says of older versions was so.
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "services").rglob("README.md")),
    *sorted((ROOT / "deploy").rglob("README.md")),
]
LINK = re.compile(r"\[[^\]]+\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
CODE = re.compile(r"```.*?```", re.DOTALL)
MAKE = re.compile(
    r"(?:^|[`(]|\b\w+=\S+ )make ((?:[a-z][a-z-]+)(?: +[A-Z_]+=(?:\"[^\"]*\"|\S+))*)", re.MULTILINE
)
SETTING = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`")
QUOTED = re.compile(r"(?<!\*)\*([^*\n][^*]*?)\*(?!\*)")
CALLED = re.compile(r'"?\$(T|API)"?(/[\w/{}-]+)')
# Words in capitals that are no settings of ours: of PostgreSQL, of other programs, of commands.
OF_OTHERS = {
    *("NOT_NULL", "POSTGRES_PASSWORD", "PYTHON_IMAGE", "NOTAPONTE_IMAGE", "TEST_BACKEND"),
    *("DRY_RUN", "API_FUZZ_EXAMPLES"),
}


def test_every_link_leads_somewhere() -> None:
    lost = []
    for document, text in texts():
        for to, anchor in LINK.findall(CODE.sub("", text)):
            target = (document.parent / to).resolve() if to else document
            if not target.exists() or (anchor and anchor not in anchors(target)):
                lost.append(f"{document.relative_to(ROOT)}: {to}#{anchor}")

    assert not lost


def test_every_make_verb_and_its_variables_are_there() -> None:
    verbs = verbs_with_variables()
    wrong = []
    for document, text in texts():
        for command in MAKE.findall(text):
            verb, *given = shlex.split(command)
            names = {one.partition("=")[0] for one in given}
            if not names <= verbs.get(verb, set()) or verb not in verbs:
                wrong.append(f"{document.relative_to(ROOT)}: make {command}")

    assert not wrong


def test_every_setting_is_one_that_somebody_reads() -> None:
    known = known_names() | demanded() | OF_OTHERS | set().union(*verbs_with_variables().values())
    written = set(re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", "\n".join(sources())))

    assert not [
        f"{document.relative_to(ROOT)}: {name}"
        for document, text in texts()
        for name in sorted(set(SETTING.findall(text)) - known - written)
    ]


def test_every_setting_has_its_line_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    settings = text[text.index("## Settings") : text.index("## Where to read on")]
    told = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", settings))

    assert (
        not {name for name in known_names() - told if not name.startswith("OTEL_")} - BY_THEMSELVES
    )


# Told where they are needed: an image's build, and commands that speak to a service elsewhere.
BY_THEMSELVES = {"NOTAPONTE_COMMIT", "INTERNAL_URL"}


def test_every_call_of_the_runbooks_is_one_of_the_api() -> None:
    paths = {shape(operation.path) for operation in OPERATIONS}
    for path in sorted((ROOT / "docs/runbooks").glob("*.md")):
        for base, rest in CALLED.findall(path.read_text("utf-8").replace("\n", " ")):
            whole = f"/tenants/{{tenant_id}}{rest}" if base == "T" else rest
            if rest != "/tenants/THE-ID":
                assert shape(whole) in paths, (path.name, whole)


def test_what_is_quoted_of_the_panel_stands_on_its_pages() -> None:
    text = (ROOT / "docs/panel.md").read_text("utf-8")
    tasks, _, rest = text.partition("## What a first reader stumbled over")
    _, _, today = rest.partition("## What the internal API does and the panel does not")
    shown = re.sub(r'"\s*\n\s*f?"', "", "\n".join(words_of_the_panel()))
    shown = " ".join(unescape(re.sub(r"<[^>]+>", "", shown)).split())
    quoted = [" ".join(words.split()) for words in QUOTED.findall(tasks + today)]

    assert len(quoted) > 60
    assert not [words for words in quoted if words not in shown]


def test_the_index_names_every_document() -> None:
    index = (ROOT / "README.md").read_text("utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{path.name})" in index, path.name
    runbooks = [path.name for path in (ROOT / "docs/runbooks").glob("*.md")]
    linked = {name for path in DOCUMENTS for name in runbooks if name in path.read_text("utf-8")}
    assert linked == set(runbooks)


def texts() -> Iterator[tuple[Path, str]]:
    for path in DOCUMENTS:
        yield path, path.read_text("utf-8")


def words_of_the_panel() -> Iterator[str]:
    for folder in ("services/panel", "shared"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".html", ".txt", ".js"}:
                yield path.read_text("utf-8")


def sources() -> Iterator[str]:
    for folder in ("services", "shared", "deploy", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            yield path.read_text("utf-8")


def shape(path: str) -> str:
    """A path with its variables, numbers and examples alike."""
    return re.sub(r"\{[^}]+\}|\b\d[\d-]*\b|\bdenied_\w+\b", "{}", path)


def anchors(path: Path) -> set[str]:
    """What GitHub makes of the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
