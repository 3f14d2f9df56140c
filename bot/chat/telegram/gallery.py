"""The gallery on Telegram: contact sheets to page through, by kinds or all, and one style seen closer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import msgspec
from telegram import Bot, CallbackQuery, InlineKeyboardMarkup, InputMediaPhoto, Message
from telegram.error import BadRequest

from bot.chat.telegram.attachments import Attachment
from bot.chat.telegram.calls import WORDS_SECONDS, Barred, Calls, is_unchanged
from bot.chat.telegram.job_messages import PHOTO_BYTES, JobMessages, reply_to, thread_of
from bot.chat.telegram.render import CAPTION, Choice, choices, closer, cut, kinds, page_of
from bot.core.errors import InvalidOrder
from bot.core.jobs import Place
from bot.core.journal.store import Store
from bot.core.messages import Incoming, Reply
from bot.dialog import gallery as sheets
from bot.dialog.commands import Commands
from bot.engine_process import thumbnails
from engine.gallery import Gallery, Style

log = logging.getLogger(__name__)

KINDS = 24  # that are offered
PICTURES = "telegram pictures"  # the store's room for the file_ids of what was uploaded before


class Ask(msgspec.Struct, frozen=True):
    """A choice that was offered."""

    user: str
    place: Place
    texts: tuple[str, ...]  # what each button means, as if it had been written
    shots: tuple[Attachment, ...] = ()
    style: Attachment | None = None  # the picture that is the style of the one shot
    topic: str = ""
    styles: tuple[str, ...] = ()  # whose pictures are shown, one for every text; nothing where only words are
    says: str = ""


class View(msgspec.Struct, frozen=True):
    """What a message of the gallery shows."""

    key: str  # of its picture, in the store
    picture: Callable[[], Awaitable[bytes | None]]
    text: str
    keyboard: InlineKeyboardMarkup | None


class GalleryView:
    """JobMessages choices, and turns their pages."""

    def __init__(
        self, bot: Bot, calls: Calls, desk: JobMessages, commands: Commands, store: Store, gallery: Gallery
    ) -> None:
        self._bot = bot
        self._calls = calls
        self._desk = desk
        self._commands = commands
        self._store = store
        self._gallery = gallery

    async def offer(self, ask: Ask, reply: Reply) -> None:
        """Post what there is to choose from: styles as pictures, and a few words as buttons."""
        names = tuple(card.name for card in reply.cards) or reply.suggestions
        texts = tuple(reply.choice(name) for name in names)
        shown = names if reply.cards else ()
        kept = msgspec.structs.replace(ask, texts=texts, styles=shown, says=reply.text.partition("\n")[0])
        id = await self._store.put_blob(ask.place.room, "ask", msgspec.json.encode(kept))
        if not shown:
            await self._desk.say(ask.place.address, reply.text, choices(id, names), patience=WORDS_SECONDS)
        elif len(shown) == 1 and not ask.shots:
            await self._post(ask, self._close_view(id, kept, 0, reply.text, Choice(id)))
        else:
            await self._post(ask, self._page_view(kept, Choice(id)))

    async def ask(self, id: str) -> Ask | None:
        """What was offered, as long as it is kept."""
        blob = await self._store.blob(id)
        return msgspec.json.decode(blob.data, type=Ask) if blob is not None and blob.kind == "ask" else None

    async def turn(self, query: CallbackQuery, ask: Ask, choice: Choice) -> None:
        """Show another page, or another kind of styles."""
        await self._change(query, self._page_view(ask, choice))

    async def offer_kinds(self, query: CallbackQuery, ask: Ask, choice: Choice) -> None:
        """Put the kinds of styles where their names were."""
        styles = [self._gallery[name] for name in self._known(ask)]
        await self._calls.call(
            _chat(query),
            lambda chat: self._bot.edit_message_reply_markup(
                chat, _message(query), reply_markup=kinds(choice, sheets.kinds(styles, KINDS))
            ),
            patience=WORDS_SECONDS,
        )

    async def show_closer(self, query: CallbackQuery, ask: Ask, choice: Choice) -> None:
        """One style: its picture, and what there is to know of it."""
        name = ask.styles[choice.index]
        asked = Incoming(user=ask.user, place=ask.place, text=f"/styles {name}", topic=ask.topic)
        reply = await self._commands.handle(asked)
        await self._change(query, self._close_view(choice.ask, ask, choice.index, reply.text, choice))

    # --- views -------------------------------------------------------------------------------------------------------

    def _known(self, ask: Ask) -> list[str]:
        """The styles that are still in the gallery, should it have changed since."""
        return [name for name in ask.styles if self._gallery.find(name)]

    def _page_view(self, ask: Ask, choice: Choice) -> View:
        styles = [self._gallery[name] for name in self._known(ask)]
        found = [style for style in styles if not choice.kind or choice.kind in style.tags] or styles
        pages = sheets.pages(found)
        if not pages:
            raise InvalidOrder("These styles are not in my gallery any more. /styles shows those that are.")
        at = choice.page % len(pages)
        page = pages[at]
        where = [choice.kind] * bool(choice.kind) + [f"page {at + 1} of {len(pages)}"] * (len(pages) > 1)
        buttons = [(style.name, ask.styles.index(style.name)) for style in page]
        choice = msgspec.structs.replace(choice, page=at)
        keyboard = page_of(choice, buttons, len(pages), any_kinds=len(styles) > sheets.PER_SHEET)
        return View(
            f"sheet {sheets.look(page)}",
            lambda: thumbnails.sheet(page),
            "\n".join(filter(None, (ask.says, ", ".join(where).capitalize()))),
            keyboard,
        )

    def _close_view(self, id: str, ask: Ask, index: int, text: str, choice: Choice) -> View:
        style = self._gallery[ask.styles[index]]
        back = len(ask.styles) > 1
        private = int(ask.place.address["chat"]) > 0
        keyboard = closer(msgspec.structs.replace(choice, ask=id, index=index), back=back, next_photo=private)
        return View(picture_key(style), lambda: thumbnails.preview(style, PHOTO_BYTES), text, keyboard)

    # --- messages ----------------------------------------------------------------------------------------------------

    async def _post(self, ask: Ask, view: View) -> None:
        address = ask.place.address

        async def send(picture: str | bytes) -> Message:
            return await self._calls.call(
                int(address["chat"]),
                lambda chat: self._bot.send_photo(
                    chat,
                    picture,
                    caption=cut(view.text, CAPTION),
                    reply_markup=view.keyboard,
                    message_thread_id=thread_of(address),
                    reply_parameters=reply_to(address),
                    filename="styles.jpg" if isinstance(picture, bytes) else None,
                ),
                patience=WORDS_SECONDS,
            )

        if not await self._with_picture(view, send):
            await self._desk.say(address, view.text, view.keyboard, patience=WORDS_SECONDS)

    async def _change(self, query: CallbackQuery, view: View) -> None:
        async def send(picture: str | bytes) -> Message | bool:
            media = InputMediaPhoto(picture, caption=cut(view.text, CAPTION), filename="styles.jpg")
            return await self._calls.call(
                _chat(query),
                lambda chat: self._bot.edit_message_media(media, chat, _message(query), reply_markup=view.keyboard),
                patience=WORDS_SECONDS,
            )

        if not await self._with_picture(view, send):
            await self._calls.call(
                _chat(query),
                lambda chat: self._bot.edit_message_text(view.text, chat, _message(query), reply_markup=view.keyboard),
                patience=WORDS_SECONDS,
            )

    async def _with_picture(self, view: View, send: Callable[[str | bytes], Awaitable[Message | bool]]) -> bool:
        """Whether it was sent with its picture, which is uploaded once and then known by Telegram's name for it.

        Where pictures may not be sent, words may be.
        """
        known = await self._store.setting(PICTURES, view.key)
        if known:
            try:
                await send(known)
                return True
            except BadRequest as error:
                if is_unchanged(error):
                    return True
                log.info("Telegram has a picture of the gallery no more: %s", error)
            except Barred as error:
                log.info("the gallery is shown without pictures: %s", error)
                return False
        picture = await view.picture()
        if picture is None:
            return False
        try:
            message = await send(picture)
        except (BadRequest, Barred) as error:
            log.warning("a picture of the gallery was not taken: %s", error)
            return False
        if isinstance(message, Message) and message.photo:
            await self._store.set_setting(PICTURES, view.key, message.photo[-1].file_id)
        return True


def picture_key(style: Style) -> str:
    """What the store has Telegram's name for a style's picture under."""
    return f"style {sheets.look([style])}"


def _chat(query: CallbackQuery) -> int:
    assert query.message
    return query.message.chat.id


def _message(query: CallbackQuery) -> int:
    assert query.message
    return query.message.message_id
