// The one bubble that a job has, from the order to the picture.

import { addressOf } from "../album/share.js";
import { enlargeButton, holdButton } from "../album/zoom.js";
import { pictureActions } from "./actions.js";
import { thumbnail } from "./bubbles.js";
import { addSlider } from "./compare.js";
import { cellButtons } from "./sheets.js";
import { strengthSlider } from "./strength.js";
import { announce, copy, h, video } from "../dom.js";

/** `page` has zoom and orders: cancel(job), chooseStyle(photo) and press(data, button). */
export class JobBubble {
  constructor(id, page, base) {
    this.id = id;
    this.page = page;
    this.base = base;
    this.over = false; // it has its picture, or never will
    this.newestPreview = 0;
    this.announced = 0; // the last quarter that was announced to screen readers
    this.under = h("img", { class: "under", alt: "" });
    this.under.addEventListener("load", () => this.setRatio(this.under.naturalWidth, this.under.naturalHeight));
    this.under.addEventListener("error", () => this.under.remove());
    this.canvas = h("figure", { class: "canvas" });
    this.title = h("b", {});
    this.status = h("span", {});
    this.bar = h("div", { class: "bar", role: "progressbar", "aria-label": "Painting", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "0" }, h("span"));
    this.cancelButton = h("button", { type: "button", class: "cancel", onclick: () => this.cancel() }, "Cancel");
    // Not live: screen readers get quarters from announce(), instead of every step.
    this.working = h("div", { "aria-live": "off" }, this.bar, h("div", { class: "state" }, h("p", { class: "words" }, this.title, this.status), this.cancelButton));
    this.element = h("article", { class: "bubble theirs job waiting", "aria-label": "A picture", "data-job": id }, this.canvas, this.working);
  }

  setRatio(width, height) {
    if (width && height) this.element.style.setProperty("--ratio", (width / height).toFixed(4));
  }

  showPhoto(photo) {
    this.photo = photo;
    if (photo && !this.under.parentNode) {
      this.under.alt = `The photo, ${photo.name}`;
      this.under.src = photo.src;
      this.canvas.prepend(this.under);
    }
  }

  // --- while it is painted -------------------------------------------------------------------------------------------

  accept(entry, photo) {
    if (this.over) return;
    this.showPhoto(photo);
    this.title.textContent = entry.title;
    if (!this.status.textContent) this.status.textContent = "accepted";
  }

  progress({ text, done, preview }) {
    if (this.over) return;
    this.status.textContent = text;
    this.bar.style.setProperty("--done", done);
    this.bar.setAttribute("aria-valuenow", Math.round(done * 100));
    this.bar.setAttribute("aria-valuetext", text);
    if (preview > this.newestPreview) this.showPreview(preview);
    const quarter = Math.floor(done * 4);
    if (quarter > this.announced && quarter < 4) announce(`Painting, ${quarter * 25} percent`);
    this.announced = Math.max(this.announced, quarter);
  }

  async showPreview(count) {
    this.newestPreview = count;
    const alt = `Unfinished: ${[this.photo?.name, this.title.textContent].filter(Boolean).join(" in the style of ")}`;
    const next = h("img", { class: "so-far", alt, src: `${this.base}/preview/${this.id}/${count}.jpg` });
    const loaded = await next.decode().then(() => true, () => false);
    if (!loaded || this.over || count < this.newestPreview) return;
    this.canvas.querySelector(".so-far")?.remove();
    this.canvas.append(next);
    this.element.classList.remove("waiting");
    if (!this.under.parentNode) this.setRatio(next.naturalWidth, next.naturalHeight);
  }

  cancel() {
    this.cancelButton.disabled = true;
    this.cancelButton.textContent = "Cancelling…";
    this.page.orders.cancel(this);
  }

  /** The cancel button as it was: the job was not cancelled. */
  resume() {
    this.cancelButton.disabled = false;
    this.cancelButton.textContent = "Cancel";
  }

