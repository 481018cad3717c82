"""Models that several resources take or give."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from services.reconciler.api.kit.operation import Strict
from services.reconciler.api.kit.words import Reason


class ReasonIn(Strict):
    """Why; it is shown in the history of what was asked for."""

    reason: Reason


class MonthQuery(Strict):
    """Which month, in the tenant's zone."""

    month: Annotated[
        str,
        StringConstraints(pattern=r"^2[01][0-9]{2}-(0[1-9]|1[0-2])$"),
        Field(description="YYYY-MM"),
    ]


class WarningOut(BaseModel):
    """Something to know that stops nothing; the message is Portuguese."""

    code: str
    message: str
