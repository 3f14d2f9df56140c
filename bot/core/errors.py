"""What can go wrong, as a family; each message is the sentence that a person reads.

ImpastoError
  Refusal             the person can correct it: what is wrong and what to do
    InvalidOrder        no photo, an unreadable one
      PictureTooLarge     a photo or style picture with too many bytes
      InvalidRecipe       the recipe line is invalid
    LimitReached        too many waiting, too much of the engine, the queue is full
    NotOwner            somebody else's job
    NotAllowed          the admins of the room have decided otherwise
  InternalError       ours; the operator's log has the details
    EngineError         the engine process crashed, hung or failed
      Interrupted         while another photo was being painted
    StoreError          the journal cannot be read or written
    NotNow              starting or stopping; the same again in a moment
    InvalidTransition   the job has moved on in the meantime
    Undeliverable       the platform will never take this answer
  ConfigError         the operator has to correct it, before anything starts
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from engine.recipe import RecipeError


class ImpastoError(Exception):
    """The root; its text may be shown to people as it is."""


class Refusal(ImpastoError):
    """The person can correct it."""


class InvalidOrder(Refusal):
    """The photo or the order cannot be used as given."""


class PictureTooLarge(InvalidOrder):
    """A photo or style picture has too many bytes.

    Args:
        limit: bytes.
        size: bytes; 0 is not known.
    """

    def __init__(self, limit: int, *, what: str = "photo", size: int = 0) -> None:
        most = f"{limit / 2**20:.3g} MB"
        fault = f"has {size / 2**20:.3g} MB, and {most} is the limit" if size else f"is too large: {most} is the limit"
        super().__init__(f"This {what} {fault}. Send a smaller copy.")


class InvalidRecipe(InvalidOrder):
    """The recipe line is invalid, or asks for what its mode cannot do."""


class LimitReached(Refusal):
    """A limit stands in the way; the message says which, and for how long."""


class NotOwner(Refusal):
    """The job belongs to somebody else."""


class NotAllowed(Refusal):
    """The admins of the room have decided otherwise."""


class InternalError(ImpastoError):
    """We could not do it."""


class EngineError(InternalError):
    """The engine process crashed, hung or reported a failure of its own."""


class Interrupted(EngineError):
    """The engine was lost while it painted another photo."""


class StoreError(InternalError):
    """The journal cannot be read or written: a full or failing disk, or a bug."""


class NotNow(InternalError):
    """The bot is starting or stopping: nothing was kept, and the same is welcome in a moment."""


class InvalidTransition(InternalError):
    """A job was to be moved to a state that may not follow the one it is in."""


class Undeliverable(InternalError):
    """The platform refused the answer for good: the chat, the message or our permission is gone."""


class ConfigError(ImpastoError):
    """The configuration cannot be used; the message names the key."""


@contextmanager
def invalid_recipes() -> Iterator[None]:
    """Turn the engine's `RecipeError` into one of this family."""
    try:
        yield
    except RecipeError as error:
        raise InvalidRecipe(str(error)) from error


def sentence(error: BaseException) -> str:
    """What a person is told of ``error``; the only place where errors become words."""
    if isinstance(error, ImpastoError):
        return str(error)
    return "Something went wrong on my side; the log has the details. Your photo is safe: please try again."
