// Which picture is the photo and which the style: what a line goes out with, shown above the text box.

import { $ } from "../dom.js";
import { namesMine } from "./line.js";

/** The person's own picture, among the styles to choose from. */
export const OWN = {
  name: "mine", title: "A picture of your own", by: "any picture as the style", credit: "a second picture that you send", words: "mine own any picture",
};

export class Pair {
  constructor() {
    this.forget();
    $("swap").addEventListener("click", () => this.swap());
  }

  forget() {
    this.several = []; // those that came together, and are ordered together
    this.sent = []; // oldest first, with those that are still on their way
    this.chosen = null; // the photo replied to, when it is not the newest
    this.before = null; // the one replied to before the newest came
    this.style = null; // when it is not the newest
  }

  /** A picture was sent. Where it comes while another is replied to, it is the style, should the line ask for one. */
  add(photo) {
    if (this.chosen) this.style = photo;
    this.several = [];
    this.before = this.of("").photo;
    this.chosen = null;
    this.sent.push(photo);
  }

  remove(photo) {
    this.sent = this.sent.filter((other) => other !== photo);
    this.several = this.several.filter((other) => other !== photo);
    for (const what of ["chosen", "before", "style"]) if (this[what] === photo) this[what] = null;
  }

  set(photo, style) {
    this.chosen = photo;
    this.style = style;
  }

  /** All photos that a line is about: those that came together, or one. */
  all(line) {
    const { photo } = this.of(line);
    return namesMine(line) || this.several.length < 2 ? [photo].filter(Boolean) : this.several;
  }

  /** From now on lines are about this one. */
  choose(photo) {
    this.chosen = photo;
    this.several = [];
    this.show();
  }

  /** The photo that a line is about, and the style picture where it asks for one. */
  of(line) {
    const newest = this.sent.at(-1) ?? null;
    if (!namesMine(line)) return { photo: this.chosen ?? newest, style: null };
    const style = this.style ?? (this.sent.length > 1 ? newest : null);
    const others = [this.chosen, style === newest ? this.before : null, ...[...this.sent].reverse()];
    return { photo: others.find((photo) => photo && photo !== style) ?? null, style };
  }

  swap() {
    const { photo, style } = this.of($("text").value);
    this.set(style, photo);
    this.show();
    $("swap").focus();
  }

  /** Bring what is above the text box up to date with the line in it. */
  show() {
    const line = $("text").value;
    const mine = namesMine(line);
    const { photo, style } = this.of(line);
    $("replying").hidden = !photo && !style;
    $("replying").classList.toggle("paired", mine);
    this.sent.forEach((other) => other.bubble?.classList.toggle("chosen", other === this.chosen || (!mine && this.several.includes(other)) || (mine && (other === photo || other === style))));
    picture("replying-photo", photo);
    picture("replying-own", style);
    $("swap").hidden = !photo || !style;
    $("replying-text").textContent = caption(photo, style, mine, this.all(line).length);
    $("replying-style").hidden = mine;
    $("replying-add").hidden = !mine || Boolean(style);
    const label = mine ? "Without a style picture" : "Reply to the newest photo instead";
    $("replying-reset").hidden = mine ? !style : this.several.length < 2 && (!this.chosen || this.chosen === this.sent.at(-1));
    $("replying-reset").ariaLabel = $("replying-reset").title = label;
  }
}

function picture(id, photo) {
  const image = $(id);
  image.parentNode.hidden = !photo;
  if (photo && image.getAttribute("src") !== photo.src) image.src = photo.src;
}

function caption(photo, style, mine, many) {
  if (many > 1) return `Replying to ${many} photos`;
  if (!mine) return photo ? `Replying to ${photo.name}` : "";
  if (photo && style) return `${photo.name} in the style of ${style.name}`;
  return photo ? `${photo.name} in the style of which picture?` : `Which photo in the style of ${style?.name}?`;
}
