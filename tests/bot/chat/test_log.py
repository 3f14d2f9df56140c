"""What the log says of an order, and what it does not."""

from __future__ import annotations

import io
import json
import logging

from bot import log
from tests.bot.chat.telegram.harness import CAT, finished, telegram_bot
from tests.fakes.telegram.server import FakeTelegram

ADA, HER_GROUP = 8421973501, -1008421973502


async def test_the_log_follows_a_job_and_names_nobody() -> None:
    root, stream = logging.getLogger(), io.StringIO()
    before, level = root.handlers[:], root.level
    log.set_up("info", [], stream, "json")
    try:
        async with FakeTelegram().serve() as server, telegram_bot(server) as it:
            server.says(HER_GROUP, "/stylize starrynight dear diary", user=ADA, photo=CAT)
            server.says(HER_GROUP, "/stylize starrynight", user=ADA, photo=CAT)
            await finished(server, HER_GROUP)
            await it.delivered()
            (paint,) = it.engine.runs
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(False)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    told = [line["message"] for line in lines if line.get("job") == paint.job]
    assert told[0].startswith(f"job {paint.job} accepted: /stylize starrynight mode=fast")
    assert told[-1] == f"job {paint.job} is delivered"
    for personal in (str(ADA), str(HER_GROUP).lstrip("-"), "Ann", "dear diary"):
        assert personal not in stream.getvalue()
