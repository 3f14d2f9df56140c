// The text box: Enter sends, arrow-up recalls, and what could come next is suggested.

import { $, h } from "../dom.js";
import { commandOf, key, words } from "./line.js";
import { OWN } from "./pair.js";

const DRAFT = "impasto-draft"; // what is in the box, over a reload
const RECALL = 50; // lines kept for arrow-up

export class Composer {
  /**
   * `send(text)` is called with a line, `changed()` when the box holds another; `gallery` has styles, commands and
   * settings to suggest.
   */
  constructor(gallery, send, changed) {
    this.gallery = gallery;
    this.sendLine = send;
    this.text = $("text");
    this.text.value = sessionStorage.getItem(DRAFT) ?? "";
    this.changed = () => {
      sessionStorage.setItem(DRAFT, this.text.value);
      changed();
    };
    this.list = $("suggestions");
    this.options = [];
    this.at = -1;
    this.lines = JSON.parse(sessionStorage.getItem("impasto-lines") ?? "[]");
    this.recalled = null;
    $("composer").addEventListener("submit", (event) => this.submit(event));
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("input", () => this.typed());
    this.text.addEventListener("blur", () => setTimeout(() => this.suggest([]), 150));
  }

  submit(event) {
    event.preventDefault();
    const line = this.text.value.trim();
    if (!line) return this.text.focus();
    this.remember(line);
    this.sendLine(line);
    this.fill("");
  }

  remember(line) {
    this.lines = [...this.lines.filter((other) => other !== line), line].slice(-RECALL);
    sessionStorage.setItem("impasto-lines", JSON.stringify(this.lines));
    this.recalled = null;
  }

  /** Put a line into the box, without suggestions for it. */
  fill(line) {
    this.text.value = line;
    this.suggest([]);
    this.changed();
  }

  typed() {
    this.recalled = null;
    this.suggest(this.fitting(this.text.value));
    this.changed();
  }

  /** What could come next, as [text to put in, what to show, what it is]. */
  fitting(value) {
    const start = value.lastIndexOf(" ") + 1;
    const before = value.slice(0, start);
    const word = value.slice(start);
    if (!before) return this.commandsLike(word);
    const command = commandOf(before);
    if (!this.gallery.orders.includes(command)) return [];
    const hasStyle = !this.gallery.styled.includes(command) || words(before).slice(1).some((other) => !other.includes("="));
    return hasStyle ? this.settingsLike(before, word) : this.stylesLike(before, word);
  }

  commandsLike(word) {
    if (!word.startsWith("/")) return [];
    return this.gallery.commands
      .filter(({ name }) => name.startsWith(word.toLowerCase()) && name !== word)
      .map(({ name, what }) => [name + (this.gallery.styled.includes(name) ? " " : ""), name, what]);
  }

  /** Of a mix, the last style is completed. */
  stylesLike(before, word) {
    const start = word.lastIndexOf("+") + 1;
    const mix = word.slice(0, start);
    const sought = key(word.slice(start));
    return [...this.gallery.styles, OWN]
      .filter((style) => style.name !== sought && key(style.words).includes(sought))
      .sort((a, b) => b.name.startsWith(sought) - a.name.startsWith(sought))
      .slice(0, 7)
      .map((style) => [`${before}${mix}${style.name} `, style.name, style.credit]);
  }

  settingsLike(before, word) {
    const sought = key(word);
    if (!sought) return [];
    return this.gallery.settings
      .filter(({ name }) => `${name}=`.startsWith(sought) && `${name}=` !== sought)
      .map(({ name, what }) => [`${before}${name}=`, `${name}=`, what]);
  }

  suggest(options) {
    this.options = options;
    this.at = -1;
    this.list.hidden = !options.length;
    this.text.setAttribute("aria-expanded", String(options.length > 0));
    this.text.removeAttribute("aria-activedescendant");
    this.list.replaceChildren(
      ...options.map(([, shown, what], index) =>
        h("li", { id: `suggestion-${index}`, role: "option", "aria-selected": "false", onpointerdown: (event) => (event.preventDefault(), this.take(index)) }, h("code", {}, shown), h("span", {}, what)),
      ),
    );
  }

  select(index) {
    this.list.children[this.at]?.setAttribute("aria-selected", "false");
    this.at = (index + this.options.length) % this.options.length;
    const option = this.list.children[this.at];
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    this.text.setAttribute("aria-activedescendant", option.id);
  }

  take(index) {
    this.text.value = this.options[index][0];
    this.text.focus();
    this.typed();
  }

  key(event) {
    if (event.isComposing) return;
    const open = this.options.length > 0;
    if (open && event.key === "Escape") this.suggest([]);
    else if (open && event.key === "ArrowDown") this.select(this.at + 1);
    else if (open && event.key === "ArrowUp") this.select(this.at < 0 ? this.options.length - 1 : this.at - 1);
    else if (open && event.key === "Tab" && !event.shiftKey) this.take(Math.max(this.at, 0));
    else if (open && event.key === "Enter" && this.at >= 0) this.take(this.at);
    else if (event.key === "ArrowUp" && (!this.text.value || this.recalled !== null)) this.recall(-1);
    else if (event.key === "ArrowDown" && this.recalled !== null) this.recall(1);
    else return;
    event.preventDefault();
  }

  recall(step) {
    const next = (this.recalled ?? this.lines.length) + step;
    if (next < 0) return;
    this.recalled = next < this.lines.length ? next : null;
    this.fill(this.lines[next] ?? "");
    this.text.setSelectionRange(this.text.value.length, this.text.value.length);
  }
}
