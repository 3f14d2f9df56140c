// Sheets of small pictures. In the conversation each can be chosen; in the gallery those of a photo in every style take
// the place of the styles' own previews, as they arrive.

import { addressOf } from "../album/share.js";
import { announce, h } from "../dom.js";
import { along, rove } from "../gallery.js";

/** The pictures of a sheet as buttons over it. `press(data, button)` is called with what the server gave each. */
export function cellButtons(cells, press) {
  const buttons = cells.map(({ number, label, data, box }) => {
    const button = h("button", { type: "button", class: "cell", title: `Paint ${label} in full`, "aria-label": `Paint number ${number}, ${label}, in full`, onclick: () => button.ariaDisabled !== "true" && press(data, button) });
    ["left", "top", "width", "height"].forEach((side, at) => (button.style[side] = `${box[at] * 100}%`));
    return button;
  });
  rove(buttons, buttons[0]);
  const group = h("div", { class: "cells", role: "group", "aria-label": "The pictures of this sheet" }, ...buttons);
  group.addEventListener("keydown", (event) => along(event, buttons));
  return group;
}

const EVERY = "/sheet"; // the line that asks for every style
const keyOf = (photo, line) => (line === EVERY ? photo : `${photo} ${line}`);

/** Photos in every style, and in the strengths of one. `page` has outgoing, menu and connection. */
export class Sheets {
  constructor(page) {
    this.page = page;
    this.forget();
  }

  forget() {
    this.byJob = new Map();
    this.byPhoto = new Map(); // the newest of each, by the photo's blob and the line that asked for another sheet than every style
    this.ladders = new Map(); // by the id of the message: the key of a ladder that was asked for and not accepted yet
    this.watching = new Map(); // by key: who is told of a ladder's pictures
    this.asked = new Map(); // by the id of the message: the photo whose sheet was asked for and not accepted yet
    this.shown = null; // the photo that the gallery is open for
  }

  /** The gallery is open for this photo: show what there is of its sheet, or ask for one. */
  open(photo) {
    this.shown = photo;
    if (!photo) return;
    const sheet = this.byPhoto.get(photo.blob);
    if (sheet) this.show(sheet);
    else if (![...this.asked.values()].includes(photo)) this.asked.set(this.page.outgoing.silently("/sheet", photo), photo);
  }

  /**
   * The pictures of a sheet by this line, `seen(src, cells)`, as they arrive: what there is of it already, or else it is
   * ordered; `seen(null)` where it cannot be. There is never more than one order for the same.
   */
  ladder(photo, line, seen) {
    const key = keyOf(photo.blob, line);
    this.watching.set(key, seen);
    const sheet = this.byPhoto.get(key);
    if (sheet?.src) seen(sheet.src, sheet.cells);
    else if (!sheet && ![...this.ladders.values()].includes(key)) this.ladders.set(this.page.outgoing.silently(line, photo), key);
  }

  /** A style was chosen for this photo: the rest of its sheet would only be in the way. */
  leave(photo) {
    this.shown = null;
    const sheet = this.byPhoto.get(photo?.blob);
    if (sheet?.hidden && !sheet.over) this.cancel(sheet);
    for (const [id, other] of this.asked) if (other === photo) this.asked.set(id, null);
  }

  cancel(sheet) {
    this.page.outgoing.silently(`/cancel ${sheet.job}`);
    this.drop(sheet);
  }

  drop(sheet) {
    if (this.byPhoto.get(sheet.key) === sheet) this.byPhoto.delete(sheet.key);
  }

  // --- from the room: each says whether it was about a sheet that has no bubble ----------------------------------------

  answered({ to, job, sheet_of: photo, quiet, asked }) {
    const left = this.asked.get(to) === null;
    this.asked.delete(to);
    if (!job) this.watching.get(this.ladders.get(to))?.(null);
    this.ladders.delete(to);
    if (!job || !photo) return false;
    const sheet = { job, photo, key: keyOf(photo, asked || EVERY), hidden: quiet, cells: [], src: null, count: 0, over: false };
    this.byJob.set(job, sheet);
    this.byPhoto.set(sheet.key, sheet);
    if (left && quiet) this.cancel(sheet);
    return quiet;
  }

  progress({ job, preview, cells }) {
    const sheet = this.byJob.get(job);
    if (sheet && cells && preview > sheet.count) {
      sheet.count = preview;
      this.update(sheet, `${this.page.connection.base}/preview/${job}/${preview}.jpg`, cells);
    }
    return Boolean(sheet?.hidden);
  }

  finished({ job, picture, file, cells }) {
    const sheet = this.byJob.get(job);
    if (!sheet) return false;
    sheet.over = true;
    this.update(sheet, addressOf(this.page.connection.base, picture, file), cells);
    return sheet.hidden;
  }

  /** It was cancelled, failed or deleted. */
  ended(job) {
    const sheet = this.byJob.get(job);
    if (!sheet) return false;
    this.drop(sheet);
    return sheet.hidden;
  }

  // --- to the gallery --------------------------------------------------------------------------------------------------

  update(sheet, src, cells) {
    Object.assign(sheet, { src, cells });
    this.watching.get(sheet.key)?.(src, cells);
    if (this.shown?.blob === sheet.key && this.byPhoto.get(sheet.key) === sheet) this.show(sheet);
  }

  async show(sheet) {
    const { src, cells } = sheet;
    if (!src) return;
    const image = new Image();
    image.src = src;
    const loaded = await image.decode().then(() => true, () => false);
    if (!loaded || this.shown?.blob !== sheet.photo || src !== sheet.src) return;
    this.page.menu.showOwn(image, cells);
    if (sheet.over) announce("The styles show your photo now");
  }
}
