"""When a page first shows something, in a Chromium slowed down four times, and what it fetched.

When it shows depends on who else uses the machine; how long the page's main thread works does so
much less. It is counted in the thread's own time and not slowed down, for every page.
"""

import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from playwright.async_api import Browser as Chromium
from playwright.async_api import CDPSession, Page, async_playwright

from tests.bench.measure import Measure
from tests.browser.conftest import MISSING, browser_path
from tests.services.panel.support import Browser

SLOWER: Final = 4
ROUNDS: Final = 7
MOST_MS: Final = 500.0
WORK_ROUNDS: Final = 3
MOST_WORK: Final = 100.0  # slowed down four times it leaves a fifth of the half second
MOST_FIRST_KB: Final = 60.0
MOST_NEXT_KB: Final = 15.0
PAINTED: Final = """
    () => performance.getEntriesByName('first-contentful-paint').map(entry => entry.startTime)[0]
"""


async def first_paint(browser: Browser, paths: list[str], every: list[str]) -> list[Measure]:
    """For each page: first contentful paint, and kilobytes of a first view and of the next one.

    For `every` page what its main thread works until it is shown.
    """
    path = browser_path()
    if path is None:
        raise SystemExit(MISSING)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        found = [await _floor(chromium, browser)]
        found += [one for path in paths for one in await _page(chromium, browser, path)]
        found += [await _work(chromium, browser, path) for path in every]
        await chromium.close()
    return found


async def _work(chromium: Chromium, browser: Browser, path: str) -> Measure:
    """What the main thread does for a first view, with nothing in the cache."""
    taken = []
    for _ in range(WORK_ROUNDS):
        async with _visitor(chromium, browser, slower=1) as (page, _):
            session = await page.context.new_cdp_session(page)
            await session.send("Performance.enable", {"timeDomain": "threadTicks"})
            before = await _ticks(session)
            await _go(page, browser.base + path)
            taken.append((await _ticks(session) - before) * 1000)
    name = "/".join(path.split("/")[3:]) or "overview"
    return _measure(f"{name}: work of the main thread", statistics.median(taken), "ms", MOST_WORK)


async def _ticks(session: CDPSession) -> float:
    found = await session.send("Performance.getMetrics")
    return float(next(one["value"] for one in found["metrics"] if one["name"] == "TaskDuration"))


async def _page(chromium: Chromium, browser: Browser, path: str) -> list[Measure]:
    paints, again, firsts, nexts = [], [], [], []
    for _ in range(ROUNDS):
        async with _visitor(chromium, browser) as (page, sent):
            paints.append(await _go(page, browser.base + path))
            firsts.append(sum(sent))
            sent.clear()
            again.append(await _go(page, browser.base + path))
            nexts.append(sum(sent))
    name = "/".join(path.split("/")[3:]) or "overview"
    return [
        _measure(f"{name}: first paint of a first view", statistics.median(paints), "ms", MOST_MS),
        _measure(f"{name}: first paint of the next", statistics.median(again), "ms", MOST_MS),
        _measure(f"{name}: fetched by a first view", max(firsts) / 1000, "kB", MOST_FIRST_KB),
        _measure(f"{name}: fetched by the next", max(nexts) / 1000, "kB", MOST_NEXT_KB),
    ]


async def _floor(chromium: Chromium, browser: Browser) -> Measure:
    """What this machine takes for a page of one word: the rest is the panel's."""
    paints = []
    for _ in range(ROUNDS):
        async with _visitor(chromium, browser) as (page, _):
            await page.route(
                "**/word", lambda route: route.fulfill(body="<p>ok", content_type="text/html")
            )
            paints.append(await _go(page, f"{browser.base}/word"))
    value = statistics.median(paints)
    return Measure(bench="pages", what="first paint of a page of one word", value=value, unit="ms")


@asynccontextmanager
async def _visitor(
    chromium: Chromium, browser: Browser, slower: int = SLOWER
) -> AsyncIterator[tuple[Page, list[float]]]:
    """Somebody signed in, with nothing in the cache, on a slow machine; and what is fetched."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 800})
    await context.add_cookies(
        [
            {"name": one.key, "value": one.value, "url": browser.base}
            for one in browser.http.cookie_jar
        ]
    )
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    yield page, await _watched(session)
    await context.close()


async def _go(page: Page, url: str) -> float:
    answer = await page.goto(url, wait_until="networkidle")
    if answer is None or answer.status != 200:
        raise AssertionError(f"{url}: {answer and answer.status}")
    await page.wait_for_function(f"({PAINTED})() !== undefined")
    return float(await page.evaluate(PAINTED))


async def _watched(session: CDPSession) -> list[float]:
    """Bytes of every answer as they come over the wire, headers too; of the cache none."""
    sent: list[float] = []

    def ended(event: dict[str, Any]) -> None:
        sent.append(event["encodedDataLength"])

    session.on("Network.loadingFinished", ended)
    await session.send("Network.enable")
    return sent


def _measure(what: str, value: float, unit: str, most: float) -> Measure:
    return Measure(
        bench="pages", what=what, value=value, unit=unit, bar=f"< {most:.0f}", passed=value < most
    )
