"""The official tables that ship with us: which codes exist, and how one is found by words.

The files and where each comes from: shared/domain/data/README.md. A table is read once, when it
is first asked for; nobody outside is asked.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, Literal, get_args

from msgspec import Struct

TableName = Literal["lc116", "national_code", "nbs", "class_code", "operation_code"]
TABLES: Final[tuple[TableName, ...]] = get_args(TableName)
DATA: Final = Path(__file__).parent / "data"
# What a file says of itself before its rows, in this order.
ABOUT: Final = ("title", "origin", "version", "dated", "open")
COLUMNS: Final = ("code", "since", "until", "on_notas", "name")


class TableEntry(Struct, frozen=True, kw_only=True):
    """One code with its official name; open ends are None.

    `on_notas` is False where the table says that a code stands on other documents only.
    """

    code: str
    name: str
    since: date | None = None
    until: date | None = None
    on_notas: bool = True

    def valid_on(self, day: date) -> bool:
        """Whether the code is in force that day."""
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )


class Table(Struct, frozen=True, kw_only=True):
    """One official table; under the `open` beginnings codes may exist that it does not list."""

    name: TableName
    title: str
    origin: str
    version: str
    dated: str
    open: tuple[str, ...]
    entries: Mapping[str, TableEntry]

    @property
    def whole(self) -> bool:
        """Whether every code is listed: then one that is not does not exist."""
        return not self.open

    def denies(self, code: str) -> bool:
        """Whether a code surely does not exist."""
        return code not in self.entries and not code.startswith(self.open)


class TableMatch(Struct, frozen=True, kw_only=True):
    """One entry that fits the words asked for; the higher the rank, the better."""

    entry: TableEntry
    rank: int


@cache
def table(name: TableName) -> Table:
    """A table as it ships. Raises ValueError for a file that is not of the shape it should have."""
    return read_table(name, (DATA / f"{name}.tsv").read_text(encoding="utf-8"))


def read_table(name: TableName, text: str) -> Table:
    """Read a file's text; a line that is no entry is an error, never left out."""
    lines = text.splitlines()
    about = _about(lines)
    head = len(ABOUT)
    if lines[head : head + 1] != ["\t".join(COLUMNS)]:
        raise ValueError(f"{name}: line {head + 1} does not name the columns")
    found = [_entry(name, number, line) for number, line in enumerate(lines[head + 1 :], head + 2)]
    entries = {one.code: one for one in found}
    if len(entries) != len(found) or not entries:
        raise ValueError(f"{name}: no entries, or a code stands in it twice")
    parts = about["open"].split()
    return Table(
        name=name,
        title=about["title"],
        origin=about["origin"],
        version=about["version"],
        dated=about["dated"],
        open=("",) if parts == ["*"] else tuple(parts),
        entries=entries,
    )


def render_table(read: Table) -> str:
    """Write a table as the file that `read_table` reads."""
    shown = " ".join(read.open) if read.open != ("",) else "*"
    about = {
        "title": read.title,
        "origin": read.origin,
        "version": read.version,
        "dated": read.dated,
        "open": shown,
    }
    lines = [f"# {key}: {value}".rstrip() for key, value in about.items()]
    lines.append("\t".join(COLUMNS))
    lines += ["\t".join(_row(read.entries[code])) for code in sorted(read.entries)]
    return "\n".join(lines) + "\n"


def find_entries(name: TableName, asked: str, *, limit: int = 20) -> Sequence[TableMatch]:
    """Find codes by words or by the beginning of a code, the best first.

    Every word must begin a word of the name; accents and case do not matter. A word found whole
    counts more, and so does a name that says little else.
    """
    words = _words(asked)
    digits = "".join(character for character in asked if character.isdigit())
    if not words:
        return ()
    by_code = digits if not re.search(r"[^\W\d_]", asked) else ""
    found = [
        TableMatch(entry=entry, rank=rank)
        for entry in table(name).entries.values()
        if (rank := _rank(name, entry, words, by_code))
    ]
    return sorted(found, key=lambda one: (-one.rank, one.entry.code))[:limit]


