"""The folder that processes of a service share their counts in, looked at before there is a count.

The client library of Prometheus opens its files as soon as a module with a metric is loaded, long
before settings are read: a folder that does not do would end in a traceback out of its insides.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from typing import Final

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
UNUSABLE: Final = 2  # as load_or_exit ends


def fault(env: Mapping[str, str]) -> str | None:
    """What is wrong with the folder, in a sentence; None where it does, or none is named."""
    folder = env.get(FOLDER)
    if not folder:
        return None
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except NotADirectoryError:
        return f"{FOLDER} names something that is no folder."
    except FileNotFoundError:
        return f"{FOLDER} names a folder that is not there: make it, or leave the variable out."
    except OSError as error:
        return f"{FOLDER} names a folder in which no file can be made: {error.strerror}."


def demand_folder(env: Mapping[str, str] = os.environ) -> None:
    """End the process in words where the folder does not do."""
    wrong = fault(env)
    if wrong is not None:
        sys.stderr.write(f"{wrong}\n")
        raise SystemExit(UNUSABLE)
