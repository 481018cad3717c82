"""A service that fails in a way nobody foresaw says where, and shows nothing of what it held."""

import asyncio
import json
import os
import sys
from pathlib import Path

from services.emitter import app
from shared.local.files import free_port
from shared.local.home import new_secret_key

ROOT = Path(__file__).parents[2]
FAILING = f"""
import {app.__name__} as app
from shared.config.settings import load_emitter
from shared.service import run

def make_app(*_, **__):
    raise ValueError("no such customer: Maria da Silva")

app.make_app = make_app
run("emitter", load_emitter, app.create_app)
"""


async def test_what_ends_a_service_is_told_without_its_words() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FAILING),
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "SECRET_KEYS": new_secret_key(),
            "EMITTER_PORT": str(free_port()),
            "LOG_FORMAT": "json",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()

    (line,) = said.decode().splitlines()
    told = json.loads(line)
    assert process.returncode == 1
    assert (told["event"], told["level"]) == ("service_failed", "error")
    assert "in create_app" in told["exception"]
    assert "Maria" not in line
