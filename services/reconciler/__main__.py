"""`python -m services.reconciler`: the internal API, and the reconciler's loops beside it."""

import os

from services.reconciler.run import wire
from shared.config.settings import load_or_exit, load_reconciler
from shared.telemetry.logs import configure_logs
from shared.telemetry.serve import serve


def main() -> None:
    """Read the environment and serve until told to stop."""
    settings = load_or_exit(load_reconciler, os.environ)
    log = settings.process.log
    configure_logs("reconciler", level=log.level, format=log.format)
    serve(wire(settings), host=settings.process.host, port=settings.process.port)


if __name__ == "__main__":
    main()
