"""What a look at an installation found, as a person reads it and as it can be sent to others.

A report holds ids of tenants, counts, words of an API's own vocabulary and names of headers and
fields: no key, name, document, amount or address of anybody's.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from msgspec import Struct, to_builtins
from rich.console import Console
from rich.table import Table

HowItIs = Literal["ok", "look", "wrong", "not_asked"]
LOOKS: Final[Mapping[HowItIs, str]] = {
    "ok": "[green]ok[/]",
    "look": "[yellow]look[/]",
    "wrong": "[red]wrong[/]",
    "not_asked": "-",
}
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,40}")


class Observation(Struct, frozen=True, kw_only=True):
    """One thing that was looked at, and what it is like, in words."""

    about: str
    state: HowItIs
    words: str
    tenant: str | None = None


class Learned(Struct, frozen=True, kw_only=True):
    """What an account answered to one open question; `seen` is what the words rest on."""

    question: str
    state: HowItIs
    words: str
    tenant: str
    seen: dict[str, Any] = {}


class Learning(Struct, frozen=True, kw_only=True):
    """Makes the answers of one account of a tenant's."""

    whose: str
    tenant: str

    def __call__(self, question: str, state: HowItIs, words: str, **seen: Any) -> Learned:
        """One of them."""
        return Learned(
            question=f"{self.whose}: {question}",
            state=state,
            words=words,
            tenant=self.tenant,
            seen=seen,
        )


class Report(Struct, frozen=True, kw_only=True):
    """All of it."""

    at: datetime
    findings: Sequence[Observation]
    answers: Sequence[Learned] = ()

    @property
    def well(self) -> bool:
        """Nothing is wrong; what only wants a look does not count."""
        return all(finding.state != "wrong" for finding in self.findings)

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        told: dict[str, Any] = to_builtins(self)
        return told


def words_only(values: Sequence[object]) -> list[str]:
    """Values of a vocabulary, once each and sorted; what is no plain word is counted out."""
    return sorted({str(value) for value in values if _WORD.fullmatch(str(value))})


def show(report: Report, console: Console) -> None:
    """Print it."""
    table = Table("", "", "", box=None, show_header=False, pad_edge=False)
    for finding in report.findings:
        about = f"{finding.tenant} {finding.about}" if finding.tenant else finding.about
        table.add_row(LOOKS[finding.state], about, finding.words)
    console.print(table)
    if report.answers:
        console.print("\nOpen questions, as these accounts answer them:")
        asked = Table("", "", "", box=None, show_header=False, pad_edge=False)
        for answer in report.answers:
            asked.add_row(LOOKS[answer.state], f"{answer.tenant} {answer.question}", answer.words)
        console.print(asked)
