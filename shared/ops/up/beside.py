"""Programs that `up` runs once: what they load is needed once, and `up` stays small."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from shared.local.home import Home
from shared.ops.up.processes import marks_of
from shared.ops.up.programs import ROOT

BOUND: Final = "shared.ops.up.bound"


async def run_beside(
    module_and_arguments: Sequence[str], env: Mapping[str, str], home: Home
) -> tuple[int, str, str]:
    """Run a module of ours to its end: how it ended, and its words on stdout and on stderr.

    It ends with us, also where we are killed.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", BOUND, str(os.getpid()), *module_and_arguments),
        cwd=ROOT,
        env={**env, **marks_of(home, "services")},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        start_new_session=True,  # Ctrl-C is for `up`
    )
    try:
        said, fault = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    code = process.returncode if process.returncode is not None else 1
    return code, said.decode().strip(), fault.decode(errors="replace").strip()
