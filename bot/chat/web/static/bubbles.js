// What stands in the conversation: photos, lines, answers, and the one bubble that a job has from order to picture.

import { announce, calm, copy, h, icon } from "./dom.js";

const DOWN = "M12 4v11M7 11l5 5 5-5M5 20h14";
const ROUND = "M19 12a7 7 0 1 1-2.5-5.3M17 3v4h-4";
const BRUSH = "M20 4L10 14M10 14c-3-1-5 1-5 3 0 2-1 2.5-2 3 4 1 8 0 8-4 0-1 0-1.5-1-2z";
const STAR = "M12 3l2.2 6.8L21 12l-6.8 2.2L12 21l-2.2-6.8L3 12l6.8-2.2z";
const SIDES = "M9 7l-5 5 5 5M15 7l5 5-5 5";

/** A photo as sent. `deeds` has reply(photo), pick(photo) and asStyle(photo). */
export function photoBubble(photo, deeds) {
  const picture = h("img", { src: photo.src, alt: `Your photo, ${photo.name}` });
  picture.addEventListener("error", () => picture.replaceWith(h("p", { class: "unseeable" }, "This browser cannot show this photo, but the studio may well read it.")));
  const choose = h("button", { type: "button", class: "choose", onclick: () => deeds.pick(photo) }, "Choose a style");
  const reply = h("button", { type: "button", class: "quiet", onclick: () => deeds.reply(photo), "aria-label": `Reply to ${photo.name}` }, "Reply");
  const style = h("button", { type: "button", class: "quiet", onclick: () => deeds.asStyle(photo), "aria-label": `Take ${photo.name} as the style` }, "As style");
  return h("article", { class: "bubble mine photo", "aria-label": `Photo ${photo.name}` }, picture, h("span", { class: "caption" }, photo.name), h("div", { class: "deeds" }, choose, reply, style));
}

export function saidBubble(text, photo, style) {
  const words = h("p", { class: text.startsWith("/") ? "line" : "" }, text);
  return h("article", { class: "bubble mine said" }, thumb(photo, "In reply to"), thumb(style, "in the style of"), words);
}

function thumb(photo, what) {
  const image = photo && h("img", { src: photo.src, alt: `${what} ${photo.name}`, onerror: () => image.remove() });
  return image;
}

/** An answer, with styles to choose from, and `more` where there are others. */
export function answerBubble(entry, tiles, more) {
  const cards = tiles.length > 0 && h("ul", { class: "swatches" }, ...tiles.map((tile) => h("li", {}, tile)));
  const kind = `bubble theirs${entry.refused ? " refused" : ""}${cards ? " with-cards" : ""}`;
  return h("article", { class: kind }, h("p", {}, entry.text), cards, more && h("div", { class: "deeds" }, more));
}

/** Why a message of the person's own could not be sent. */
export function trouble(bubble, text) {
  bubble.classList.remove("sending");
  for (const part of bubble.querySelectorAll(".deeds, .unseeable")) part.remove();
  bubble.append(h("p", { class: "trouble", role: "alert" }, text));
}

