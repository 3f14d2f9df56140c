"""What becomes of engine processes, and what people are told of it."""

from __future__ import annotations

from typing import Literal

# What becomes of engine processes; `Supervisor` tells its observer each of them as it happens.
ProcessEvent = Literal[
    "started",
    "ready",
    "crashed",  # ended by itself
    "oom_killed",  # was killed, and not by us: so the kernel does when memory runs out
    "hung",  # sent nothing for too long, at the start or later
    "protocol_error",  # wrote something that is not a frame
    "killed",  # by us, because a cancelled job would not end
    "stopped",  # by us, because the bot ends
    "recycled",  # by us, because it had grown, while nobody waited
]
ENDED_BY_US: tuple[ProcessEvent, ...] = ("stopped", "recycled")
FAULTS: tuple[ProcessEvent, ...] = ("crashed", "oom_killed", "hung", "protocol_error")

NOT_STARTED = "The painting engine does not start; the log says why. Please try again later."
STOPPED = "The bot is shutting down."
SENTENCES: dict[ProcessEvent, str] = {
    "crashed": "The painting engine stopped in the middle of this picture.",
    "oom_killed": "The system ended the painting engine in the middle of this picture, as it does when memory runs"
    " out: a smaller size= may help.",
    "hung": "The painting engine stopped responding in the middle of this picture.",
    "protocol_error": "The painting engine sent an invalid message in the middle of this picture.",
    "killed": "The painting engine had to be restarted in the middle of this picture.",
    "stopped": STOPPED,
    "recycled": "The painting engine was restarted.",
}
REAP_SECONDS = 1.0  # from the end of a process's pipe until its exit code is there
TOO_LARGE = "This photo is too large for the painting engine. Send a smaller one."
CANCELLED = "Cancelled."
INTERRUPTED = "The painting engine was restarted because of another picture."
