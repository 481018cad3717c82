"""What documents tell somebody to type, each piece with the file and line where it stands."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The changelog is left out: what it says of older versions was so. So are decisions.
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/runbooks").glob("*.md")),
    *sorted((ROOT / "services").rglob("README.md")),
    *sorted((ROOT / "deploy").rglob("README.md")),
]
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"`([^`]+)`")
_VERBS = re.compile(
    r"(?:SELECT|WITH|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|GRANT|REVOKE|REINDEX|VACUUM|SHOW)\s+\S"
)
_COMMANDS = re.compile(r"""(?:psql\b[^\n"]*?\s-c\s+|\bSQL=|--sql\s+)(["'])(.+?)\1""", re.DOTALL)
_REMARK = re.compile(r"\s*--[^\n]*")
# Kinds of statement that are spoken of, and not typed; and a call of the API, not SQL.
_SPOKEN_OF = re.compile(r"SELECT …|INSERT … SELECT|DELETE (?:…?/\S+|storms|canned)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """Something to type, whole, as it stands in a document."""

    document: Path
    line: int
    language: str  # of its fence; none of what stands within a sentence
    text: str

    @property
    def where(self) -> str:
        """Such as `docs/runbooks/at-night.md:57`."""
        shown = self.document
        return f"{shown.relative_to(ROOT) if shown.is_relative_to(ROOT) else shown}:{self.line}"


def pieces(documents: Sequence[Path]) -> Iterator[Typed]:
    """Every fence of code and every span of it, in order."""
    for document in documents:
        text = document.read_text("utf-8")
        for fence in _FENCE.finditer(text):
            yield _typed(document, text, fence.start(2), fence[1], fence[2])
        spoken = _FENCE.sub(lambda fence: re.sub(r"[^\n]", " ", fence[0]), text)
        for span in _SPAN.finditer(spoken):
            yield _typed(document, text, span.start(1), "", " ".join(span[1].split()))


def statements(documents: Sequence[Path]) -> Iterator[Typed]:
    """The SQL: in fences of its own, in sentences, and in what a shell is given."""
    for piece in pieces(documents):
        if piece.language == "sql" or (not piece.language and _is_statement(piece.text)):
            yield _part(piece, _REMARK.sub("", piece.text), 0)
        for command in _COMMANDS.finditer(piece.text):
            if _is_statement(command[2]):
                yield _part(piece, command[2], command.start())


def one_by_one(piece: Typed) -> list[str]:
    """The statements of a piece of SQL."""
    return [one for text in piece.text.split(";") if (one := " ".join(text.split()))]


def verbs_with_variables() -> dict[str, set[str]]:
    """The verbs of the Makefile, each with the variables that its recipe reads."""
    text = (ROOT / "Makefile").read_text("utf-8")
    found: dict[str, set[str]] = {}
    for verb, recipe in re.findall(r"^([a-z-]+):(?!=).*\n((?:\t.*\n)*)", text, re.MULTILINE):
        found[verb] = set(
            re.findall(r"\$\$?\(?(?:if \$\(|call \w+,)?(?:filter \w+,\$\()?([A-Z_]+)", recipe)
        )
        found[verb] |= {"PYTHON"} | ({"KEEP"} if verb == "demo" else set())
    found["check"] |= found["test"]
    return found


def _is_statement(text: str) -> bool:
    return _VERBS.match(text) is not None and _SPOKEN_OF.fullmatch(text) is None


def _part(piece: Typed, text: str, at: int) -> Typed:
    line = piece.line + piece.text.count("\n", 0, at)
    return Typed(document=piece.document, line=line, language=piece.language, text=text)


def _typed(document: Path, text: str, at: int, language: str, what: str) -> Typed:
    return Typed(document=document, line=text.count("\n", 0, at) + 1, language=language, text=what)
