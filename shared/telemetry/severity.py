"""How loudly a failure is told: what passes by itself warns, what needs a person is an error."""

import errno
import logging
from typing import Final

# PostgreSQL's class 53: disk full, out of memory, too many connections, a limit that was set.
OUT_OF_RESOURCES: Final = "53"
# Nothing of these gets better by trying again.
OUT_OF_PLACE: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS}
)


def severity(error: BaseException) -> int:
    """The level of `logging` for a failure that is tried again.

    ERROR where something is used up that only a person makes room in: a disk, memory, connections,
    open files. WARNING for all else, a database that is being restarted for one. Whatever caused
    an error counts as that error.
    """
    return logging.ERROR if _used_up(error) else logging.WARNING


def _used_up(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup) and any(map(_used_up, error.exceptions)):
        return True
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno in OUT_OF_PLACE:
        return True
    if str(getattr(error, "sqlstate", None) or "").startswith(OUT_OF_RESOURCES):
        return True
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return cause is not None and _used_up(cause)
