"""“impasto verify”: whether a picture is what its recipe makes of its photo."""

from __future__ import annotations

from argparse import Namespace

from bot.chat.terminal import painting_bar
from bot.command_line.inputs import read_picture
from bot.command_line.painters import Wanted, here
from bot.config import Config
from bot.core.errors import InvalidOrder
from bot.core.messages import Status
from bot.dialog.carried.line import carried
from bot.dialog.earlier.verifying import is_same
from engine.wire import VERIFIED


async def verify(config: Config, args: Namespace) -> bool:
    """Print it; whether it is.

    Raises:
        Refusal: nothing can be painted of this.
        InternalError: there is no picture.
    """
    limit = config.limits.max_photo_mb
    picture = read_picture(args.picture, limit, "picture")
    found = carried(picture)
    if found is None:
        raise InvalidOrder(f"{args.picture} does not say how it was made: it is no picture of mine, or was changed.")
    style = read_picture(args.style, limit, "style picture") if args.style else None
    photo = read_picture(args.photo, limit) if args.photo else None
    wanted = Wanted(line=found.line, photo=photo, style=style, checked=picture)
    async with here(config) as paint:
        with painting_bar() as bar:

            def show(status: Status) -> None:
                bar(status.text, status.done)

            result = await paint(wanted, show)
    print(next(note for note in result.notes if note.startswith(VERIFIED)))
    return bool(is_same(result.notes))
