"""/admin: what the owner of this bot asks and decides."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.core.errors import InvalidOrder
from bot.core.jobs import Job
from bot.core.limits import Limits
from bot.core.studio import Studio, Waiting
from engine.recipe import nearest

LISTED = 30  # open jobs that /admin queue names
USER = re.compile(r"[a-z]{2,20}:-?\w{1,64}")
ACTIONS = {
    "status": "how everything stands",
    "pause": "paint nothing more for now; orders are taken and wait",
    "resume": "paint again, and take orders again",
    "drain": "paint what waits, and take no more: before a restart, which ends it",
    "queue": "all pictures that wait or are being painted",
    "cancel ID": "cancel anybody's picture",
    "block USER": "take no orders from somebody, such as telegram:123; /admin queue shows who is who",
    "unblock USER": "take them again",
    "limits": "show what one person may do; /admin limits open_jobs=5 per_minute=10 burst=8 changes it until I am"
    " restarted",
}
NUMBERS = {"open_jobs": 1000, "per_minute": 6000, "burst": 1000}  # with the most that each may be


async def carried_out(studio: Studio, words: str) -> str:
    """The answer to ``/admin WORDS``.

    Raises:
        Refusal
    """
    action, _, rest = words.strip().partition(" ")
    rest, control = rest.strip(), studio.control
    match action.lower():
        case "" | "help":
            return "\n".join(f"/admin {name}: {text}" for name, text in ACTIONS.items())
        case "status":
            return _status(studio)
        case "pause":
            await control.pause()
            return f"Painting is paused. Orders are taken and wait; /admin resume goes on. {_left(studio)}"
        case "resume":
            await control.resume()
            return f"Painting goes on, and orders are taken. {_left(studio)}"
        case "drain":
            await control.drain()
            return f"No more orders are taken, until /admin resume or a restart. {_left(studio)}"
        case "queue":
            return _queue(studio.open_jobs())
        case "cancel":
            job = await studio.cancel_any(_named(rest, "Which picture? /admin queue lists them: /admin cancel ID"))
            return f"Cancelled: {job.id} of {job.user}, who is told."
        case "block":
            await control.block(user := _user(rest))
            mine = len(studio.open_jobs(user))
            left = f" {mine} of their pictures still wait: /admin queue." if mine else ""
            return f"Blocked: {user}. /admin unblock {user} ends it.{left}"
        case "unblock":
            if (user := _user(rest)) not in control.blocked:
                raise InvalidOrder(f"{user} is not blocked. Blocked: {', '.join(control.blocked) or 'nobody'}.")
            await control.unblock(user)
            return f"{user} may order again."
        case "limits":
            if rest:
                studio.limits.change(**_changes(rest))
            return _limits(studio.limits)
    known = [name.split()[0] for name in ACTIONS]
    raise InvalidOrder(
        f"There is no /admin {action[:30]}.{nearest(action.lower(), known)} /admin lists what there is."
    )


def _status(studio: Studio) -> str:
    control, engine = studio.control, studio.engine
    found = studio.health.readiness()
    if control.paused:
        state = "Paused: orders are taken and wait. /admin resume goes on."
    elif control.draining:
        state = "Taking no more orders, until /admin resume or a restart."
    else:
        state = "Open for orders."
    workers = ", ".join(f"{name} is {doing}" for name, doing in found["workers"].items())
    lines = (
        state,
        _left(studio),
        f"Painting on: {engine.ready.device}." if engine.ready else "The painting engine is starting.",
        f"Workers: {workers}." if workers else "",
        *found["reasons"],
        *found["notes"],
        f"Blocked: {', '.join(control.blocked)}." if control.blocked else "",
        _limits(studio.limits),
    )
    return "\n".join(filter(None, lines))


def _left(studio: Studio) -> str:
    count = studio.waiting()
    return f"{count or 'No'} picture{' is' if count == 1 else 's are'} waiting or being painted."


def _queue(jobs: Sequence[Waiting]) -> str:
    lines = [f"{it.job.id} of {it.job.user}: {_what(it.job)}, {it.status.text}" for it in jobs[:LISTED]]
    if len(jobs) > LISTED:
        lines.append(f"and {len(jobs) - LISTED} more.")
    return "\n".join(lines) or "No picture waits or is being painted."


def _what(job: Job) -> str:
    return "+".join(share.name for share in job.recipe.styles) or str(job.recipe.mode)


def _limits(limits: Limits) -> str:
    return (
        f"One person may have {limits.open_jobs} open at once (open_jobs), begin {limits.per_minute:g} in a minute"
        f" (per_minute), and {limits.burst} at once after a pause (burst)."
    )


def _changes(words: str) -> dict[str, int]:
    """Raises InvalidOrder."""
    changes = {}
    for word in words.split():
        name, _, value = word.partition("=")
        if name not in NUMBERS:
            raise InvalidOrder(f"There is no limit “{name[:30]}” to change.{nearest(name, list(NUMBERS))}")
        if not (value.isascii() and value.isdecimal() and 1 <= int(value[:6]) <= NUMBERS[name]):
            raise InvalidOrder(f"{name}= is a whole number from 1 to {NUMBERS[name]}.")
        changes[name] = int(value)
    return changes


def _named(word: str, question: str) -> str:
    if not word:
        raise InvalidOrder(question)
    return word.split()[0].lower()


def _user(word: str) -> str:
    user = _named(word, "Who? Such as telegram:123 or discord:456; /admin queue shows who ordered what.")
    if not USER.fullmatch(user):
        raise InvalidOrder(f"“{user[:40]}” names nobody. It looks like telegram:123; /admin queue shows who is who.")
    return user
