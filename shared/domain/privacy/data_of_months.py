"""What is kept of closings, and of the issuer's side."""

from typing import Final

from shared.domain.privacy import terms
from shared.domain.privacy.data import CONTRACT, LAW, RIGHTS, TEXTS, Data, days

OF_MONTHS: Final[tuple[Data, ...]] = (
    # Closings, and the issuer's side.
    Data(
        table="closing_locks",
        holds="months that were locked, with their figures",
        personal="who locked them, and why",
        purpose="to prove a closing",
        ground=RIGHTS,
        ended_by=TEXTS,
    ),
    Data(
        table="closing_checks",
        holds="months that were compared with Vindi bill by bill",
        personal="who asked",
        purpose="to prove a closing",
        ground=RIGHTS,
    ),
    Data(
        table="accepted_notas",
        holds="the issuer's notas that are not ours and were accepted",
        personal="who accepted them, and why",
        purpose="to prove a closing",
        ground=RIGHTS,
        ended_by=TEXTS,
    ),
    Data(
        table="issuer_notas",
        holds="the issuer's own list of notas: numbers, amounts, days",
        purpose="the third side of a closing",
    ),
    Data(
        table="issuer_days",
        holds="which days of that list were read",
        purpose="the third side of a closing",
    ),
    Data(
        table="issuer_lists",
        holds="who reads that list",
        purpose="the third side of a closing",
    ),
    Data(
        table="foreign_notas",
        holds="notas of the company that others issued",
        personal="the buyer's document (sealed), and a keyed word of it",
        purpose="not to issue a second nota",
        ground=LAW,
    ),
    Data(
        table="foreign_nota_marks",
        holds="how far those were listed",
        purpose="not to issue a second nota",
    ),
    Data(
        table="month_files",
        holds="files of a month that were asked for",
        personal="who asked",
        purpose="to be fetched",
        ground=CONTRACT,
        kept=days(terms.MONTH_FILES, "ready"),
        ended_by="every hour; an erasure",
    ),
    Data(
        table="month_file_pieces",
        holds="what is in those files",
        personal="customers' names and amounts",
        purpose="to be fetched",
        ground=CONTRACT,
        kept=days(terms.MONTH_FILES, "ready"),
        ended_by="every hour; an erasure",
    ),
    Data(
        table="kept_figures",
        holds="sums of sales, of no single one",
        purpose="quick pages",
    ),
    Data(
        table="nota_days",
        holds="how many notas a day had",
        purpose="the brake",
    ),
)
