"""`python -m services.reconciler`: the internal API, and the reconciler's loops beside it."""

from services.reconciler.app import create_app
from shared.config.settings import load_reconciler
from shared.service import run

if __name__ == "__main__":
    run("reconciler", load_reconciler, create_app)
