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

/** Photos in every style, by the photo's blob. `page` has outgoing, menu and connection. */
export class Sheets {
  constructor(page) {
    this.page = page;
    this.forget();
  }

  forget() {
    this.byJob = new Map();
    this.byPhoto = new Map(); // the newest of each
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
    if (this.byPhoto.get(sheet.photo) === sheet) this.byPhoto.delete(sheet.photo);
  }

  // --- from the room: each says whether it was about a sheet that has no bubble ----------------------------------------

  answered({ to, job, sheet_of: photo, quiet }) {
    const left = this.asked.get(to) === null;
    this.asked.delete(to);
    if (!job || !photo) return false;
    const sheet = { job, photo, hidden: quiet, cells: [], src: null, count: 0, over: false };
    this.byJob.set(job, sheet);
    this.byPhoto.set(photo, sheet);
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
    if (this.shown?.blob === sheet.photo && this.byPhoto.get(sheet.photo) === sheet) this.show(sheet);
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
