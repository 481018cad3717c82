"""Style and script, each under a name with a hash of its content: kept by browsers for a year."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

STATIC: Final = Path(__file__).parents[1] / "static"
PREFIX: Final = "/ativos"
KEEP: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it is sent."""

    path: str
    media_type: str
    plain: bytes
    packed: bytes


def load(folder: Path = STATIC) -> Mapping[str, Asset]:
    """Every file of the folder by its own name."""
    return {file.name: _asset(file) for file in sorted(folder.iterdir()) if file.suffix in _TYPES}


def _asset(file: Path) -> Asset:
    plain = file.read_bytes()
    word = hashlib.sha256(plain).hexdigest()[:16]
    return Asset(
        path=f"{PREFIX}/{file.stem}.{word}{file.suffix}",
        media_type=_TYPES[file.suffix],
        plain=plain,
        packed=gzip.compress(plain, 9, mtime=0),
    )


ASSETS: Final = load()
_BY_PATH: Final = {asset.path: asset for asset in ASSETS.values()}


def address(name: str) -> str:
    """Where a page finds an asset."""
    return ASSETS[name].path


async def asset(request: Request) -> Response:
    """Send one; a name of another version is not there any more."""
    found = _BY_PATH.get(request.url.path)
    if found is None:
        return Response(status_code=404)
    packs = "gzip" in request.headers.get("Accept-Encoding", "")
    headers = {"Cache-Control": KEEP, "Vary": "Accept-Encoding"}
    if packs:
        headers["Content-Encoding"] = "gzip"
    body = found.packed if packs else found.plain
    return Response(body, headers=headers, media_type=found.media_type)
