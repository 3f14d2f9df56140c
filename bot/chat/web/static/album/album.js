// My pictures: all that this browser's person has had painted, from whichever tab.

import { jpegLink, shareButton } from "./zoom.js";
import { askFirst } from "../conversation/actions.js";
import { $, announce, copy, h, icon } from "../dom.js";
import { fold, words } from "../writing/line.js";

const STAR = "M12 3.6l2.6 5.4 5.9.8-4.3 4.1 1.1 5.9L12 17l-5.3 2.8 1.1-5.9L3.5 9.8l5.9-.8z";
const LINK = "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1";
const FAILED = "That did not work. Check the connection, and try again.";

export class Album {
  /** `zoom` shows one picture. */
  constructor(zoom) {
    this.zoom = zoom;
    this.pictures = [];
    this.onlyStarred = false;
    this.dialog = $("album");
    $("album-close").addEventListener("click", () => this.dialog.close());
    $("album-search").addEventListener("input", () => this.filter());
    $("album-starred").addEventListener("click", () => this.setStarred(!this.onlyStarred));
    const remove = $("album-delete");
    const next = remove.nextSibling;
    next.before(askFirst(remove, () => this.deleteShown(), "Delete all pictures that are shown here?"));
    this.dialog.addEventListener("click", ({ target }) => target === this.dialog && this.dialog.close());
  }

  async open() {
    $("album-search").value = "";
    this.onlyStarred = false;
    if (!this.dialog.open) this.dialog.showModal();
    await this.load();
  }

  async load() {
    const answer = await ask("/album.json");
    if (!answer) return this.say(FAILED);
    this.keep = [answer.keep_hours, answer.keep_marked_hours].map(duration);
    this.pictures = answer.pictures.map((picture) => ({ ...picture, words: fold(`${picture.credit} ${picture.line} ${picture.file}`) }));
    for (const picture of this.pictures) picture.tile = this.tile(picture);
    $("album-grid").replaceChildren(...this.pictures.map(({ tile }) => tile));
    this.filter();
  }

  say(text) {
    $("album-none").textContent = text;
    $("album-none").hidden = !text;
  }

  // --- what is shown ---------------------------------------------------------------------------------------------------

  setStarred(only) {
    this.onlyStarred = only;
    this.filter();
  }

  shown() {
    const sought = words(fold($("album-search").value));
    return this.pictures.filter((one) => (!this.onlyStarred || one.starred) && sought.every((word) => one.words.includes(word)));
  }

  filter() {
    const shown = this.shown();
    for (const one of this.pictures) one.tile.hidden = !shown.includes(one);
    $("album-starred").setAttribute("aria-pressed", String(this.onlyStarred));
    $("album-count").textContent = `${shown.length} ${shown.length === 1 ? "picture" : "pictures"}`;
    $("album-zip").href = this.onlyStarred ? "/album.zip?starred" : "/album.zip";
    const zipped = this.onlyStarred ? this.pictures.filter(({ starred }) => starred) : this.pictures;
    $("album-zip").hidden = zipped.length === 0;
    $("album-zip").textContent = `Download ${this.onlyStarred ? "starred" : "all"} as ZIP`;
    $("album-remove").hidden = shown.length === 0;
    $("album-delete").textContent = shown.length === this.pictures.length ? "Delete all" : `Delete ${shown.length === 1 ? "this one" : `these ${shown.length}`}`;
    const [usual, marked] = this.keep;
    const longer = marked === usual ? "" : `; starred and shared ones ${marked} after it`;
    $("album-keep").textContent = `Each picture is deleted ${usual} after it was painted${longer}.`;
    this.say(shown.length ? "" : this.pictures.length ? "None of your pictures fits." : "Nothing yet: what you have painted from this browser is kept here.");
  }

