// The gallery: every style as a picture, found by name or tag, seen in full, chosen with one click.

import { $, copy, h, icon } from "./dom.js";
import { fold, words } from "./writing/line.js";
import { OWN } from "./writing/pair.js";

const ABOUT = "M12 11v6M12 7.2v.1M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18z";
const BACK = "M15 5l-7 7 7 7";
const PLUS = "M12 5v14M5 12h14";

/** A colour for a style without a picture: always the same for the same name. */
function hue(name) {
  let sum = 7;
  for (const letter of name) sum = (sum * 31 + letter.charCodeAt(0)) % 360;
  return sum;
}

function frame(style, kind, about = "") {
  const picture = style[kind] && h("img", { src: style[kind], alt: about, loading: "lazy", decoding: "async" });
  picture?.addEventListener("error", () => picture.remove());
  const made = h("span", { class: "tile" }, style === OWN ? icon(PLUS) : picture);
  made.style.setProperty("--hue", hue(style.name));
  return made;
}

/** One style as a button. */
export function tile(style, choose) {
  const label = h("span", { class: "name" }, h("b", {}, style.title), style.by.replace("c. ", "c.\u00a0"));
  return h("button", { type: "button", class: "style", "data-style": style.name, onclick: () => choose(style) }, frame(style, "preview"), label);
}

/** Of many buttons one is reached with the Tab key; arrows lead to the others. */
export function rove(buttons, current) {
  for (const button of buttons) button.tabIndex = button === current ? 0 : -1;
}

function firstRow(buttons) {
  const top = (button) => button.getBoundingClientRect().top;
  return buttons.filter((button) => Math.abs(top(button) - top(buttons[0])) < 1).length;
}

/** Arrows, Home and End among buttons that stand in rows. */
export function along(event, buttons, row = firstRow(buttons)) {
  const at = buttons.indexOf(event.target);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + row, ArrowUp: at - row, Home: 0, End: buttons.length - 1 }[event.key];
  if (to === undefined || at < 0) return;
  const next = buttons[Math.min(Math.max(to, 0), buttons.length - 1)];
  rove(buttons, next);
  event.preventDefault();
  next.focus();
}

export class Gallery {
  constructor(styles) {
    this.styles = styles;
    this.dialog = $("gallery");
    this.search = $("gallery-search");
    this.grid = $("gallery-grid");
    this.details = $("gallery-details");
    this.strength = $("gallery-strength");
    this.tag = null;
    this.tiles = styles.map((style) => tile(style, () => this.choose(style)));
    this.abouts = styles.map((style) => style !== OWN && h("button", { type: "button", class: "icon about-style", "aria-label": `About ${style.title}`, title: "About this style", tabindex: "-1", onclick: () => this.look(style) }, icon(ABOUT)));
    this.grid.append(...styles.map((_, index) => h("li", {}, this.tiles[index], this.abouts[index])));
    this.chips = tagsOf(styles).map((tag) => h("button", { type: "button", class: "chip", "aria-pressed": "false", onclick: () => this.setTag(tag) }, tag));
    $("gallery-tags").append(...this.chips);
    this.listen();
  }

  listen() {
    this.search.addEventListener("input", () => this.filter());
    this.grid.addEventListener("focusin", ({ target }) => this.here(this.tiles.indexOf(target)));
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    // Escape leads back from one style to all of them first.
    this.dialog.addEventListener("cancel", (event) => {
      if (this.details.hidden) return;
      event.preventDefault();
      this.back();
    });
    $("gallery-close").addEventListener("click", () => this.dialog.close());
    this.strength.addEventListener("input", () => this.setStrength(this.strength.value));
  }

  /** Show it for a photo ({ src, name } or null); `then` gets the recipe line of what is chosen, and its style. */
  open(photo, then, style = null) {
    this.then = then;
    this.photo = photo;
    this.search.value = "";
    this.tag = null;
    this.setStrength(null);
    this.dialog.querySelector('input[name="colors"]').checked = true;
    const picture = $("gallery-photo");
    picture.hidden = !photo;
    if (photo) Object.assign(picture, { src: photo.src, alt: `Your photo, ${photo.name}` });
    $("gallery-title").textContent = photo ? "Choose a style for this photo" : "Choose a style";
    for (const own of this.grid.querySelectorAll("canvas")) own.remove();
    this.showAll();
    this.filter();
    if (!this.dialog.open) this.dialog.showModal();
    this.grid.scrollTop = 0;
    if (style) this.look(style);
    // On a phone the search box would bring up the keyboard over the pictures.
    else if (matchMedia("(pointer: coarse)").matches) this.tiles[0]?.focus();
    else this.search.focus();
  }

  /** The styles' previews become pictures of a sheet: the person's own photo. */
  showOwn(image, cells) {
    for (const { label, box: [left, top, width], high } of cells) {
      const tile = this.tiles[this.styles.findIndex((style) => style.name === label)]?.querySelector(".tile");
      if (!tile) continue;
      const own = tile.querySelector("canvas") ?? h("canvas", { class: "own" });
      own.width = Math.round(width * image.naturalWidth);
      own.height = Math.round(high * image.naturalHeight);
      const from = [left * image.naturalWidth, top * image.naturalHeight, own.width, own.height];
      own.getContext("2d").drawImage(image, ...from, 0, 0, own.width, own.height);
      if (!own.parentNode) tile.append(own);
    }
  }

  // --- finding -------------------------------------------------------------------------------------------------------

  setTag(tag) {
    this.tag = this.tag === tag ? null : tag;
    this.filter();
  }

