"""A Discord of our own, on the real wire: REST with multipart, a gateway with heartbeats and RESUME, and its rules.

What a client does wrong is written into `violations`, and refused as Discord refuses it. Every request is held against
Discord's OpenAPI description where a copy of it lies beside the checkout (see `spec`); the rules that it does not know
(three seconds to acknowledge, fifteen minutes of a token, one acknowledgement, 2000 characters, 100 of a custom_id,
upload limits, no mentions) are kept by hand, always.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.fakes.discord.rest import Rest


class FakeDiscord(Rest):
    """Use `running`."""


@asynccontextmanager
async def running(fake: FakeDiscord | None = None) -> AsyncIterator[FakeDiscord]:
    """A Discord on a free port, for as long as the context lasts."""
    fake = fake or FakeDiscord()
    app = web.Application(client_max_size=40 * 2**20)
    app.router.add_get("/gateway", fake._gateway)
    for folder in ("attachments", "stickers", "external"):
        app.router.add_get(f"/{folder}/{{rest:.*}}", fake._cdn)
    app.router.add_route("*", "/api/v10/{rest:.*}", fake._rest)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield fake
    finally:
        await fake.hang_up(1001)
        await runner.cleanup()
