// The picture menu: every style as a picture, one click to choose.

import { $, h, icon } from "./dom.js";
import { OWN } from "./pair.js";

const PLUS = "M12 5v14M5 12h14";

/** A colour for a style without a picture: always the same for the same name. */
function hue(name) {
  let sum = 7;
  for (const letter of name) sum = (sum * 31 + letter.charCodeAt(0)) % 360;
  return sum;
}

/** One style as a button. */
export function tile(style, choose) {
  const picture = style.swatch ? h("img", { src: `/style/${style.name}.webp`, alt: "", loading: "lazy" }) : null;
  const frame = h("span", { class: "tile" }, style === OWN ? icon(PLUS) : picture);
  frame.style.setProperty("--hue", hue(style.name));
  const label = h("span", { class: "name" }, h("b", {}, style.title), style.by.replace("c. ", "c.\u00a0"));
  picture?.addEventListener("error", () => picture.remove());
  return h("button", { type: "button", class: "style", "data-style": style.name, onclick: () => choose(style) }, frame, label);
}

export class Picker {
  constructor(styles) {
    this.styles = styles;
    this.dialog = $("picker");
    this.search = $("picker-search");
    this.grid = $("picker-grid");
    this.strength = $("picker-strength");
    this.tiles = styles.map((style) => tile(style, () => this.choose(style)));
    this.grid.append(...this.tiles);
    this.search.addEventListener("input", () => this.filter());
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    $("picker-close").addEventListener("click", () => this.dialog.close());
    this.strength.addEventListener("input", () => this.setStrength(this.strength.value));
  }

  /** Show the menu for a photo ({ src, name } or null); `then` gets the recipe line of what is chosen. */
  open(photo, then) {
    this.then = then;
    this.search.value = "";
    this.filter();
    this.setStrength(null);
    this.dialog.querySelector('input[name="colors"]').checked = true;
    const picture = $("picker-photo");
    picture.hidden = !photo;
    if (photo) picture.src = photo.src;
    $("picker-title").textContent = photo ? "Choose a style for this photo" : "Choose a style";
    this.dialog.showModal();
    this.grid.scrollTop = 0;
    // On a phone the search box would bring up the keyboard over the pictures.
    if (matchMedia("(pointer: coarse)").matches) this.tiles[0]?.focus();
    else this.search.focus();
  }

  setStrength(value) {
    this.chosen = value;
    if (value === null) this.strength.value = 50;
    const words = value === null ? "as the style likes it" : `${value} of 100`;
    $("picker-strength-value").textContent = words;
    this.strength.setAttribute("aria-valuetext", words);
  }

  choose(style) {
    const colors = this.dialog.querySelector('input[name="colors"]:checked').value;
    const line = ["/stylize", style.name];
    if (this.chosen !== null) line.push(`strength=${this.chosen}`);
    if (colors) line.push(`colors=${colors}`);
    this.dialog.close();
    this.then(line.join(" "));
  }

  filter() {
    const wanted = this.search.value.trim().toLowerCase().split(/\s+/);
    const fits = (style) => wanted.every((word) => style.words.includes(word));
    this.tiles.forEach((button, index) => (button.hidden = !fits(this.styles[index])));
    const none = !this.shown().length;
    $("picker-none").hidden = !none;
    $("picker-none").textContent = none ? `No style for “${this.search.value.trim()}”. Try a painter, a title or a mood.` : "";
  }

  shown() {
    return this.tiles.filter((button) => !button.hidden);
  }

  key(event) {
    const shown = this.shown();
    const at = shown.indexOf(document.activeElement);
    if (event.target === this.search) {
      if (event.key === "ArrowDown") this.go(event, shown[0]);
      if (event.key === "Enter") {
        event.preventDefault();
        if (this.search.value.trim() && shown.length) shown[0].click();
      }
    }
    if (at < 0) return;
    const row = shown.filter((button) => button.offsetTop === shown[0].offsetTop).length;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: row, ArrowUp: -row }[event.key];
    if (step) this.go(event, at + step < 0 ? this.search : shown[Math.min(at + step, shown.length - 1)]);
    if (event.key === "Home") this.go(event, shown[0]);
    if (event.key === "End") this.go(event, shown.at(-1));
    if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) this.search.focus();
  }

  go(event, element) {
    event.preventDefault();
    element?.focus();
  }
}
