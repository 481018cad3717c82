"""`python -m shared.ops.up.bound PID MODULE …`: runs a module that ends when its parent does."""

import runpy
import signal
import sys

from shared.local.parent import end_with

if __name__ == "__main__":
    _, parent, module, *arguments = sys.argv
    end_with(int(parent), signal.SIGKILL)  # what it does in the database is whole or not done
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
