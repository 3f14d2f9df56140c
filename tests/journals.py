"""Journals as SQL text: what every schema looked like, with the same few jobs in it.

``python -m tests.journals`` writes one of the present schema. Do so before a migration is added, and keep it: the
tests ask for one of every schema that came before.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import msgspec

from bot.core.jobs import Job, Place, State
from bot.core.journal.rows.sign_ins import SignIn
from bot.core.journal.schema import MIGRATIONS
from bot.core.journal.store import JobMessage, NewBlob, Store
from engine.recipe import Recipe, Share

FOLDER = Path(__file__).parent / "data" / "journals"
AT = 1790000000.0
ROOM, GROUP, PICTURE = "fad7e4c52a03288f82290334d63b500d", "telegram:-100500", "fixtureblob0000000000001"
STATES = {
    "webque22": State.QUEUED,
    "telpng22": State.PAINTING,
    "webpnt22": State.PAINTED,
    "telfad22": State.FAILED,
    "teldvd22": State.DELIVERED,
    "webcan22": State.CANCELLED,
}
WITH_STYLE, WITH_RESULT = ("webque22", "teldvd22"), ("webpnt22", "teldvd22")
IN_ROOM = b"picture of the room"
RECIPE = Recipe(styles=(Share("starrynight"),), strength=60, seed=7)


def bytes_of(kind: str, id: str) -> bytes:
    """What stands for a picture: a photo, a style or a result of that job."""
    return f"{kind} of {id}".encode()


def restored(version: int, path: Path) -> Path:
    """A journal as a bot of that schema left it, with the pictures beside it where that schema keeps them there."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript((FOLDER / f"schema-{version}.sql").read_text("utf-8"))
        beside = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'pictures'").fetchone()
    if beside:
        folder = path.with_name(f"{path.name}-pictures")
        folder.mkdir()
        for data in (IN_ROOM, *(bytes_of(kind, id) for id in STATES for kind in ("photo", "style", "result"))):
            (folder / hashlib.sha256(data).hexdigest()).write_bytes(data)
    return path


async def fill(store: Store) -> None:
    for number, (id, state) in enumerate(STATES.items(), 1):
        chat, room = ("telegram", GROUP) if id.startswith("tel") else ("web", ROOM)
        address = {"chat": -100500, "message": number} if chat == "telegram" else {"photo": "fixtureblob"}
        job = Job(
            id=id,
            user=f"{chat}:4711",
            place=Place(chat, room, address),
            recipe=msgspec.structs.replace(RECIPE, mode="fine", size=512, steps=90, encoder="slim"),
            requested=RECIPE,
            created=AT + number,
            idempotency_key=f"{chat}:{room}:{number}",
        )
        await store.add(job, bytes_of("photo", id), bytes_of("style", id) if id in WITH_STYLE else None)
        if state not in (State.QUEUED, State.CANCELLED):
            await store.move(id, State.PAINTING, attempts=1)
        if id in WITH_RESULT:
            picture = bytes_of("result", id)
            await store.finish(id, picture, recipe=job.recipe, width=512, height=384, seconds=4.5, notes=("A note.",))
        if state in (State.FAILED, State.DELIVERED, State.CANCELLED):
            await store.move(id, state)
    await store.set_setting(GROUP, "style", "greatwave")
    photo = {"type": "photo", "id": "webphoto00000001", "photo": PICTURE, "name": "cat.png"}
    await store.append(ROOM, msgspec.json.encode(photo), NewBlob("image/png", IN_ROOM, PICTURE))
    await store.append(ROOM, msgspec.json.encode({"type": "said", "id": "websaid000000002", "text": "/styles"}))
    await store.set_job_message("teldvd22", JobMessage(message=41, answered=True))
    await store.set_job_message("telpng22", JobMessage(message=42))
    await store.add_sign_in(SignIn(id="0123456789abcdef", browser="Firefox", since=AT, until=4e9), 10)


def dumped(path: Path) -> str:
    """A journal as SQL, in which texts can be read."""
    with closing(sqlite3.connect(path)) as db:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        lines = [re.sub("X'([0-9A-F]+)'", _readable, line) for line in db.iterdump()]
    return "\n".join(["PRAGMA auto_vacuum = INCREMENTAL;", f"PRAGMA user_version = {version};", *lines, ""])


def _readable(blob: re.Match[str]) -> str:
    data = bytes.fromhex(blob[1])
    return "CAST('" + data.decode().replace("'", "''") + "' AS BLOB)" if data.isascii() else blob[0]


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite3"
        async with Store.open(path) as store:
            await fill(store)
        (FOLDER / f"schema-{len(MIGRATIONS)}.sql").write_text(dumped(path), "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