/** A job, from the order to the picture. `deeds` has cancel(job), pick(photo), again and finer(line, photo, style). */
export class JobBubble {
  constructor(id, deeds, base) {
    this.id = id;
    this.deeds = deeds;
    this.base = base;
    this.over = false; // it has its picture, or never will
    this.seen = 0; // number of the newest preview
    this.told = 0; // the last quarter that screen readers were told of
    this.under = h("img", { class: "under", alt: "" });
    this.under.addEventListener("load", () => this.ratio(this.under.naturalWidth, this.under.naturalHeight));
    this.under.addEventListener("error", () => this.under.remove());
    this.canvas = h("figure", { class: "canvas" });
    this.title = h("b", {});
    this.status = h("span", {});
    this.bar = h("div", { class: "bar", role: "progressbar", "aria-label": "Painting", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": "0" }, h("span"));
    this.cancel = h("button", { type: "button", class: "cancel", onclick: () => this.stop() }, "Cancel");
    // Not live: screen readers get quarters from announce(), instead of every step.
    this.working = h("div", { "aria-live": "off" }, this.bar, h("div", { class: "state" }, h("p", { class: "words" }, this.title, this.status), this.cancel));
    this.element = h("article", { class: "bubble theirs job waiting", "aria-label": "A picture", "data-job": id }, this.canvas, this.working);
  }

  ratio(width, height) {
    if (width && height) this.element.style.setProperty("--ratio", (width / height).toFixed(4));
  }

  photo(photo) {
    this.photoShown = photo;
    if (photo && !this.under.parentNode) {
      this.under.src = photo.src;
      this.canvas.prepend(this.under);
    }
  }

  accept(entry, photo) {
    if (this.over) return;
    this.photo(photo);
    this.title.textContent = entry.title;
    if (!this.status.textContent) this.status.textContent = "accepted";
  }

  live({ text, done, preview }) {
    if (this.over) return;
    this.status.textContent = text;
    this.bar.style.setProperty("--done", done);
    this.bar.setAttribute("aria-valuenow", Math.round(done * 100));
    this.bar.setAttribute("aria-valuetext", text);
    if (preview > this.seen) this.preview(preview);
    const quarter = Math.floor(done * 4);
    if (quarter > this.told && quarter < 4) announce(`Painting, ${quarter * 25} percent`);
    this.told = Math.max(this.told, quarter);
  }

  async preview(count) {
    this.seen = count;
    const next = h("img", { class: "so-far", alt: "", src: `${this.base}/preview/${this.id}/${count}.jpg` });
    const fine = await next.decode().then(() => true, () => false);
    if (!fine || this.over || count < this.seen) return;
    this.canvas.querySelector(".so-far")?.remove();
    this.canvas.append(next);
    this.element.classList.remove("waiting");
    if (!this.under.parentNode) this.ratio(next.naturalWidth, next.naturalHeight);
  }

  stop() {
    this.cancel.disabled = true;
    this.cancel.textContent = "Stopping…";
    this.deeds.cancel(this);
  }

  /** The cancel button as it was: the studio did not take the picture back. */
  goOn() {
    this.cancel.disabled = false;
    this.cancel.textContent = "Cancel";
  }

  end() {
    this.over = true;
    this.element.classList.remove("waiting");
    this.working.remove();
  }

  fail(text, cancelled) {
    this.end();
    this.element.classList.add("ended");
    this.element.classList.toggle("refused", !cancelled);
    if (!this.under.parentNode) this.canvas.remove();
    this.canvas.querySelector(".so-far")?.remove();
    const retry = this.photoShown && h("div", { class: "deeds" }, h("button", { type: "button", onclick: () => this.deeds.pick(this.photoShown) }, "Choose a style"));
    this.element.append(h("div", { class: "about" }, h("p", {}, text), retry));
  }

  finish(entry, photo, style, fresh) {
    this.end();
    this.photo(photo);
    this.ratio(entry.width, entry.height);
    this.element.classList.add("finished");
    const source = `${this.base}/blob/${entry.picture}/${entry.file}`;
    const painting = h("img", { class: "over", src: source, alt: `${photo?.name ?? "Your photo"} in the style of ${style?.name ?? entry.credit}` });
    const shown = () => {
      this.canvas.querySelector(".so-far")?.remove();
      if (photo && this.under.parentNode) this.compare(painting, fresh);
    };
    this.canvas.append(painting);
    painting.decode().then(shown, shown);
    const code = h("code", {}, entry.line);
    const copier = h("button", { type: "button", class: "quiet", "aria-label": "Copy the recipe line", onclick: () => this.copy(copier, entry.line) }, "Copy");
    const about = h(
      "div",
      { class: "about" },
      h("p", { class: "credit" }, thumb(style, "in the style of"), entry.credit),
      h("p", { class: "seconds" }, `${entry.width} × ${entry.height} pixels, painted in ${seconds(entry.seconds)}`),
      h("div", { class: "recipe" }, code, copier),
      entry.notes?.length > 0 && h("ul", { class: "notes" }, ...entry.notes.map((note) => h("li", {}, note))),
      h(
        "div",
        { class: "deeds" },
        h("a", { class: "button primary", href: `${source}?download`, download: entry.file }, icon(DOWN), "Download"),
        photo && h("button", { type: "button", onclick: () => this.deeds.again(entry.line, photo, style), title: "The same settings with another seed" }, icon(ROUND), "Again"),
        photo && !entry.line.includes(" mode=fine") && h("button", { type: "button", onclick: () => this.deeds.finer(entry.line, photo, style), title: "The same settings, painted slowly" }, icon(STAR), "Finer"),
        photo && h("button", { type: "button", onclick: () => this.deeds.pick(photo) }, icon(BRUSH), "Another style"),
      ),
    );
    this.element.append(about);
  }

  /** Photo and painting over each other, with a slider between them: 0 shows the painting, 100 the photo. */
  compare(painting, fresh) {
    this.canvas.classList.add("compare");
    const set = (cut) => {
      this.canvas.style.setProperty("--cut", `${cut}%`);
      left.style.opacity = cut > 12 ? 1 : 0;
      right.style.opacity = cut > 0 && cut < 88 ? 1 : 0;
    };
    const left = h("span", { class: "tag left", "aria-hidden": "true" }, "photo");
    const right = h("span", { class: "tag right", "aria-hidden": "true" }, "painting");
    let touched = false;
    const range = h("input", { type: "range", min: "0", max: "100", value: "0", "aria-label": "Compare: how much of the photo to show", oninput: () => { touched = true; set(range.value); } });
    const knob = h("span", { class: "knob", "aria-hidden": "true" }, icon(SIDES));
    this.canvas.append(range, h("span", { class: "handle", "aria-hidden": "true" }), knob, left, right);
    set(0);
    if (fresh && !calm()) sweep((cut) => touched || set(cut));
  }

  async copy(button, line) {
    const done = await copy(line);
    button.textContent = done ? "Copied" : "Select it";
    announce(done ? "Recipe line copied" : "The recipe line could not be copied; select it by hand");
    setTimeout(() => (button.textContent = "Copy"), 2000);
  }
}

/** The painting uncovers itself once. */
function sweep(set) {
  const begun = performance.now();
  const step = (now) => {
    const part = Math.min(1, (now - begun) / 1300);
    set(100 * (1 - part) ** 3);
    if (part < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

function seconds(value) {
  return value < 90 ? `${value.toFixed(value < 10 ? 1 : 0)} s` : `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
}
