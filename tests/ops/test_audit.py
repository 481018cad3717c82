"""Dependencies are held against what is known of them, and what is not known is said."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from deploy.audit.__main__ import (
    EXCEPTIONS,
    LOCK,
    NothingHeardError,
    read_answer,
    read_exceptions,
    read_lock,
)
from deploy.audit.projects import read_projects
from deploy.audit.verdict import Accepted, Finding, Snapshot, Verdict, judge

TODAY = date(2026, 11, 29)
LOCKED = {"aiohttp": "3.14.5", "jinja2": "3.2.0"}
BAD = Finding(
    package="jinja2", version="3.2.0", id="GHSA-1", aliases=("CVE-1",), fixed_in=("3.2.1",)
)
ACCEPTED = Accepted(package="jinja2", id="CVE-1", reason="not used", until=TODAY)


def known(*findings: Finding, days: int = 0, packages: dict[str, str] = LOCKED) -> Snapshot:
    return Snapshot(
        taken_on=TODAY - timedelta(days=days), source="OSV", packages=packages, findings=findings
    )


def said(verdict: Verdict) -> str:
    return " ".join([*verdict.remarks, *verdict.problems])


def test_without_a_snapshot_nothing_is_called_safe() -> None:
    verdict = judge(LOCKED, None, [], TODAY)

    assert "NOT AUDITED" in said(verdict)
    assert "nothing known" not in said(verdict)


def test_what_was_looked_at_is_said_with_its_day_number_and_source() -> None:
    verdict = judge(LOCKED, known(), [], TODAY)

    assert not verdict.problems
    assert said(verdict) == (
        "dependencies: nothing known as of 2026-11-29, 2 of 2 packages, source OSV"
    )


def test_a_known_vulnerability_fails_with_what_mends_it() -> None:
    assert judge(LOCKED, known(BAD), [], TODAY).problems == [
        "jinja2 3.2.0: GHSA-1, mended in 3.2.1"
    ]


def test_one_of_another_version_is_not_ours() -> None:
    verdict = judge({**LOCKED, "jinja2": "3.2.1"}, known(BAD), [], TODAY)

    assert not verdict.problems
    assert "1 of 2 packages" in said(verdict)
    assert "NOT AUDITED: jinja2==3.2.1" in said(verdict)


def test_an_exception_holds_until_its_last_day_and_as_long_as_it_is_needed() -> None:
    later = TODAY + timedelta(days=1)

    assert not judge(LOCKED, known(BAD), [ACCEPTED], TODAY).problems
    assert "accepted until" in said(judge(LOCKED, known(BAD), [ACCEPTED], later))
    assert judge(LOCKED, known(BAD), [ACCEPTED], later).problems
    assert "needed by nothing" in said(judge(LOCKED, known(), [ACCEPTED], TODAY))
    assert judge(LOCKED, None, [ACCEPTED], later).problems


@pytest.mark.parametrize(("days", "stale"), [(30, False), (31, True)])
def test_a_snapshot_of_more_than_thirty_days_is_told_of(days: int, stale: bool) -> None:
    assert ("older than 30 days" in said(judge(LOCKED, known(days=days), [], TODAY))) is stale


def test_an_answer_that_skipped_every_package_is_none() -> None:
    skipped = {"dependencies": [{"name": "jinja2", "skip_reason": "not found"}], "fixes": []}

    with pytest.raises(NothingHeardError, match="not found"):
        read_answer(skipped, TODAY, "osv")


def test_an_answer_is_kept_of_the_packages_it_is_about() -> None:
    vulnerable: dict[str, Any] = {
        "id": "GHSA-1", "aliases": ["CVE-1"], "fix_versions": ["3.2.1"], "description": "…",
    }  # fmt: skip
    answer = {
        "dependencies": [
            {"name": "Jinja2", "version": "3.2.0", "vulns": [vulnerable]},
            {"name": "aiohttp", "version": "3.14.5", "vulns": []},
            {"name": "uvloop", "skip_reason": "not found"},
        ]
    }

    kept = read_answer(answer, TODAY, "pypi")

    assert kept.packages == LOCKED
    assert kept.source.startswith("PyPI")
    assert kept.findings == (BAD,)
    assert msgspec.json.decode(msgspec.json.encode(kept), type=Snapshot) == kept


def test_every_locked_package_is_read() -> None:
    text = LOCK.read_text(encoding="utf-8")

    packages = [line for line in text.splitlines() if line[:1].isalnum()]
    assert len(read_lock(text)) == len(packages) > 100


def test_the_exceptions_that_ship_are_well_written() -> None:
    read_exceptions(EXCEPTIONS.read_text(encoding="utf-8"))
    whole = '[[exception]]\npackage = "a"\nid = "b"\nreason = "c"\nuntil = 2026-12-31\n'

    assert read_exceptions(whole)[0].until == date(2026, 12, 31)
    with pytest.raises(msgspec.ValidationError):
        read_exceptions(whole.replace('reason = "c"\n', ""))
    with pytest.raises(msgspec.ValidationError):
        read_exceptions(whole.replace('"c"', '" "'))


def test_a_projects_page_tells_of_its_newest_version_alone() -> None:
    advisory: dict[str, Any] = {"id": "GHSA-1", "aliases": ["CVE-1"], "fixed_in": ["3.2.1"]}
    newest: dict[str, Any] = {
        "info": {"version": "3.2.0"},
        "vulnerabilities": [advisory, {"id": "GHSA-2", "withdrawn": "2026-01-01T00:00:00Z"}],
    }
    newer: dict[str, Any] = {"info": {"version": "3.15.0"}, "vulnerabilities": []}

    kept = read_projects(LOCKED, {"jinja2": newest, "aiohttp": newer}, TODAY)

    assert kept is not None
    assert kept.packages == {"jinja2": "3.2.0"}
    assert kept.findings == (BAD,)
    assert "NOT AUDITED: aiohttp==3.14.5" in said(judge(LOCKED, kept, [], TODAY))


def test_pages_that_say_nothing_of_advisories_are_no_answer() -> None:
    silent: dict[str, Any] = {"info": {"version": "3.2.0"}}

    assert read_projects(LOCKED, {"jinja2": silent, "aiohttp": None}, TODAY) is None
