"""What can go wrong, as a family; each message is the sentence that a person reads.

ImpastoError
  Refusal        the person's to mend: what is wrong and what to do
    BadOrder       no photo, an unreadable one, a recipe line that is none
    LimitReached   too many waiting, too fast, the queue is full
    NotYours       somebody else's job
    NotAllowed     the admins of the room have decided otherwise
  Breakage       ours; the operator's log has the details
    EngineBroken   the engine process crashed, hung or failed
    StoreBroken    the journal cannot be read or written
    OutOfTurn      the job has moved on in the meantime
    Undeliverable  the platform will not take this answer, now or ever
  BadConfig      the operator's to mend, before anything starts
"""

from __future__ import annotations


class ImpastoError(Exception):
    """The root; its text may be shown to people as it is."""


class Refusal(ImpastoError):
    """The person can mend it."""


class BadOrder(Refusal):
    """The photo or the recipe cannot be used as given."""


class LimitReached(Refusal):
    """A limit stands in the way; the message says which, and for how long."""


class NotYours(Refusal):
    """The job belongs to somebody else."""


class NotAllowed(Refusal):
    """The admins of the room have decided otherwise."""


class Breakage(ImpastoError):
    """We could not do it."""


class EngineBroken(Breakage):
    """The engine process crashed, hung or reported a failure of its own."""


class StoreBroken(Breakage):
    """The journal cannot be read or written: a full or failing disk, or a bug."""


class OutOfTurn(Breakage):
    """A job was to be moved to a state that may not follow the one it is in."""


class Undeliverable(Breakage):
    """The platform refused the answer for good: the chat, the message or our permission is gone."""


class BadConfig(ImpastoError):
    """The configuration cannot be used; the message names the key."""


def sentence(error: BaseException) -> str:
    """What a person is told of ``error``; the only place where errors become words."""
    if isinstance(error, ImpastoError):
        return str(error)
    return "Something broke on my side, and the log has the details. Your photo is safe: please try again."
