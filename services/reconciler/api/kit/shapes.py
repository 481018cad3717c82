"""Models that several resources take or give."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from services.reconciler.api.kit.operation import Strict
from services.reconciler.api.kit.words import Reason
from shared.domain.documents import names_somebody


def of_nobody(text: str) -> str:
    """The text, if it has no document and no e-mail; else ValueError."""
    if names_somebody(text):
        raise ValueError("names no person: it is kept where nothing can be erased")
    return text


ReasonOfNobody = Annotated[Reason, AfterValidator(of_nobody)]


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
