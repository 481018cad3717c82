"""A real browser before the panel; where the machine has none these tests are left out."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from services.sandbox.run import Sandbox, running_sandbox

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING = "no browser: put a Chromium on the path (Debian: apt-get install chromium)"
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


def browser_path() -> str | None:
    """The Chromium of this machine."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as running:
        yield running


@pytest_asyncio.fixture
async def chromium() -> AsyncIterator[Browser]:
    path = browser_path()
    if path is None:
        pytest.skip(MISSING)
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--force-color-profile=srgb"]
        )
        yield launched
        await launched.close()
