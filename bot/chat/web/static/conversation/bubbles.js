// What stands in the conversation beside pictures: photos, messages and answers.

import { h, video } from "../dom.js";

/** A photo as sent. `orders` has reply(photo), chooseStyle(photo), useAsStyle(photo), and sized(photo, width, height). */
export function photoBubble(photo, orders) {
  const picture = h("img", { src: photo.src, alt: `Your photo, ${photo.name}` });
  picture.addEventListener("load", () => orders.sized(photo, picture.naturalWidth, picture.naturalHeight));
  picture.addEventListener("error", () => {
    const clip = video(photo.src, `Your clip, ${photo.name}`);
    clip.addEventListener("error", () => clip.replaceWith(h("p", { class: "not-shown" }, "This browser cannot show this photo. Impasto may still be able to read it.")));
    picture.replaceWith(clip);
  });
  const choose = h("button", { type: "button", class: "choose", onclick: () => orders.chooseStyle(photo) }, "Choose a style");
  const reply = h("button", { type: "button", class: "quiet", onclick: () => orders.reply(photo), "aria-label": `Reply to ${photo.name}` }, "Reply");
  const style = h("button", { type: "button", class: "quiet", onclick: () => orders.useAsStyle(photo), "aria-label": `Use ${photo.name} as the style` }, "As style");
  return h("article", { class: "bubble mine photo", "aria-label": `Photo ${photo.name}` }, picture, h("span", { class: "caption" }, photo.name), h("div", { class: "actions" }, choose, reply, style));
}

/** A line as sent, with the pictures that it is about. */
export function messageBubble(text, photo, style) {
  const line = h("p", { class: text.startsWith("/") ? "line" : "" }, text);
  return h("article", { class: "bubble mine message" }, thumbnail(photo, "In reply to"), thumbnail(style, "in the style of"), line);
}

export function thumbnail(photo, what) {
  const image = photo && h("img", { src: photo.src, alt: `${what} ${photo.name}`, onerror: () => image.remove() });
  return image;
}

/** An answer, with styles to choose from, and buttons for what else there is or may have been meant. */
export function answerBubble({ text, refused }, tiles = [], more = []) {
  const cards = tiles.length > 0 && h("ul", { class: "swatches" }, ...tiles.map((tile) => h("li", {}, tile)));
  const kind = `bubble theirs${refused ? " refused" : ""}${cards ? " with-cards" : ""}`;
  return h("article", { class: kind }, h("p", {}, text), cards, more.length > 0 && h("div", { class: "actions" }, ...more));
}

/** Say in a bubble of the person's own why it could not be sent. */
export function markFailed(bubble, text) {
  bubble.classList.remove("sending");
  for (const part of bubble.querySelectorAll(".actions, .not-shown, img, video")) part.remove();
  bubble.append(h("p", { class: "failure", role: "alert" }, text));
}
