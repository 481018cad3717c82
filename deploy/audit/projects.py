"""Advisories by the pages of PyPI's projects, which tell those of a project's newest version.

The last resort: some mirrors serve `/pypi/NAME/json` and neither a version's page nor OSV. A
package whose locked version is not the newest is not told of, and so is named as not audited.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any, Final

from deploy.audit.verdict import Finding, Snapshot

SOURCE: Final = "PyPI (its projects' pages, of newest versions alone)"
_PAGE: Final = "https://pypi.org/pypi/{name}/json"
_SECONDS: Final = 60
_AT_ONCE: Final = 8


def ask_projects(locked: Mapping[str, str], today: date) -> Snapshot | None:
    """Ask for the page of every locked package; None where no page tells of a locked version."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        pages = dict(zip(locked, pool.map(_page, locked), strict=True))
    return read_projects(locked, pages, today)


def read_projects(
    locked: Mapping[str, str], pages: Mapping[str, Any], today: date
) -> Snapshot | None:
    """What pages tell of locked versions; a page that says nothing of advisories tells nothing."""
    told = {
        name: page["vulnerabilities"]
        for name, page in pages.items()
        if page
        and page.get("info", {}).get("version") == locked[name]
        and isinstance(page.get("vulnerabilities"), list)
    }
    if not told:
        return None
    findings = [
        Finding(
            package=name,
            version=locked[name],
            id=one["id"],
            aliases=tuple(one.get("aliases") or ()),
            fixed_in=tuple(one.get("fixed_in") or ()),
        )
        for name, found in told.items()
        for one in found
        if not one.get("withdrawn")
    ]
    packages = {name: locked[name] for name in told}
    return Snapshot(taken_on=today, source=SOURCE, packages=packages, findings=tuple(findings))


def _page(name: str) -> Any:
    try:
        page = _PAGE.format(name=name)  # names of a lock: letters, digits and hyphens
        with urllib.request.urlopen(page, timeout=_SECONDS) as answer:  # noqa: S310 - always https
            return json.load(answer)
    except (OSError, ValueError, urllib.error.URLError):
        return None