  filter() {
    const sought = words(fold(this.search.value));
    const fits = ({ words: known, tags }) => sought.every((word) => known.includes(word)) && (!this.tag || tags?.includes(this.tag));
    this.styles.forEach((style, index) => (this.tiles[index].parentNode.hidden = !fits(style)));
    for (const chip of this.chips) chip.setAttribute("aria-pressed", String(chip.textContent === this.tag));
    rove(this.chips, this.chips.find((chip) => chip.textContent === this.tag) ?? this.chips[0]);
    const shown = this.shown();
    this.here(this.tiles.indexOf(shown[0]));
    this.grid.scrollTop = 0;
    const count = this.styles.filter((style) => style !== OWN && fits(style)).length;
    $("gallery-count").textContent = `${count} ${count === 1 ? "style" : "styles"}`;
    $("gallery-none").hidden = shown.length > 0;
    if (!shown.length) $("gallery-none").replaceChildren(`No style for “${[this.search.value.trim(), this.tag].filter(Boolean).join("” and “")}”. `, h("button", { type: "button", class: "link", onclick: () => this.everything() }, "Show them all"));
  }

  everything() {
    this.search.value = "";
    this.tag = null;
    this.filter();
    this.search.focus();
  }

  shown() {
    return this.tiles.filter((button) => !button.parentNode.hidden);
  }

  /** The Tab key stops at this tile, and then at its details. */
  here(index) {
    if (index < 0) return;
    rove(this.tiles, this.tiles[index]);
    rove(this.abouts.filter(Boolean), this.abouts[index]);
  }

  // --- one style -----------------------------------------------------------------------------------------------------

  /** Everything about one style, in place of the grid. */
  look(style) {
    const line = `/stylize ${style.name}`;
    const code = h("code", {}, line);
    const copier = h("button", { type: "button", class: "quiet", "aria-label": "Copy the line", onclick: async () => (copier.textContent = (await copy(line)) ? "Copied" : "Select it") }, "Copy");
    const use = h("button", { type: "button", class: "primary", onclick: () => this.choose(style) }, this.photo ? "Paint this photo" : "Use this style");
    const tags = style.tags.map((tag) => h("button", { type: "button", class: "chip", "aria-label": `Styles tagged ${tag}`, onclick: () => (this.back(), (this.tag = null), this.setTag(tag)) }, tag));
    const swatch = style.swatch && style.swatch !== style.preview && h("figure", { class: "swatch" }, frame(style, "swatch"), h("figcaption", {}, "Its strokes and colours"));
    this.details.replaceChildren(
      h("button", { type: "button", class: "quiet back", onclick: () => this.back() }, icon(BACK), "All styles"),
      h("div", { class: "large" }, frame(style, "preview", `A picture in the style of ${style.credit}`)),
      h(
        "div",
        { class: "facts" },
        h("h3", {}, style.title),
        h("p", { class: "artist" }, `${style.artist}, ${style.year}`),
        h("p", {}, use),
        tags.length > 0 && h("p", { class: "tags" }, ...tags),
        h("p", { class: "fine" }, `Best with strength ${style.strength} and brush ${style.brush}, its defaults.`, style.fast ? "" : " Fast mode does not know this style; it is painted from its picture."),
        h("p", { class: "fine" }, capital(`${style.licence}.`)),
        h("p", { class: "recipe" }, code, copier),
        swatch,
      ),
    );
    this.seen = style;
    for (const part of [this.grid, $("gallery-find"), $("gallery-none")]) part.hidden = true;
    this.details.hidden = false;
    this.details.scrollTop = 0;
    if (this.chosen === null) this.strength.value = style.strength;
    use.focus();
  }

  showAll() {
    this.details.hidden = true;
    for (const part of [this.grid, $("gallery-find")]) part.hidden = false;
  }

  back() {
    this.showAll();
    this.filter();
    const tile = this.tiles[this.styles.indexOf(this.seen)];
    (tile.parentNode.hidden ? this.search : tile).focus();
  }

  // --- choosing ------------------------------------------------------------------------------------------------------

  setStrength(value) {
    this.chosen = value;
    if (value === null) this.strength.value = 50;
    const text = value === null ? "the style’s default" : `${value} of 100`;
    $("gallery-strength-value").textContent = text;
    this.strength.setAttribute("aria-valuetext", text);
  }

  choose(style) {
    const colors = this.dialog.querySelector('input[name="colors"]:checked').value;
    const line = ["/stylize", style.name];
    if (this.chosen !== null) line.push(`strength=${this.chosen}`);
    if (colors) line.push(`colors=${colors}`);
    this.dialog.close();
    this.then(line.join(" "), style);
  }

  key(event) {
    if (!this.details.hidden) return;
    if (this.chips.includes(event.target)) return along(event, this.chips, 1);
    const shown = this.shown();
    if (event.target === this.search) {
      if (event.key === "ArrowDown") this.go(event, shown[0]);
      if (event.key === "Enter") {
        event.preventDefault();
        if (this.search.value.trim() && shown.length) shown[0].click();
      }
    }
    if (!shown.includes(event.target)) return;
    if (event.key === "ArrowUp" && shown.indexOf(event.target) === 0) return this.go(event, this.search);
    along(event, shown);
    if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) this.search.focus();
  }

  go(event, element) {
    event.preventDefault();
    element?.focus();
  }
}

/** The styles' tags, the most frequent first; one that only one style has finds nothing that its name would not. */
function tagsOf(styles) {
  const counts = new Map();
  for (const { tags } of styles) for (const tag of tags ?? []) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > 1).sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([tag]) => tag);
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}