  // --- at the end ----------------------------------------------------------------------------------------------------

  end() {
    this.over = true;
    this.element.classList.remove("waiting");
    this.working.remove();
  }

  fail({ text, cancelled }) {
    this.end();
    this.element.classList.add("ended");
    this.element.classList.toggle("refused", !cancelled);
    if (!this.under.parentNode) this.canvas.remove();
    this.canvas.querySelector(".so-far")?.remove();
    const retry = this.photo && h("div", { class: "actions" }, h("button", { type: "button", onclick: () => this.page.orders.chooseStyle(this.photo) }, "Choose a style"));
    this.element.append(h("div", { class: "about" }, h("p", {}, text), retry));
  }

  finish(entry, photo, style, isNew) {
    this.end();
    this.showPhoto(photo);
    this.setRatio(entry.width, entry.height);
    this.element.classList.add("finished");
    const source = addressOf(this.base, entry.picture, entry.file);
    const repainted = `${photo?.name ?? "Your photo"} in the style of ${style?.name ?? entry.credit}`;
    const isVideo = entry.media_type?.startsWith("video/");
    const cells = entry.cells ?? [];
    const sheet = cells.length ? `${entry.credit}: ${cells.map(({ label }) => label).join(", ")}` : entry.credit;
    const alt = entry.photo ? repainted : sheet;
    this.tools = h("div", { class: "tools" }, enlargeButton(() => this.page.zoom.open({ src: source, name: entry.file, alt, photo: entry.photo && photo?.src, isVideo })));
    this.showPicture(source, alt, isNew, isVideo);
    if (!isVideo && !cells.length) this.canvas.append(this.tools);
    const { main, changes } = pictureActions(entry, source, (data, button) => this.page.orders.press(data, button), photo && (() => this.page.orders.chooseStyle(photo)));
    const about = h(
      "div",
      { class: "about" },
      main,
      h("p", { class: "credit" }, thumbnail(style, "in the style of"), entry.credit),
      h("p", { class: "seconds" }, `${entry.width} × ${entry.height} pixels, painted in ${duration(entry.seconds)}`),
      !isVideo && strengthSlider(entry.line, entry.photo && photo, this.canvas, this.page),
      changes,
      recipe(entry.line),
      entry.notes?.length > 0 && h("ul", { class: "notes" }, ...entry.notes.map((note) => h("li", {}, note))),
    );
    this.element.append(about);
    if (!cells.length) return;
    this.element.classList.add("sheet");
    this.canvas.append(cellButtons(cells, (data, button) => this.page.orders.press(data, button)));
  }

  showPicture(source, alt, isNew, isVideo) {
    const painting = isVideo ? video(source, alt, "over") : h("img", { class: "over", src: source, alt });
    const shown = () => {
      this.canvas.querySelector(".so-far")?.remove();
      if (!this.photo || !this.under.parentNode) return;
      this.tools.prepend(holdButton(addSlider(this.canvas, isNew), "Hold to see the photo"));
      this.canvas.append(this.tools); // over the slider
    };
    this.element.setAttribute("aria-label", `Picture: ${alt}`);
    this.canvas.append(painting);
    if (!isVideo) return painting.decode().then(shown, shown);
    this.under.remove();
    painting.addEventListener("loadeddata", () => this.canvas.querySelector(".so-far")?.remove(), { once: true });
  }
}

/** The recipe line, to be copied. */
function recipe(line) {
  const button = h("button", { type: "button", class: "quiet", "aria-label": "Copy the recipe line" }, "Copy");
  button.addEventListener("click", async () => {
    const done = await copy(line);
    button.textContent = done ? "Copied" : "Select it";
    announce(done ? "Recipe line copied" : "The recipe line could not be copied; select it by hand");
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  return h("div", { class: "recipe" }, h("code", {}, line), button);
}

function duration(seconds) {
  return seconds < 90 ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
