"""Whether issuing waits since the database is an older copy, as a check of health. Pure."""

from datetime import datetime

from shared.domain.message_texts.connections import WAITS
from shared.watch.connection import ConnectionCheck

CODE = "restored"


def judge_restored(noticed_at: datetime | None, *, reading: bool) -> ConnectionCheck:
    """One check; `noticed_at` of the last restore, `reading` while issuing waits for a list."""
    if reading:
        text = WAITS["database_restored"].text
        return ConnectionCheck(code=CODE, status="degraded", since=noticed_at, message=text)
    text = "Nada pendente de restauração do banco de dados."
    return ConnectionCheck(code=CODE, status="ok", since=None, message=text)
