"""What a snapshot of advisories says of the locked packages. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from msgspec import Struct

STALE_AFTER: Final = timedelta(days=30)


class Finding(Struct, frozen=True, kw_only=True):
    """A vulnerability known of one version of a package."""

    package: str
    version: str
    id: str
    aliases: tuple[str, ...] = ()
    fixed_in: tuple[str, ...] = ()


class Snapshot(Struct, frozen=True, kw_only=True):
    """What was known on a day of the packages that were asked about; of no others."""

    taken_on: date
    source: str
    packages: Mapping[str, str]  # the version that was asked about, by name
    findings: tuple[Finding, ...]


class Accepted(Struct, frozen=True, kw_only=True):
    """A finding that is accepted until a day."""

    package: str
    id: str
    reason: str
    until: date


class Verdict(Struct, frozen=True, kw_only=True):
    """`problems` fail the check; `remarks` are told."""

    problems: Sequence[str]
    remarks: Sequence[str]


def judge(
    locked: Mapping[str, str],
    snapshot: Snapshot | None,
    accepted: Sequence[Accepted],
    today: date,
) -> Verdict:
    """Hold what is locked against what is known. Without a snapshot nothing was checked."""
    if snapshot is None:
        remark = (
            f"dependencies: NOT AUDITED. There is no snapshot of advisories; `make audit` makes one"
            f" of the {len(locked)} packages where api.osv.dev or PyPI's JSON API can be reached."
        )
        return Verdict(problems=_over(accepted, today), remarks=[remark])
    known = [one for one in snapshot.findings if locked.get(one.package) == one.version]
    asked = [name for name, version in locked.items() if snapshot.packages.get(name) == version]
    unasked = [f"{name}=={locked[name]}" for name in locked if name not in set(asked)]
    open_ones = [one for one in known if not _accepts(accepted, one)]
    problems = [_said(one) for one in open_ones] + _over(accepted, today)
    problems += [
        f"{one.package} {one.id}: the exception is needed by nothing any more"
        for one in accepted
        if not any(_accepts([one], finding) for finding in known)
    ]
    found = f"{len(known)} known" if known else "nothing known"
    day, share = snapshot.taken_on.isoformat(), f"{len(asked)} of {len(locked)} packages"
    remarks = [f"dependencies: {found} as of {day}, {share}, source {snapshot.source}"]
    if today - snapshot.taken_on > STALE_AFTER:
        remarks.append("dependencies: the snapshot is older than 30 days: `make audit` renews it")
    if unasked:
        remarks.append(f"dependencies: NOT AUDITED: {', '.join(unasked)}")
    return Verdict(problems=problems, remarks=remarks)


def _accepts(accepted: Sequence[Accepted], finding: Finding) -> bool:
    names = {finding.id, *finding.aliases}
    return any(one.package == finding.package and one.id in names for one in accepted)


def _over(accepted: Sequence[Accepted], today: date) -> list[str]:
    return [
        f"{one.package} {one.id}: was accepted until {one.until.isoformat()}"
        for one in accepted
        if one.until < today
    ]


def _said(finding: Finding) -> str:
    fixed = ", ".join(finding.fixed_in) or "no version yet"
    return f"{finding.package} {finding.version}: {finding.id}, mended in {fixed}"
