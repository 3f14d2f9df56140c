// The buttons below a picture. What each of them does is the server's business; this is how they look.

import { jpegLink, shareButton } from "../album/zoom.js";
import { h, icon } from "../dom.js";

const DOWNLOAD = "M12 4v11M7 11l5 5 5-5M5 20h14";
const BRUSH = "M20 4L10 14M10 14c-3-1-5 1-5 3 0 2-1 2.5-2 3 4 1 8 0 8-4 0-1 0-1.5-1-2z";
const LOOKS = {
  again: { path: "M19 12a7 7 0 1 1-2.5-5.3M17 3v4h-4", hint: "The same settings with another seed" },
  variations: { path: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z", hint: "Four others like it, to choose from" },
  stronger: { path: "M12 5v14M5 12h14", hint: "More of the painting’s style" },
  softer: { path: "M5 12h14", hint: "Less of the painting’s style" },
  colors: { path: "M12 3.5c3.5 4.3 5.5 7 5.5 9.7a5.5 5.5 0 0 1-11 0c0-2.7 2-5.4 5.5-9.7z", hint: "The same picture in the other colours" },
  finer: { path: "M12 3l2.2 6.8L21 12l-6.8 2.2L12 21l-2.2-6.8L3 12l6.8-2.2z", hint: "The same settings, painted slowly" },
  steps: { path: "M5 5l7 7-7 7M12 5l7 7-7 7", hint: "Go on painting: a hundred steps more at this size" },
  larger: { path: "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7", hint: "The same picture at twice the size" },
  explain: { path: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5L20 20M10.5 7.5v6M7.5 10.5h6", hint: "Paint it once more, and draw how it went" },
  film: { path: "M4 5h16v14H4zM4 9h16M8 5v4M12 5v4M16 5v4M10 12l5 2.5-5 2.5z", hint: "Paint it once more, and show that as a clip" },
  delete: { path: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10.5 10.5v5.5M13.5 10.5v5.5", hint: "Delete this picture, here and from the server" },
};

/**
 * All that can be done with a picture: what is wanted most, to stand right below it, and what changes one setting.
 * `press(data, button)` is called with what the server gave a button; `chooseStyle` is left out where the photo is gone.
 */
export function pictureActions({ buttons, file }, source, press, chooseStyle) {
  const download = h("a", { class: "button primary", href: `${source}?download`, download: file }, icon(DOWNLOAD), "Download");
  const smaller = jpegLink(source, file);
  const made = new Map(buttons.map((button) => [button.action, actionButton(button, press)]));
  const another = chooseStyle && h("button", { type: "button", onclick: chooseStyle }, icon(BRUSH), "Other style…");
  const { again, delete: remove, ...others } = Object.fromEntries(made);
  const changes = Object.values(others);
  const group = changes.length > 0 && h("div", { class: "changes", role: "group", "aria-label": "Paint it again with one change" }, ...changes);
  return { main: h("div", { class: "actions" }, download, smaller, shareButton(source, file), another, again, remove), changes: group };
}

function actionButton({ action, label, data }, press) {
  const { path, hint } = LOOKS[action] ?? {};
  const button = h("button", { type: "button", title: hint, "data-action": action }, path && icon(path), label);
  const pressNow = () => button.ariaDisabled !== "true" && press(data, button);
  if (action === "delete") return askFirst(button, pressNow);
  button.addEventListener("click", pressNow);
  return button;
}

/** Deleting takes a second click, elsewhere than the first, so that a double click deletes nothing. */
export function askFirst(button, confirmed, what = "Delete this picture for good?") {
  const keep = h("button", { type: "button", class: "quiet" }, "Keep");
  const remove = h("button", { type: "button", class: "danger" }, "Delete");
  const question = h("div", { class: "question", role: "group", "aria-label": what, hidden: true }, h("span", {}, "Delete for good?"), keep, remove);
  const ask = (asking) => {
    question.hidden = !asking;
    button.hidden = asking;
    (asking ? keep : button).focus();
  };
  button.classList.add("quiet");
  button.addEventListener("click", () => ask(true));
  keep.addEventListener("click", () => ask(false));
  remove.addEventListener("click", () => { ask(false); confirmed(); });
  question.addEventListener("keydown", (event) => event.key === "Escape" && ask(false));
  return h("div", { class: "delete" }, button, question);
}

/** While the server has not answered yet. The button keeps the focus. */
export function setBusy(button, busy) {
  button.ariaDisabled = busy ? "true" : null;
}
