"""How many connections there are at once: silent ones make way for new ones, and what is too much gets a 503.

A connection is idle until its request has begun to be answered, and again after that. So neither silence nor a request
that trickles in keeps anybody out: the idle connection that has waited longest is closed first.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import resource
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

log = logging.getLogger(__name__)

CONNECTIONS = 2000
RESERVE = 256  # descriptors for the journal, the engine and the other chats; and for connections being turned away
FEWEST = 16  # connections, however few descriptors there are
BACKLOG = 64  # connections that are accepted in one go, before the first of them can be closed
IDLE_SECONDS = 75.0  # for headers to arrive, and between requests; reverse proxies give theirs up after 60
TURNED_AWAY = 32  # connections at once that are told so; others are closed without a word
TELL_SECONDS = 2.0  # for the request of a connection that is turned away to arrive

FULL = b"There are too many connections at the moment. Please try again in a few seconds.\n"
BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nServer: Impasto\r\n"
    b"Retry-After: 5\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(FULL), FULL)
)


def raised_capacity() -> int:
    """How many connections there may be, once this process may open as many files as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + RESERVE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS if soft == resource.RLIM_INFINITY else max(FEWEST, min(CONNECTIONS, soft - RESERVE))


def address_of(host: str) -> str:
    """What counts as one address: of IPv6 the network that one household or server has."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


class Connection(web.RequestHandler):
    """One connection, counted by its `Door`."""

    def __init__(self, server: web.Server, door: Door) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            # No access log: the addresses name the rooms, and who knows a room may enter it.
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=IDLE_SECONDS,
            max_headers=64,
        )
        self._door = door
        self.address = ""
        self.link: asyncio.Transport | None = None  # `transport` is None already while the last bytes are on their way

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.link = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address = address_of(str(peer[0]) if peer else "")
        if self._door.enter(self):
            super().connection_made(transport)
        else:
            self._door.turn_away(self.link)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._door.leave(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What cannot be read as HTTP is the client's mistake, and no matter for the log."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        log.debug("a malformed request: %s", type(exc).__name__)
        response = web.Response(status=status, text="This is not a valid HTTP request.\n")
        response.headers["Server"] = "Impasto"
        response.force_close()
        return response


class Door:
    """Counts connections, and decides which of them must go."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._most_of_one = max(1, capacity // 2)  # connections of one address; a proxy is one address, too
        self._all: set[Connection] = set()
        self._of: Counter[str] = Counter()
        self._idle: dict[Connection, None] = {}  # longest idle first
        self._idle_of: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        self._turned_away: set[TurnedAway] = set()

    def __len__(self) -> int:
        return len(self._all)

    @asynccontextmanager
    async def listen(self, server: web.Server, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
        """Take connections for ``server`` until the context ends; yields address and port.

        Raises:
            OSError: the address is unavailable.
        """
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: Connection(server, self), host, port, backlog=BACKLOG)
        try:
            yield listener.sockets[0].getsockname()[:2]
        finally:
            listener.close()
            for turned_away in list(self._turned_away):
                turned_away.end()

    def enter(self, connection: Connection) -> bool:
        """Whether there is room for it, if need be in the place of an idle one."""
        address = connection.address
        if self._of[address] >= self._most_of_one and not self._close_first(self._idle_of[address]):
            return False
        if len(self._all) >= self.capacity and not self._close_first(self._idle):
            return False
        self._all.add(connection)
        self._of[address] += 1
        self._rests(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """It is closed, or as good as closed."""
        self._works(connection)
        if connection not in self._all:
            return
        self._all.discard(connection)
        self._of[connection.address] -= 1
        if not self._of[connection.address]:
            del self._of[connection.address]

    def turn_away(self, transport: asyncio.Transport) -> None:
        if len(self._turned_away) < TURNED_AWAY:
            TurnedAway(transport, self._turned_away)
        else:
            transport.abort()

    @contextmanager
    def answering(self, request: web.BaseRequest) -> Iterator[None]:
        """While a request is answered its connection is not idle."""
        connection = cast(Connection, request.protocol)
        self._works(connection)
        try:
            yield
        finally:
            if connection in self._all:
                self._rests(connection)

    def _close_first(self, idle: dict[Connection, None]) -> bool:
        """Close the one that has been idle for the longest; whether there was one."""
        connection = next(iter(idle), None)
        if connection is None or connection.link is None:
            return False
        self.leave(connection)
        connection.link.abort()
        return True

    def _rests(self, connection: Connection) -> None:
        self._idle[connection] = self._idle_of[connection.address][connection] = None

    def _works(self, connection: Connection) -> None:
        self._idle.pop(connection, None)
        same = self._idle_of[connection.address]
        same.pop(connection, None)
        if not same:
            del self._idle_of[connection.address]


class TurnedAway(asyncio.Protocol):
    """Takes over a connection that there is no room for.

    It is told so once it has asked: sooner, and the answer would be lost with the reset that follows on bytes which
    nobody has read.
    """

    def __init__(self, transport: asyncio.Transport, others: set[TurnedAway]) -> None:
        self._transport = transport
        self._others = others
        others.add(self)
        self._end = asyncio.get_running_loop().call_later(TELL_SECONDS, self.end)
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        self._transport.write(BUSY)
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()
        self._others.discard(self)

    def end(self) -> None:
        self._transport.abort()
