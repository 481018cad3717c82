"""What ended a command, in words: no operator has to read a traceback of what they can mend."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from shared.commands.tokens import TokenRefused
from shared.config.env import SettingsError
from shared.config.settings import EXIT_CODE, exit_with
from shared.config.spelling import begin_with
from shared.crypto.seal import UnsealError
from shared.db.revision import SchemaError
from shared.db.unreachable import DatabaseAwayError, told_of_work
from shared.domain.people import StaffRefused
from shared.keys import KeysReplacedError, StillSealingError, WrongKeysError
from shared.local.backup import BackupError
from shared.local.home import HomeBusyError, known_settings, resting
from shared.local.not_started import ServerNotStartedError
from shared.local.postgres import DataNotMadeError, RestoreUnfinishedError
from shared.local.redis import RedisAwayError

NO_DATABASE: Final = "DATABASE_URL is missing."


@contextmanager
def plain_errors() -> Iterator[None]:
    """End the process with words instead of a traceback where words can help."""
    begin_with(os.environ)
    try:
        yield
    except SettingsError as error:
        if NO_DATABASE in error.problems and (rests := told_to_rest()):
            exit_with(SettingsError((rests,)))
        exit_with(error)
    except (
        BackupError,
        DataNotMadeError,
        HomeBusyError,
        KeysReplacedError,
        RestoreUnfinishedError,
        SchemaError,
        StaffRefused,
        StillSealingError,
        TokenRefused,
        WrongKeysError,
    ) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_CODE) from None
    except UnsealError as error:
        sys.stderr.write(
            f"A stored value cannot be opened: {error}. Put its key back at the end.\n"
        )
        raise SystemExit(1) from None
    except DatabaseAwayError as error:
        sys.stderr.write(f"{told_to_rest() or error}\n")
        raise SystemExit(1) from None
    except (RedisAwayError, ServerNotStartedError) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from None
    except asyncpg.LockNotAvailableError:
        sys.stderr.write("A table was busy for over 2 s; nothing is half done, run it again.\n")
        raise SystemExit(1) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        words = _told(error)
        if words is None:  # a mistake of ours, which is shown whole
            raise
        sys.stderr.write(f"{words}\n")
        raise SystemExit(1) from None


def told_to_rest() -> str | None:
    """Why a database that nobody named is not there: it runs with `up` alone."""
    folder = resting(os.environ)
    if folder is None:
        return None
    return (
        f"`make up` does not run in {folder}, nor does its database: start it, then run this"
        " again. For a database elsewhere set DATABASE_URL."
    )


def _told(error: Exception) -> str | None:
    """Why the database, or else a file, ended a command."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}. Mend that, and run it again."
    if isinstance(error, OSError) and (rests := told_to_rest()):
        return rests
    return told_of_work(error, known_settings(os.environ).get("DATABASE_URL", ""))
