"""`python -m services.emitter`: turns due sales into notas until it is told to stop."""

from services.emitter.app import create_app
from shared.config.settings import load_emitter
from shared.service import run

if __name__ == "__main__":
    run("emitter", load_emitter, create_app, share_port=True)
