"""The gallery on Telegram: contact sheets to page through, by tag or all, and one style seen closer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from telegram import InlineKeyboardMarkup, InputMediaPhoto, MaybeInaccessibleMessage, Message
from telegram.error import BadRequest

from bot.chat.telegram import render
from bot.chat.telegram.messages import Order, TelegramAddress
from bot.chat.telegram.rate_limiter import ANSWER, Barred, Bot
from bot.chat.telegram.render import CAPTION, ChoiceButton, cut
from bot.chat.telegram.sending.transport import PHOTO_BYTES, TelegramTransport
from bot.core.jobs import Job
from bot.core.journal.store import Store
from bot.core.messages import Choice, Incoming, Text
from bot.dialog.gallery import GalleryPage, GalleryView, fingerprint, page_of
from bot.dialog.services import Services
from bot.engine_process import thumbnails
from engine.gallery import Style

log = logging.getLogger(__name__)

MOST_TAGS = 24  # that are offered
ALBUM_OF = "album of"  # under which a room has the album that a sheet is for
PICTURES = "telegram pictures"  # the store's room for the file_ids of what was uploaded before


class Offer(Order, frozen=True, kw_only=True):
    """A choice that was offered."""

    texts: tuple[str, ...]  # what each button means, as if it had been written
    styles: tuple[str, ...] = ()  # whose pictures are shown, one for every text; nothing where there is only text
    title: str = msgspec.field(default="", name="says")
    lines: bool = False  # they are what may follow an answer, and no choice

    def view(self, button: ChoiceButton) -> GalleryView:
        return GalleryView(styles=self.styles, title=self.title, tag=button.tag, page=button.page)


class Shown(NamedTuple):
    """What a message of the gallery shows."""

    key: str  # of its picture, in the store
    picture: Callable[[], Awaitable[bytes | None]]
    text: str
    keyboard: InlineKeyboardMarkup | None


@dataclass
class GalleryMessages:
    """Shows choices, and turns their pages."""

    bot: Bot
    transport: TelegramTransport
    services: Services

    async def offer(self, order: Order, choice: Choice) -> None:
        """Post what there is to choose from: styles as pictures, and suggestions as buttons."""
        view = GalleryView.of(choice)
        offer = Offer(
            **msgspec.structs.asdict(order),
            texts=tuple(choice.line(style) for style in choice.styles),
            styles=view.styles,
            title=view.title,
        )
        button = ChoiceButton(await self.services.store.put_blob(order.place.room, "ask", msgspec.json.encode(offer)))
        address = TelegramAddress.of(order.place)
        if not choice.cards:
            keyboard = render.suggestions(button.offer, choice.suggestions)
            await self.transport.say(address, choice.text, keyboard, ANSWER)
        elif len(choice.cards) == 1 and not order.photos:
            await self._post(address, self._one_style(offer, button, choice.text))
        else:
            await self._post(address, self._page(offer, button))

    async def offer_lines(self, order: Order, reply: Text) -> None:
        """Post an answer, with what may follow as buttons."""
        offer = Offer(**msgspec.structs.asdict(order), texts=tuple(line.text for line in reply.lines), lines=True)
        blob = await self.services.store.put_blob(order.place.room, "ask", msgspec.json.encode(offer))
        keyboard = render.line_buttons(blob, reply.lines)
        await self.transport.say(TelegramAddress.of(order.place), reply.text, keyboard, ANSWER)

    async def keep_album(self, sheet: Job, order: Order) -> None:
        """What is chosen of this sheet, which shows the first photo of an album, is for all of the album."""
        offer = msgspec.json.encode(Offer(**msgspec.structs.asdict(order), texts=()))
        blob = await self.services.store.put_blob(order.place.room, "ask", offer)
        await self.services.store.set_setting(order.place.room, f"{ALBUM_OF} {sheet.id}", blob)

    async def album_of(self, sheet: Job) -> str | None:
        """Where the album is kept whose first photo a sheet shows; None of any other."""
        return await self.services.store.setting(sheet.place.room, f"{ALBUM_OF} {sheet.id}")

    async def offered(self, id: str) -> Offer | None:
        """What was offered, as long as it is kept."""
        blob = await self.services.store.blob(id)
        if blob is None or blob.kind != "ask":
            return None
        try:
            return msgspec.json.decode(blob.data, type=Offer)
        except msgspec.DecodeError:  # another version wrote it
            return None

    async def turn(self, under: MaybeInaccessibleMessage, offer: Offer, button: ChoiceButton) -> None:
        """Show another page, or the styles of a tag."""
        await self._change(under, self._page(offer, button))

    async def show_tags(self, under: MaybeInaccessibleMessage, offer: Offer, button: ChoiceButton) -> None:
        """Put the tags where the names of the styles were."""
        keyboard = render.gallery_tags(button, self._page_of(offer.view(button)))
        await self.bot.edit_message_reply_markup(
            under.chat.id, under.message_id, reply_markup=keyboard, rate_limit_args=ANSWER
        )

    async def show_closer(self, under: MaybeInaccessibleMessage, offer: Offer, button: ChoiceButton) -> None:
        """One style: its picture, and what there is to know of it."""
        incoming = Incoming(user=offer.user, place=offer.place, topic=offer.topic)
        reply = await self.services.commands.say(incoming, f"/styles {offer.styles[button.index]}")
        await self._change(under, self._one_style(offer, button, reply.text))

    # --- what is shown -----------------------------------------------------------------------------------------------

    def _page_of(self, view: GalleryView) -> GalleryPage:
        return page_of(view, self.services.gallery, most_tags=MOST_TAGS)

    def _page(self, offer: Offer, button: ChoiceButton) -> Shown:
        view = offer.view(button)
        page = self._page_of(view)
        where = ", ".join(filter(None, (view.tag, page.where))).capitalize()
        text = "\n".join(filter(None, (view.title, where)))
        keyboard = render.gallery_page(button, view, page)
        return Shown(f"sheet {fingerprint(page.styles)}", lambda: self.services.sheets.of(page.styles), text, keyboard)

    def _one_style(self, offer: Offer, button: ChoiceButton, text: str) -> Shown:
        style = self.services.gallery[offer.styles[button.index]]
        private = TelegramAddress.of(offer.place).chat > 0
        keyboard = render.one_style(button, back=len(offer.styles) > 1, next_photo=private)
        return Shown(picture_key(style), lambda: thumbnails.preview(style, PHOTO_BYTES), text, keyboard)

    async def _post(self, address: TelegramAddress, shown: Shown) -> None:
        async def send(picture: str | bytes) -> Message:
            async with self.transport.posted.posting(address.chat) as note:
                message: Message = await self.bot.send_photo(
                    photo=picture,
                    caption=cut(shown.text, CAPTION),
                    reply_markup=shown.keyboard,
                    filename="styles.jpg" if isinstance(picture, bytes) else None,
                    rate_limit_args=ANSWER,
                    **address.target,
                )
                note(message)
            return message

        if not await self._with_picture(shown, send):
            await self.transport.say(address, shown.text, shown.keyboard, ANSWER)

    async def _change(self, under: MaybeInaccessibleMessage, shown: Shown) -> None:
        chat, message = under.chat.id, under.message_id

        async def send(picture: str | bytes) -> Message | bool:
            media = InputMediaPhoto(picture, caption=cut(shown.text, CAPTION), filename="styles.jpg")
            return await self.bot.edit_message_media(
                media, chat, message, reply_markup=shown.keyboard, rate_limit_args=ANSWER
            )

        if not await self._with_picture(shown, send):
            await self.bot.edit_message_text(
                shown.text, chat, message, reply_markup=shown.keyboard, rate_limit_args=ANSWER
            )

    async def _with_picture(self, shown: Shown, send: Callable[[str | bytes], Awaitable[Message | bool]]) -> bool:
        """Whether it was sent with its picture, which is uploaded once and then known by Telegram's name for it.

        Where pictures may not be sent, text may be.
        """
        known = await self.services.store.setting(PICTURES, shown.key)
        if known:
            try:
                await send(known)
                return True
            except BadRequest as error:
                log.info("Telegram does not have a picture of the gallery any more: %s", error)
            except Barred as error:
                log.info("the gallery is shown without pictures: %s", error)
                return False
        picture = await shown.picture()
        if picture is None:
            return False
        try:
            message = await send(picture)
        except (BadRequest, Barred) as error:
            log.warning("a picture of the gallery was not taken: %s", error)
            return False
        if isinstance(message, Message):
            await keep_picture(self.services.store, shown.key, message)
        return True


def picture_key(style: Style) -> str:
    """What the store has Telegram's name for a style's picture under."""
    return f"style {fingerprint([style])}"


async def keep_picture(store: Store, key: str, message: Message) -> None:
    """Remember Telegram's name for the picture of a message."""
    if message.photo:
        await store.set_setting(PICTURES, key, message.photo[-1].file_id)
