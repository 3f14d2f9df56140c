// One picture as large as the window, or in its own size; the photo that it was painted from while a button is held.

import { canShare, shareFile } from "./share.js";
import { $, announce, h, icon, video } from "../dom.js";

const EYE = "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6z";
const LARGE = "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7";
const AWAY = "M12 15V4M8 7.5L12 3.5l4 4M6 11H5v9h14v-9h-1";

/** A button that does something for as long as it is held, also with the keyboard: `hold(held)`. */
export function holdButton(hold, label) {
  const button = h("button", { type: "button", class: "icon over-picture hold", "aria-label": label, title: label }, icon(EYE));
  const set = (held) => {
    button.classList.toggle("held", held);
    hold(held);
  };
  button.addEventListener("pointerdown", (event) => { button.setPointerCapture(event.pointerId); set(true); });
  for (const end of ["pointerup", "pointercancel", "blur"]) button.addEventListener(end, () => set(false));
  for (const [kind, held] of [["keydown", true], ["keyup", false]]) {
    button.addEventListener(kind, (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      set(held);
    });
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press is what this is for
  return button;
}

export function enlargeButton(open) {
  return h("button", { type: "button", class: "icon over-picture", "aria-label": "Enlarge", title: "Enlarge", onclick: open }, icon(LARGE));
}

/** Nothing where the browser cannot share. */
export function shareButton(src, name, props = {}) {
  if (!canShare()) return null;
  const failed = () => announce("The picture could not be shared; download it instead");
  return h("button", { type: "button", onclick: async () => (await shareFile(src, name)) || failed(), ...props }, icon(AWAY), "Share");
}

/** A still as a JPEG, which is smaller, also carries its line, and opens everywhere; nothing for a clip. */
export function jpegLink(src, name, props = {}) {
  if (!name.endsWith(".png")) return null;
  const title = "Download as JPEG: a smaller file, which opens everywhere";
  return h("a", { class: "button", href: `${src}?download&jpeg`, download: name.replace(/png$/, "jpg"), title, "aria-label": `JPEG of ${name}`, ...props }, "JPEG");
}

export class Zoom {
  constructor() {
    this.dialog = $("zoom");
    $("zoom-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => $("zoom-picture").replaceChildren());
    this.dialog.addEventListener("click", ({ target }) => target === this.dialog && this.dialog.close());
  }

  /** `photo` is the address of the photo that it was painted from, if there is one; a clip has none. */
  open({ src, name, alt, photo, isVideo }) {
    const picture = isVideo ? video(src, alt) : h("img", { src, alt });
    const before = photo && !isVideo ? h("img", { class: "before", src: photo, alt: "The photo that it was painted from", hidden: true }) : null;
    this.dialog.classList.remove("actual");
    if (!isVideo) picture.addEventListener("click", () => this.toggle());
    $("zoom-picture").replaceChildren(picture, ...(before ? [before] : []));
    const hold = before && holdButton((held) => (before.hidden = !held), "Hold to see the photo");
    const download = h("a", { class: "button primary", href: `${src}?download`, download: name }, "Download");
    const parts = [hold, shareButton(src, name), jpegLink(src, name), download].filter(Boolean);
    $("zoom-actions").replaceChildren(...parts);
    $("zoom-title").textContent = alt;
    this.dialog.showModal();
    $("zoom-close").focus();
  }

  /** Between the whole picture and its own size. */
  toggle() {
    const box = $("zoom-picture");
    const large = this.dialog.classList.toggle("actual");
    if (large) box.scrollTo((box.scrollWidth - box.clientWidth) / 2, (box.scrollHeight - box.clientHeight) / 2);
  }
}
