"""The gallery for the page: all that is known of each style, and pictures that a browser may keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from engine.gallery import Gallery, Style, folded

KEEP = "private, max-age=31536000, immutable"  # an address with the file's version in it never shows another


class GalleryFiles:
    """The styles, and their pictures as files."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/style/{name}/{kind:preview|swatch}.webp", self._picture)]

    def described(self) -> list[dict[str, Any]]:
        """Every style, as `api.schema.Style` has it. Where there is no picture, its address is null."""
        return [_described(style) for style in self._gallery]

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        style = self._gallery.find(request.match_info["name"])
        path = _path(style, request.match_info["kind"]) if style else None
        if path is None or not path.is_file():
            raise web.HTTPNotFound
        known = request.query.get("v") == _version(path)
        headers = {"Content-Type": "image/webp", "Cache-Control": KEEP if known else "no-cache"}
        return web.FileResponse(path, headers=headers)


def _described(style: Style) -> dict[str, Any]:
    return {
        **{key: getattr(style, key) for key in ("name", "title", "artist", "year", "licence", "credit", "tags")},
        **{key: getattr(style, key) for key in ("strength", "brush", "fast")},
        "by": f"{style.artist}, {style.year}",
        "words": folded(" ".join([style.name, style.credit, *style.aliases, *style.tags])),
        "preview": _address(style, "swatch" if style.preview == style.swatch else "preview"),
        "swatch": _address(style, "swatch"),
    }


def _path(style: Style, kind: str) -> Path:
    return style.preview if kind == "preview" else style.swatch


def _address(style: Style, kind: str) -> str | None:
    path = _path(style, kind)
    return f"/style/{style.name}/{kind}.webp?v={_version(path)}" if path.is_file() else None


def _version(path: Path) -> str:
    found = path.stat()
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"
