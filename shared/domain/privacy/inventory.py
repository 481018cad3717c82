"""The table of data: every table of ours, what of people is in it, why, how long, what ends it.

`docs/privacy.md` shows it, and a test holds it against the schema: a table without a line fails.
The controller is the tenant, on whose behalf we process (LGPD, arts. 5 and 39); the grounds are
those it has, of LGPD, art. 7.
"""

from typing import Final

from shared.domain.privacy.data import NONE, Data
from shared.domain.privacy.data_of_months import OF_MONTHS
from shared.domain.privacy.data_of_sales import OF_SALES
from shared.domain.privacy.data_of_tenants import OF_TENANTS

INVENTORY: Final[tuple[Data, ...]] = (*OF_SALES, *OF_MONTHS, *OF_TENANTS)


def rendered() -> str:
    """The table as Markdown."""
    head = (
        "| table | holds | of people | purpose | legal ground | kept | ended by |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "".join(
        f"| `{one.table}` | {one.holds} | {one.personal or 'nothing'} | {one.purpose}"
        f" | {one.ground if one.personal else NONE} | {one.kept} | {one.ended_by} |\n"
        for one in INVENTORY
    )
