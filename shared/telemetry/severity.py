"""How loudly a failure is told: what passes by itself warns, what needs a person is an error.

Every level and what is told at it: docs/operations.md.
"""

import errno
import logging
from typing import Final

# Classes of PostgreSQL's SQLSTATE that somebody has to end: sign-in refused, no such database,
# tables or rights other than this code's, resources used up (disk, memory, connections), a disk or
# files that cannot be read, rows that are damaged.
NEEDS_SOMEBODY: Final = ("28", "3D", "42", "53", "58", "XX")
# Redis has no codes: memory is a class of the library, a disk it cannot write to is a word.
REDIS_FULL: Final = "OutOfMemoryError"
REDIS_CANNOT_SAVE: Final = "MISCONF"
# A mistake of ours; trying again repeats it.
OURS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    TypeError,
    ValueError,
)
# Nothing of these gets better by trying again.
OUT_OF_PLACE: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS}
)


def severity(error: BaseException) -> int:
    """The level of `logging` for a failure that is tried again.

    ERROR where somebody has to do something: where a disk, memory, connections or open files are
    used up, where the database has nothing for us, and where the mistake is in our code. WARNING
    for all else, a database that is being restarted for one. Whatever caused an error counts as
    that error.
    """
    return logging.ERROR if _needs_somebody(error) else logging.WARNING


def _needs_somebody(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup) and any(map(_needs_somebody, error.exceptions)):
        return True
    if isinstance(error, (MemoryError, *OURS)):
        return True
    if isinstance(error, OSError) and error.errno in OUT_OF_PLACE:
        return True
    if str(getattr(error, "sqlstate", None) or "").startswith(NEEDS_SOMEBODY):
        return True
    if type(error).__name__ == REDIS_FULL or str(error).startswith(REDIS_CANNOT_SAVE):
        return True
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return cause is not None and _needs_somebody(cause)
