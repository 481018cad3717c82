"""The one image: built where an engine is (`make image`), and what is in it (`make sbom`).

A digest can only be learned from a registry, so the base is pinned when somebody first builds:
its digest is written into deploy/base-image.lock, which belongs into the repository, and every
later build takes that one until the file is taken away.
"""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from packaging.markers import Marker

from shared.telemetry.version import commit

ROOT: Final = Path(__file__).parent.parent
BUILD: Final = ROOT / "build"
DOCKERFILE: Final = ROOT / "deploy" / "Dockerfile"
BASE_LOCK: Final = ROOT / "deploy" / "base-image.lock"
RUN: Final = ROOT / "requirements" / "run.txt"
ENGINES: Final = ("docker", "podman")
PINNED: Final = re.compile(r"[\w./:-]+@sha256:[0-9a-f]{64}")
_LOCKED: Final = re.compile(
    r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*([^\\]+?))?\s*\\?$", re.MULTILINE
)
_UNINSTALLED: Final = re.compile(r"^RUN /venv/bin/pip uninstall -q -y (.+)$", re.MULTILINE)


class ImageError(Exception):
    """The image, or the list of what is in it, cannot be made here; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A package as the lock names it."""

    name: str
    version: str


def contents() -> list[Locked]:
    """The packages of the image: the lock, less what does not apply and what is taken out again."""
    (taken_out,) = _UNINSTALLED.findall(DOCKERFILE.read_text(encoding="utf-8"))
    return [
        Locked(name=name, version=version)
        for name, version, marker in _LOCKED.findall(RUN.read_text(encoding="utf-8"))
        if name not in taken_out.split() and (not marker or Marker(marker).evaluate())
    ]


def lay_out_venv(folder: Path) -> None:
    """The image's /venv, made of what is installed here; ImageError where that is not the lock."""
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
    (packages,) = folder.glob("lib/python3*/site-packages")
    for wanted in contents():
        for source, name in _files(wanted):
            target = packages / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(source, target)


def write_sbom(target: Path, venv: Path | None = None) -> None:
    """A CycloneDX list of what is in the image, licences included; `venv` as laid out, if it is."""
    if venv is None:
        with TemporaryDirectory() as folder:
            lay_out_venv(Path(folder))
            write_sbom(target, Path(folder))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    _run(
        [
            # It warns that pyproject.toml names no dependencies: the lock does.
            *(sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "environment"),
            *("--output-reproducible", "--pyproject", str(ROOT / "pyproject.toml")),
            *("--mc-type", "application", "--output-file", str(target)),
            str(venv / "bin" / "python"),
        ]
    )
    _add_licences_in_own_words(target)


def _add_licences_in_own_words(sbom: Path) -> None:
    """Who names its licence in words of its own is listed with these: the lister leaves them out.

    Such are supervisor ("BSD-derived …") and protobuf ("3-Clause BSD License").
    """
    told = json.loads(sbom.read_text(encoding="utf-8"))
    for component in told["components"]:
        said = distribution(component["name"]).metadata
        (words,) = said.get_all("License") or [None]
        if not component.get("licenses") and words:
            component["licenses"] = [{"license": {"name": words}}]
    sbom.write_text(f"{json.dumps(told, indent=2)}\n", encoding="utf-8")


def build() -> str:
    """Build it and its SBOM; the image's name. ImageError where no engine answers."""
    engine = _engine()
    base = _pinned_base(engine)
    name = f"notaponte:{version()}"
    _run(
        [
            *(engine, "build", "--file", str(DOCKERFILE), "--build-arg", f"BASE={base}"),
            *("--build-arg", f"COMMIT={commit() or ''}"),
            *("--label", f"org.opencontainers.image.version={version()}"),
            *("--label", f"org.opencontainers.image.revision={commit() or ''}"),
            *("--label", f"org.opencontainers.image.base.name={base}"),
            *("--tag", name, "--tag", "notaponte:local", str(ROOT)),
        ]
    )
    write_sbom(BUILD / "sbom.json")
    return name


def version() -> str:
    """The version of pyproject.toml."""
    loaded = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return str(loaded["project"]["version"])


def read_base() -> str:
    """The tag that the Dockerfile begins with when nobody says another."""
    (tag,) = re.findall(r"^ARG BASE=(\S+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    return str(tag)


def _pinned_base(engine: str) -> str:
    if BASE_LOCK.exists():
        pinned = BASE_LOCK.read_text(encoding="utf-8").strip()
        if not PINNED.fullmatch(pinned):
            raise ImageError(f"{BASE_LOCK.name} names no image by digest; take it away.")
        return pinned
    tag = read_base()
    _run([engine, "pull", tag])
    shown = _told([engine, "image", "inspect", tag])
    digests = [str(one) for one in json.loads(shown)[0]["RepoDigests"]]
    if not digests:
        raise ImageError(f"{engine} knows no digest of {tag}.")
    BASE_LOCK.write_text(f"{digests[0]}\n", encoding="utf-8")
    sys.stderr.write(f"Pinned {digests[0]} in deploy/{BASE_LOCK.name}: commit it.\n")
    return digests[0]


def _engine() -> str:
    for engine in ENGINES:
        if (
            shutil.which(engine)
            and not subprocess.run(  # noqa: S603 - a name of ours
                [engine, "info"], capture_output=True, check=False
            ).returncode
        ):
            return engine
    raise ImageError(
        f"No container engine answers here ({' or '.join(ENGINES)}). What the image holds and"
        " starts is tried without one by: make test T=tests/ops/test_image.py"
    )


def _files(wanted: Locked) -> Iterator[tuple[Path, str]]:
    """Where each file of a package lies, and its name below site-packages; scripts are left out."""
    try:
        found = distribution(wanted.name)
    except PackageNotFoundError:
        raise ImageError(f"{wanted.name} is not installed; run make setup.") from None
    if found.version != wanted.version:
        raise ImageError(
            f"{wanted.name} is {found.version} here and {wanted.version} in the lock;"
            " run make setup."
        )
    for file in found.files or ():
        if ".." not in file.parts and "__pycache__" not in file.parts:
            yield Path(str(file.locate())), str(file)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, check=False)  # noqa: S603 - our own command line
    if done.returncode:
        raise ImageError(f"{' '.join(command[:3])} … failed ({done.returncode}).")


def _told(command: Sequence[str]) -> str:
    return subprocess.run(  # noqa: S603 - our own command line
        command, check=True, capture_output=True, text=True
    ).stdout


def main(arguments: Sequence[str]) -> None:
    """`build`, or `sbom`."""
    try:
        if list(arguments) == ["sbom"]:
            write_sbom(BUILD / "sbom.json")
            sys.stdout.write("build/sbom.json\n")
        else:
            sys.stdout.write(f"{build()}\n")
    except ImageError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main(sys.argv[1:])