  tile(picture) {
    const show = h("button", { type: "button", class: "show", "aria-label": `Enlarge ${picture.file}`, onclick: () => this.enlarge(picture) }, thumbnail(picture));
    const star = h("button", { type: "button", class: "icon over-picture star", "aria-label": `Star ${picture.file}`, title: "Star", "aria-pressed": String(picture.starred) }, icon(STAR));
    star.addEventListener("click", async () => {
      if (await this.change(picture, { starred: !picture.starred })) star.setAttribute("aria-pressed", String(picture.starred));
      if (this.onlyStarred) this.filter();
    });
    const download = h("a", { class: "button", href: `${picture.src}?download`, download: picture.file, "aria-label": `Download ${picture.file}` }, "Download");
    const remove = h("button", { type: "button", "aria-label": `Delete ${picture.file}` }, "Delete");
    const shared = h("div", { class: "shared-at", hidden: true });
    const link = h("button", { type: "button", "aria-label": `Get a link to ${picture.file}` }, icon(LINK), "Link");
    link.addEventListener("click", async () => {
      if (!(await this.change(picture, { shared: true }))) return;
      showLink(shared, link, picture, this);
      shared.querySelector("button").focus();
    });
    showLink(shared, link, picture, this);
    const actions = h("div", { class: "actions" }, download, jpegLink(picture.src, picture.file), shareButton(picture.src, picture.file, { "aria-label": `Share ${picture.file}` }), link, askFirst(remove, () => this.remove([picture]), `Delete ${picture.file} for good?`));
    return h("li", {}, h("div", { class: "frame" }, show, star), h("p", {}, h("b", {}, picture.credit), h("span", {}, new Date(picture.at * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }))), actions, shared);
  }

  enlarge({ src, file, credit, media_type }) {
    this.zoom.open({ src, name: file, alt: `${credit} (${file})`, isVideo: media_type.startsWith("video/") });
  }

  // --- what is changed -------------------------------------------------------------------------------------------------

  /** Says whether the server has done it. */
  async change(picture, change) {
    const answer = await ask(`/album/${picture.id}`, change);
    if (answer) Object.assign(picture, answer);
    else this.say(FAILED);
    return Boolean(answer);
  }

  deleteShown() {
    return this.remove(this.shown());
  }

  async remove(pictures) {
    if (!(await ask("/album/delete", { pictures: pictures.map(({ id }) => id) }))) return this.say(FAILED);
    this.pictures = this.pictures.filter((one) => !pictures.includes(one));
    for (const { tile } of pictures) tile.remove();
    this.filter();
    announce(pictures.length === 1 ? "The picture was deleted" : `${pictures.length} pictures were deleted`);
    $("album-search").focus();
  }
}

/** A picture small, of a clip its first frame. */
function thumbnail({ src, file, credit, media_type }) {
  const alt = `${credit} (${file})`;
  if (!media_type.startsWith("video/")) return h("img", { src: `${src}?small`, alt, loading: "lazy", decoding: "async" });
  const clip = h("video", { src, "aria-label": alt, preload: "metadata", playsinline: true, tabindex: "-1" });
  clip.muted = true;
  return clip;
}

/** The address by which everybody may see a picture, where there is one, and its end. */
function showLink(place, link, picture, album) {
  place.hidden = !picture.share;
  link.hidden = Boolean(picture.share);
  if (!picture.share) return place.replaceChildren();
  const address = location.origin + picture.share;
  const copier = h("button", { type: "button", "aria-label": "Copy the link" }, "Copy");
  copier.addEventListener("click", async () => (copier.textContent = (await copy(address)) ? "Copied" : "Select it"));
  const end = h("button", { type: "button", class: "quiet", "aria-label": `Stop sharing ${picture.file}` }, "Stop sharing");
  end.addEventListener("click", async () => {
    if (!(await album.change(picture, { shared: false }))) return;
    showLink(place, link, picture, album);
    link.focus();
  });
  place.replaceChildren(h("span", {}, "Whoever has this link sees the picture and its line:"), h("a", { href: picture.share, target: "_blank", rel: "noopener" }, address), copier, end);
}

function duration(hours) {
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  return `${hours} ${hours === 1 ? "hour" : "hours"}`;
}

/** The server's answer; null where there is none, or it refuses. */
async function ask(path, body) {
  const how = body && { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const answer = await fetch(path, how).catch(() => null);
  if (answer?.status === 401) location.reload();
  return answer?.ok ? answer.json().catch(() => null) : null;
}
