"""A download of a month's documents, in words. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.panel.kit import say
from shared.domain.closing import Closing

_SILENCE: Final = timedelta(minutes=1)  # the issuer may take as long for one document


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipShown:
    """How far the newest download of a month's ZIP is."""

    said: str
    open: bool
    documents: int
    at: datetime


def all_documents(closing: Closing) -> int:
    """How many documents a month's ZIP has, PDF and XML of each valid nota; never 0.

    A bill may be divided into several notas. Where they were not counted each bill stands for one.
    """
    filing = closing.filing
    notas = closing.figures.notas.bills if filing is None else filing.of_sales.notas
    return max(1, 2 * notas)


def zip_shown(documents: int, *, over: bool, at: datetime, now: datetime) -> ZipShown:
    """A download that goes on, has ended, or of which nothing was heard for a while."""
    count = say.counted(documents, "documento enviado", "documentos enviados")
    live = not over and now - at < _SILENCE
    said = f"Baixando: {count}." if live else f"Arquivo baixado: {count}."
    if not over and not live:
        said = f"O download parou: {count}. Baixe de novo quando quiser."
    return ZipShown(said=said, open=live, documents=documents, at=at)
