"""What runs beside us may run beside us: every library's licence is one that we accept."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACCEPTED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "PSF-2.0",
    "Unlicense",
}
# Those who say it in words of their own, and what these words are by SPDX.
SAID: dict[str, str] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
# Exceptions, each with its licence as stated and why it may be here.
EXCEPTIONS: dict[str, tuple[str, str]] = {
    "certifi": (
        "MPL-2.0",
        "a list of certificates that comes with requests; unchanged and in its own files",
    ),
    "orjson": (
        "MPL-2.0 AND (Apache-2.0 OR MIT)",
        "its MPL part is unchanged and in its own files, which is all that licence asks",
    ),
    "supervisor": (
        "BSD-derived (http://www.repoze.org/LICENSE.txt)",
        "BSD-3-Clause with a clause about the name, by another name",
    ),
}


def test_ours_is_said_by_its_spdx_identifier() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "LicenseRef-Proprietary"
    (file,) = project["license-files"]
    assert "All rights reserved" in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(EXCEPTIONS))
def test_an_exception_is_still_what_it_was_made_for(name: str) -> None:
    assert name in locked()
    assert stated(name) == EXCEPTIONS[name][0]
    assert not acceptable(stated(name))


def test_every_library_of_the_services_has_a_licence_that_we_accept() -> None:
    installed = {
        dist.metadata["Name"].lower().replace("_", "-") for dist in metadata.distributions()
    }
    here = [name for name in locked() if name.lower().replace("_", "-") in installed]
    assert len(here) > 50  # a marker may leave one out on this Python; not most of them
    wrong = {name: stated(name) for name in here if name not in EXCEPTIONS}
    assert not {name: licence for name, licence in wrong.items() if not acceptable(licence)}


@pytest.mark.parametrize(
    ("licence", "may"),
    [
        ("MIT", True),
        ("MPL-2.0 OR MIT", True),
        ("MPL-2.0 AND MIT", False),
        ("MIT AND (GPL-3.0-only OR BSD-2-Clause)", True),
        ("GPL-3.0-only", False),
        ("", False),
    ],
)
def test_an_expression_is_read_as_spdx_means_it(licence: str, may: bool) -> None:
    assert acceptable(licence) is may


def locked() -> list[str]:
    text = (ROOT / "requirements/run.txt").read_text(encoding="utf-8")
    return re.findall(r"^([A-Za-z0-9._-]+)==", text, flags=re.MULTILINE)


def stated(name: str) -> str:
    """The licence as the package's metadata state it, by SPDX where it is known by that."""
    about = metadata.metadata(name).json
    expression = about.get("license_expression")
    if expression:
        return str(expression)
    short = str(about.get("license", "")).strip()
    if short and "\n" not in short and len(short) < 60:
        return SAID.get(short, short)
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in about.get("classifier", [])
        if line.startswith("License :: OSI Approved")
    ]
    return " AND ".join(SAID.get(one, one) for one in classifiers)


def acceptable(licence: str) -> bool:
    """Whether an SPDX expression leaves us a way: of OR one side, of AND both."""
    while "(" in licence:
        licence = re.sub(
            r"\(([^()]*)\)", lambda m: "MIT" if acceptable(m[1]) else "refused", licence
        )
    return any(
        all(part.strip() in ACCEPTED for part in side.split(" AND "))
        for side in licence.split(" OR ")
    )