def _rank(name: TableName, entry: TableEntry, words: Sequence[str], by_code: str) -> int:
    if by_code:
        code = entry.code.replace(".", "")
        fits = code.startswith(by_code) or code.lstrip("0").startswith(by_code)
        return 1000 - len(code) + len(by_code) if fits else 0
    known = _searchable(name)[entry.code]
    ranks = [max(_fits(one, known) for one in (word, *_SAID.get(word, ()))) for word in words]
    if not all(ranks):
        return 0
    return sum(ranks) * 10 + max(0, 40 - len(known)) // 4


def _fits(word: str, known: Mapping[str, int]) -> int:
    if word in known:
        return 12 if known[word] == 0 else 10
    # A plural is looked for by its beginning too: "treinamentos" finds "treinamento".
    stem = word[:-1] if len(word) > 4 and word.endswith("s") else word
    return 6 if any(one.startswith(stem) for one in known) else 0


@cache
def _searchable(name: TableName) -> Mapping[str, Mapping[str, int]]:
    """By code, the words of its name with their first place."""
    return {code: _places(_words(entry.name)) for code, entry in table(name).entries.items()}


def _places(words: Sequence[str]) -> Mapping[str, int]:
    places: dict[str, int] = {}
    for place, word in enumerate(words):
        places.setdefault(word, place)
    return places


# What people call it, and how the official names do.
_SAID: Final[Mapping[str, tuple[str, ...]]] = {
    "software": ("programas",), "softwares": ("programas",), "saas": ("programas",),
    "aplicativo": ("programas",), "app": ("programas",), "ti": ("informatica",),
    "site": ("paginas",), "sites": ("paginas",), "nuvem": ("hospedagem",),
    "cloud": ("hospedagem",), "streaming": ("conteudos",), "podcast": ("audio",),
    "curso": ("treinamento",), "cursos": ("treinamento",), "aula": ("instrucao", "ensino"),
    "aulas": ("instrucao", "ensino"), "mentoria": ("orientacao",), "coaching": ("orientacao",),
    "escola": ("ensino",), "faculdade": ("ensino",), "academia": ("ginastica",),
    "marketing": ("propaganda",), "anuncio": ("publicidade",), "anuncios": ("publicidade",),
    "advogado": ("advocacia",), "contador": ("contabilidade",), "medico": ("medicina",),
    "dentista": ("odontologia",), "estacionamento": ("guarda",), "evento": ("eventos",),
}  # fmt: skip
_LITTLE: Final = frozenset({"a", "as", "com", "da", "das", "de", "do", "dos", "e", "em", "o", "os",
                            "ou", "para", "por", "na", "no"})  # fmt: skip


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    return [word for word in words if word not in _LITTLE] or words


def _about(lines: Sequence[str]) -> Mapping[str, str]:
    about: dict[str, str] = {}
    for key, line in zip(ABOUT, lines, strict=False):
        head, colon, value = line.partition(":")
        if head != f"# {key}" or not colon:
            raise ValueError(f"a table begins with '# {key}:', not with '{line[:40]}'")
        about[key] = value.strip()
    if len(about) < len(ABOUT):
        raise ValueError("a table's head is cut off")
    return about


def _entry(name: TableName, number: int, line: str) -> TableEntry:
    parts = line.split("\t")
    if len(parts) != len(COLUMNS) or not parts[0] or not parts[-1]:
        raise ValueError(f"{name}: line {number} is no entry")
    code, since, until, on_notas, text = parts
    return TableEntry(
        code=code,
        name=text,
        since=date.fromisoformat(since) if since else None,
        until=date.fromisoformat(until) if until else None,
        on_notas=on_notas != "no",
    )


def _row(entry: TableEntry) -> tuple[str, ...]:
    since, until = (day.isoformat() if day else "" for day in (entry.since, entry.until))
    return entry.code, since, until, "" if entry.on_notas else "no", entry.name
