"""`python -m services.panel`: what finance people see."""

from services.panel.app import create_app
from shared.config.settings import load_panel
from shared.service import run

if __name__ == "__main__":
    run("panel", load_panel, create_app)
