// A slider under a quick picture: it is repainted in another strength while the slider is dragged, small, out of the
// sheet of that style's strengths; and in full when it is let go.

import { announce, h } from "../dom.js";
import { namesMine, stylesOf, words } from "../writing/line.js";

const QUICK = ["fast", "universal"];
const ALONG = ["colors", "faces", "seed"]; // settings that the small pictures share with the large one
const KEYS_REST = 900; // ms without another key, after which the strength counts as chosen
const NUMBER = [0.16, 0.115]; // of a picture's width: how far its number on the sheet reaches, across and down
const LABEL = /^brush ([\d.]+), strength (\d+)$/; // of the sheet's pictures

/** Nothing where the picture's strength cannot be changed so. `page` has sheets and orders: repaint(line, photo). */
export function strengthSlider(line, photo, canvas, page) {
  const settings = Object.fromEntries(words(line).filter((word) => word.includes("=")).map((word) => word.split("=")));
  if (!photo || !line.startsWith("/stylize ") || !QUICK.includes(settings.mode) || !settings.strength || namesMine(line)) return null;
  return new Strength(line, settings, photo, canvas, page).element;
}

class Strength {
  constructor(line, settings, photo, canvas, page) {
    Object.assign(this, { line, settings, photo, canvas, page });
    this.small = new Map(); // by strength, of the brush most like the picture's: where it is on the sheet
    this.sheet = null; // the newest image of it
    this.range = h("input", { type: "range", min: "0", max: "100", value: settings.strength });
    this.output = h("output", {}, settings.strength);
    this.live = h("canvas", { class: "live", "aria-hidden": "true" });
    this.element = h("label", { class: "strength live-strength" }, h("span", {}, "Strength"), this.range, this.output);
    let dragged = false;
    for (const start of ["pointerdown", "focus"]) this.range.addEventListener(start, () => this.ask());
    this.range.addEventListener("pointerdown", () => (dragged = true));
    this.range.addEventListener("pointerup", () => setTimeout(() => (dragged = false)));
    this.range.addEventListener("input", () => this.moved());
    this.range.addEventListener("change", () => (dragged ? this.chosen() : (this.resting = setTimeout(() => this.chosen(), KEYS_REST))));
  }

  ask() {
    const along = ALONG.filter((name) => this.settings[name]).map((name) => `${name}=${this.settings[name]}`);
    this.page.sheets.ladder(this.photo, ["/sheet", stylesOf(this.line), ...along].join(" "), (src, cells) => this.arrived(src, cells));
  }

  async arrived(src, cells) {
    if (!src) return;
    const image = new Image();
    image.src = src;
    if (!(await image.decode().then(() => true, () => false)) || cells.length < this.small.size) return;
    const found = cells.map((cell) => ({ ...cell, match: LABEL.exec(cell.label) })).filter(({ match }) => match);
    const off = ({ match }) => Math.abs(Math.log(match[1] / (this.settings.brush ?? 1)));
    const nearest = Math.min(...found.map(off));
    this.small = new Map(found.filter((cell) => off(cell) === nearest).map((cell) => [Number(cell.match[2]), cell]));
    this.sheet = image;
    if (Number(this.range.value) !== Number(this.settings.strength)) this.draw();
  }

  moved() {
    clearTimeout(this.resting);
    this.output.textContent = this.range.value;
    this.draw();
  }

  /** The strength between two that there are is a mixture of these; below the least, with the photo itself. */
  draw() {
    const wanted = Number(this.range.value);
    const there = [...this.small.keys()].sort((a, b) => a - b);
    if (!there.length) return;
    const above = there.find((strength) => strength >= wanted) ?? there.at(-1);
    const below = there.filter((strength) => strength < wanted).at(-1) ?? 0;
    const { box: [, , width], high } = this.small.get(above);
    this.live.width = Math.round(width * this.sheet.naturalWidth);
    this.live.height = Math.round(high * this.sheet.naturalHeight);
    const pen = this.live.getContext("2d");
    this.put(pen, below);
    pen.globalAlpha = Math.min(1, (wanted - below) / (above - below || 1));
    this.put(pen, above);
    this.coverNumber(pen);
    if (!this.live.parentNode) this.canvas.querySelector(".over")?.after(this.live);
    this.canvas.classList.add("trying");
  }

  /** The sheet's pictures are numbered in a corner: there the photo and the picture itself are mixed. */
  coverNumber(pen) {
    const share = Math.min(1, this.range.value / Math.max(1, this.settings.strength));
    for (const [layer, alpha] of [[".under", 1], [".over", share ** 2]]) {
      const image = this.canvas.querySelector(layer);
      if (!image) continue;
      pen.globalAlpha = alpha;
      const [width, height] = [image.naturalWidth, image.naturalHeight];
      pen.drawImage(image, 0, 0, NUMBER[0] * width, NUMBER[1] * width, 0, 0, NUMBER[0] * this.live.width, NUMBER[1] * this.live.width);
    }
  }

  put(pen, strength) {
    const { width, height } = this.live;
    if (!strength) {
      const photo = this.canvas.querySelector(".under");
      return photo && pen.drawImage(photo, 0, 0, width, height);
    }
    const [left, top] = this.small.get(strength).box;
    pen.drawImage(this.sheet, left * this.sheet.naturalWidth, top * this.sheet.naturalHeight, width, height, 0, 0, width, height);
  }

  /** It was let go: the picture is painted in full, below, and this one is itself again. */
  chosen() {
    const strength = this.range.value;
    this.live.remove();
    this.canvas.classList.remove("trying");
    this.range.value = this.output.textContent = this.settings.strength;
    if (strength === this.settings.strength) return;
    this.page.orders.repaint(this.line.replace(/strength=\d+/, `strength=${strength}`), this.photo);
    announce(`Painting with strength ${strength}`);
  }
}
