// What the person does becomes messages to the room: lines, photos, styles, controls of pictures.

import { markFailed } from "../conversation/bubbles.js";
import { $ } from "../dom.js";
import { tile } from "../gallery.js";
import { commandOf, key, namesMine, stylesOf } from "./line.js";
import { Pair } from "./pair.js";

export class Orders {
  constructor(page) {
    this.page = page;
    this.pair = new Pair();
    this.wanted = null; // the line that waits in the composer for its photo, and its style
  }

  forget() {
    this.wanted = null;
    this.pair.forget();
  }

  press(data, button) {
    this.page.scroller.pinned = true;
    this.page.outgoing.press(data, button);
  }

  /** From a control of a picture: its photo once more, by another line. */
  repaint(line, photo) {
    this.page.scroller.pinned = true;
    this.page.outgoing.command(line, photo);
  }

  cancel(job) {
    this.page.outgoing.command(`/cancel ${job.id}`);
  }

  // --- lines and photos ----------------------------------------------------------------------------------------------

  /** The person wrote a line: it goes out with the pictures that are shown above the text box. */
  write(text, about = null) {
    const command = commandOf(text);
    const orders = this.page.gallery.orders.includes(command);
    if (!about && (orders || this.namesStyle(text)) && this.pair.all(text).length > 1) return this.orderAll(text, this.pair.all(text));
    const { photo, style } = !command || orders ? this.pair.of(text) : {};
    this.page.outgoing.message(text, about ?? photo, style);
  }

  /** What an answer offers was pressed: it is about the same picture, or for the next one, which is then asked for. */
  follow({ text, picture }, photo) {
    if (picture !== "next") return this.write(text, picture === "same" ? photo : null);
    this.page.outgoing.command(text);
    $("file").click();
  }

  /** Whether a line without a command begins with a style, so that it is an order. */
  namesStyle(text) {
    const [first] = stylesOf(text).split(/[+:]/);
    return !commandOf(text) && this.page.gallery.styles.some((style) => key(style.name) === key(first));
  }

  /** One order for each of the photos. */
  orderAll(line, photos) {
    for (const photo of photos) this.page.outgoing.message(line, photo);
  }

  addFiles(files) {
    const photos = [...files].map((file) => this.sendPhoto(file)).filter(Boolean);
    const line = $("text").value;
    if (this.wanted && photos.length) return this.paintWanted(photos);
    if (photos.length > 1 && !namesMine(line)) this.pair.several = photos; // else they are a photo and its style
    if (photos.length === 2 && files.length === 2 && (!line.trim() || namesMine(line))) this.match(...photos);
    this.pair.show();
  }

  /** The page's own photo, for who has none at hand. */
  async tryIt() {
    const answer = await fetch("/static/lake.jpg");
    const photo = this.sendPhoto(new File([await answer.blob()], "lake.jpg", { type: "image/jpeg" }));
    if (photo) this.chooseStyle(photo);
  }

  sendPhoto(file) {
    const photo = this.page.outgoing.photo(file, (failed) => {
      this.pair.remove(failed);
      this.pair.show();
    });
    if (photo) this.pair.add(photo);
    this.pair.show();
    return photo;
  }

  /** A photo can be seen, here or again after a reload: one that is too large is refused now, and not when it is ordered. */
  sized(photo, width, height) {
    const { max_pixels: most, max_side: side } = this.page.gallery;
    if (width * height <= most && Math.max(width, height) <= side) return;
    this.pair.remove(photo);
    this.pair.show();
    const limit = `${most / 1e6} megapixels, and ${side} pixels on a side`;
    markFailed(photo.bubble, `The picture has ${width} x ${height} pixels; the limit is ${limit}. Send a smaller version.`);
  }

  /** The text box holds another line: what is shown above it follows. */
  lineChanged() {
    if (this.wanted?.line !== $("text").value) this.wanted = null;
    $("wanted").hidden = !this.wanted;
    $("wanted").textContent = this.wanted ? `${this.wanted.style.title}: now add your photo.` : "";
    this.pair.show();
  }

  /** Have this photo painted in the style of that picture: all that is left to do is to send the line. */
  match(photo, style) {
    this.pair.set(photo, style);
    if (!namesMine($("text").value)) this.page.composer.fill("/stylize mine ");
    this.pair.show();
    $("text").focus();
  }

  /** From a photo's bubble: it is the style, of the photo that was replied to or of one that is still to come. */
  useAsStyle(style) {
    const { photo } = this.pair.of("");
    this.match(photo === style ? null : photo, style);
  }

  reply(photo) {
    this.pair.choose(photo);
    $("text").focus();
  }

  /** Back from what was chosen: to the newest photo, or to no style picture. */
  resetReply() {
    if (!namesMine($("text").value)) return this.reply(null);
    this.pair.style = null;
    this.page.composer.fill("");
    $("text").focus();
  }

  // --- styles --------------------------------------------------------------------------------------------------------

  /** Open the gallery for this photo, or for the one that is replied to. */
  chooseStyle(photo) {
    const shown = photo ?? this.pair.of("").photo;
    const all = photo ? [photo] : this.pair.all("");
    this.page.menu.open(shown, (line, style) => (all.length > 1 && !namesMine(line) ? this.orderAll(line, all) : this.order(line, shown, style)));
    this.page.sheets.open(shown);
  }

  /** A style was chosen: paint the photo in it, or ask for the photo first. */
  order(line, photo, style) {
    this.page.sheets.leave(photo);
    if (photo && namesMine(line)) return this.askStyle((picture) => this.page.outgoing.message(line, photo, picture));
    if (photo) return this.page.outgoing.message(line, photo);
    this.wanted = namesMine(line) ? null : { line, style };
    this.page.composer.fill(line);
    $("file").click();
  }

  /** The photos that a chosen style has waited for are there. */
  paintWanted(photos) {
    const { line } = this.wanted;
    this.page.composer.fill("");
    this.orderAll(line, photos);
  }

  /** Ask for a picture to be the style; `then` gets it when it is on its way. */
  askStyle(then) {
    const file = $("style-file");
    file.onchange = () => {
      const style = file.files.length ? this.sendPhoto(file.files[0]) : null;
      file.value = "";
      if (style) then(style);
    };
    file.click();
  }

  tiles(cards, photo) {
    const styles = cards.map((card) => this.page.gallery.styles.find((style) => style.name === card.name)).filter(Boolean);
    return styles.map((style) => tile(style, () => this.order(`/stylize ${style.name}`, photo ?? this.pair.of("").photo, style)));
  }
}
