"""A Bot API server on this machine: Telegram's rules, on the wire, with everything that it is asked written down.

Requests and our own answers are checked against the official description of the API; what that cannot say (sizes,
floods, what may be edited into what) is enforced here.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.fakes.telegram.methods import Methods
from tests.fakes.telegram.people import People
from tests.fakes.telegram.state import Call, Refuse
from tests.waiting import PATIENCE


class FakeTelegram(People, Methods):
    """The server."""

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[FakeTelegram]:
        app = web.Application(client_max_size=100 * 2**20)
        app.add_routes(
            [
                web.route("*", "/bot{token}/{method}", self._api),
                web.get("/file/bot{token}/{path:.+}", self._file),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            if self._poller:
                self._poller.set()
            await runner.cleanup()

    async def _file(self, request: web.Request) -> web.Response:
        if self.down:
            assert request.transport
            request.transport.abort()
        if request.match_info["token"] != self.token:
            return web.Response(status=401)
        found = self.files.get(request.match_info["path"].removeprefix("files/"))
        return web.Response(body=found) if found is not None else web.Response(status=404)

    async def _api(self, request: web.Request) -> web.Response:
        if self.down:
            assert request.transport
            request.transport.abort()
            return web.Response()
        method = request.match_info["method"]
        if request.match_info["token"] != self.token:
            return self._no(Refuse(401, "Unauthorized"))
        parameters, files = await self._read(request)
        call = Call(method, parameters, files)
        fault = self._fault(method)
        if fault is not False:
            if fault is None:
                assert request.transport
                request.transport.abort()
                return web.Response()
            assert isinstance(fault, Refuse)
            call.error = fault
            self.calls.append(call)
            self.notice()
            return self._no(fault)
        self.violations += self.spec.request(method, parameters, files)
        if method == "getUpdates":
            return await self._get_updates(parameters)
        self.calls.append(call)
        try:
            result = self._do(call)
        except Refuse as error:
            call.error = error
            return self._no(error)
        finally:
            self.notice()
        self.violations += self.spec.answer(method, result)
        return web.json_response({"ok": True, "result": result})

    def _fault(self, method: str) -> Refuse | bool | None:
        for index, (name, fault) in enumerate(self.faults):
            if name in (method, "*"):
                del self.faults[index]
                return fault
        return False

    def _no(self, error: Refuse) -> web.Response:
        body: dict[str, Any] = {"ok": False, "error_code": error.code, "description": str(error)}
        if error.parameters:
            body["parameters"] = error.parameters
        return web.json_response(body, status=error.code)

    async def _read(self, request: web.Request) -> tuple[dict[str, Any], dict[str, bytes]]:
        parameters: dict[str, Any] = {}
        files: dict[str, bytes] = {}
        if request.content_type == "application/json":
            return await request.json(), files
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                files[name] = value.file.read()
            else:
                parameters[name] = self._value(str(request.match_info["method"]), name, str(value))
        return parameters, files

    def _value(self, method: str, name: str, text: str) -> Any:
        """Forms carry text: a number or an object is what the description says that it is."""
        fields = self.spec.methods.get(method, {}).get("fields", [])
        kinds = next((field["types"] for field in fields if field["name"] == name), None)
        if kinds == ["String"] or (kinds is None and name in ("text", "caption", "query_id", "url")):
            return text
        try:
            return json.loads(text)
        except ValueError:
            return text

    # --- updates -----------------------------------------------------------------------------------------------------

    async def _get_updates(self, parameters: dict[str, Any]) -> web.Response:
        if self.webhook.get("url"):
            return self._no(Refuse(409, "Conflict: can't use getUpdates method while webhook is active"))
        if self._poller is not None:
            self._poller.set()  # the newer one wins, as at Telegram
        mine = self._poller = asyncio.Event()
        offset = parameters.get("offset")
        if offset is not None:
            self.updates = [update for update in self.updates if update["update_id"] >= offset]
        self.notice()
        end = time.monotonic() + min(float(parameters.get("timeout", 0)), PATIENCE)
        changed = asyncio.Event()
        self._notices.add(changed)
        try:
            while not self.updates and time.monotonic() < end and not mine.is_set():
                try:
                    async with asyncio.timeout(end - time.monotonic()):
                        waits = [asyncio.ensure_future(event.wait()) for event in (mine, changed)]
                        try:
                            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                        finally:
                            for wait in waits:
                                wait.cancel()
                except TimeoutError:
                    break
                changed.clear()
        finally:
            self._notices.discard(changed)
        if self._poller is mine:
            self._poller = None
        elif mine.is_set():
            return self._no(Refuse(409, "Conflict: terminated by other getUpdates request"))
        return web.json_response({"ok": True, "result": self.updates[:100]})
