// The page: entries from the room become bubbles.

import { Album } from "./album/album.js";
import { Zoom } from "./album/zoom.js";
import { askFirst } from "./conversation/actions.js";
import { answerBubble, messageBubble, photoBubble } from "./conversation/bubbles.js";
import { Composer } from "./writing/composer.js";
import { $, announce, h } from "./dom.js";
import { takeDrops } from "./writing/drops.js";
import { Gallery } from "./gallery.js";
import { JobBubble } from "./conversation/job.js";
import { Outgoing } from "./writing/outgoing.js";
import { Orders } from "./writing/orders.js";
import { OWN } from "./writing/pair.js";
import { Connection, enter } from "./room.js";
import { Scroller } from "./conversation/scroller.js";
import { Sheets } from "./conversation/sheets.js";

const WELCOME_STYLES = 6;
const TILES = 12; // of an answer; the gallery has room for more
const STATES = { on: "Connected", wait: "Connecting…", off: "Offline, reconnecting…" };

class Page {
  constructor(gallery, room) {
    this.gallery = gallery;
    $("sign-ins").hidden = !gallery.sign_ins;
    this.menu = new Gallery([OWN, ...gallery.styles]);
    this.orders = new Orders(this);
    this.composer = new Composer(gallery, (text) => this.orders.write(text), () => this.orders.lineChanged());
    this.scroller = new Scroller();
    this.caughtUp = false;
    this.connection = new Connection(room, (event) => this.receive(event), (state, tooMany) => this.showState(state, tooMany));
    this.outgoing = new Outgoing(this.connection, this, gallery);
    this.sheets = new Sheets(this);
    this.zoom = new Zoom();
    this.album = new Album(this.zoom);
    this.forget();
    this.welcome();
    this.listen();
  }

  forget() {
    this.photos = new Map(); // by blob, oldest first
    this.jobs = new Map(); // bubbles by the job's id
    this.early = new Map(); // how jobs stand whose orders were not answered yet
    this.outgoing.forget();
    this.sheets.forget();
    this.orders.forget();
    $("log").replaceChildren();
  }

  // --- from the room -------------------------------------------------------------------------------------------------

  receive(event) {
    if (event.entry) this.addEntry(event.entry);
    else if (event.live) this.progress(event.live);
    else if (event.anew) this.startOver();
    else if (event.now) this.showAll();
  }

  addEntry(entry) {
    const add = { photo: this.addPhoto, said: this.addMessage, answer: this.addAnswer, finished: this.finishJob, told: this.endJob, deleted: this.removeJob, forgotten: this.forgetAll };
    add[entry.type]?.call(this, entry);
  }

  /** The room's entries follow from the first. */
  startOver() {
    this.connection.last = 0;
    this.forget();
  }

  /** All that was there is there; what follows is new. */
  showAll() {
    this.caughtUp = true;
    $("log").setAttribute("aria-busy", "false");
    this.greet();
    this.orders.pair.show();
    this.scroller.toEnd();
  }

  addPhoto(entry) {
    const own = this.outgoing.photoOf(entry.id);
    const photo = own ?? { name: entry.name, src: `${this.connection.base}/blob/${entry.photo}` };
    photo.blob = entry.photo;
    this.photos.set(entry.photo, photo);
    if (!own) this.orders.pair.add(photo);
    this.outgoing.arrived(entry.id, () => (photo.bubble = photoBubble(photo, this.orders)));
    this.orders.pair.show();
  }

  addMessage(entry) {
    this.outgoing.arrived(entry.id, () => messageBubble(entry.text, this.photos.get(entry.photo), this.photos.get(entry.style)));
  }

  addAnswer(entry) {
    this.outgoing.answered(entry.to);
    const hidden = this.sheets.answered(entry);
    if (entry.job && !hidden) this.job(entry.job).accept(entry, this.photos.get(entry.photo));
    if (this.early.has(entry.job)) this.progress(this.early.get(entry.job));
    this.early.delete(entry.job);
    if (!entry.job && !entry.quiet) this.add(this.answerWithTiles(entry));
    if (entry.refused) this.jobs.forEach((job) => job.over || job.resume());
  }

  progress(live) {
    if (this.sheets.progress(live)) return;
    if (this.jobs.has(live.job)) this.job(live.job).progress(live);
    else this.early.set(live.job, live);
  }

  answerWithTiles(entry) {
    const cards = entry.cards ?? [];
    const photo = this.photos.get(entry.photo);
    const more = (entry.lines ?? []).map((line) => h("button", { type: "button", onclick: () => this.orders.write(line, photo) }, line.replace("/stylize ", "")));
    more.push(...(entry.more ?? []).map((line) => h("button", { type: "button", onclick: () => this.orders.follow(line, photo) }, line.label)));
    if (cards.length > TILES) more.push(h("button", { type: "button", onclick: () => this.orders.chooseStyle(photo) }, `See all ${cards.length} in the gallery`));
    return answerBubble(entry, this.orders.tiles(cards.slice(0, TILES), photo), more);
  }

  finishJob(entry) {
    if (this.sheets.finished(entry)) return;
    const job = this.job(entry.job);
    if (job.over) return;
    job.finish(entry, this.photos.get(entry.photo), this.photos.get(entry.style), this.caughtUp);
    if (!this.caughtUp) return;
    announce(`Finished: ${entry.credit}, in ${spoken(entry.seconds)}`);
    if (document.hidden) document.title = "● Impasto";
  }

  endJob(entry) {
    if (this.sheets.ended(entry.job)) return;
    const job = this.job(entry.job);
    if (!job.over) job.fail(entry);
  }

  removeJob(entry) {
    this.sheets.ended(entry.job);
    this.outgoing.answered(entry.to);
    const bubble = this.jobs.get(entry.job)?.element;
    if (!bubble) return;
    const hadFocus = bubble.contains(document.activeElement);
    this.jobs.delete(entry.job);
    bubble.remove();
    if (hadFocus) $("scroller").focus();
    if (this.caughtUp) announce("The picture was deleted");
    this.greet();
  }

  /** All that the room had is deleted, here too. */
  forgetAll(entry) {
    this.forget();
    this.add(answerBubble(entry));
    $("text").focus();
  }

  job(id) {
    if (!this.jobs.has(id)) {
      const job = new JobBubble(id, this, this.connection.base);
      this.jobs.set(id, job);
      this.add(job.element);
    }
    return this.jobs.get(id);
  }

  add(bubble) {
    if (this.caughtUp) bubble.classList.add("fresh");
    $("log").append(bubble);
    this.greet();
  }

  showOwn(bubble) {
    this.scroller.pinned = true;
    this.add(bubble);
    this.scroller.toEnd();
  }

  showState(state, tooMany) {
    $("line-state").textContent = STATES[state];
    $("line-state").dataset.state = state;
    if (tooMany) this.notice("Too many pages are open in this room. Close some of them.");
    else if (state === "off") this.notice("Impasto cannot be reached. The page keeps trying, and nothing is lost.", "Try now", () => this.connection.retryNow());
    else this.notice("");
  }

  notice(text, label, onclick) {
    const button = label && h("button", { type: "button", class: "quiet", onclick }, label);
    $("notice").replaceChildren(text, ...(button ? [button] : []));
    $("notice").hidden = !text;
  }

  // --- the page around it --------------------------------------------------------------------------------------------

  welcome() {
    const items = this.orders.tiles(this.gallery.styles.slice(0, WELCOME_STYLES), null).map((button) => h("li", {}, button));
    $("welcome-styles").replaceChildren(...items);
  }

  greet() {
    $("welcome").hidden = !this.caughtUp || $("log").childElementCount > 0;
  }

  listen() {
    for (const id of ["attach", "welcome-attach"]) $(id).addEventListener("click", () => $("file").click());
    $("welcome-try").addEventListener("click", () => this.orders.tryIt());
    $("file").addEventListener("change", ({ target }) => {
      this.orders.addFiles(target.files);
      target.value = "";
      $("text").focus();
    });
    for (const id of ["replying-style", "open-gallery"]) $(id).addEventListener("click", () => this.orders.chooseStyle());
    $("open-album").addEventListener("click", () => this.album.open());
    $("replying-add").addEventListener("click", () => {
      const { photo } = this.orders.pair.of($("text").value);
      this.orders.askStyle((style) => this.orders.match(photo, style));
    });
    const [remove, next] = [$("forget"), $("forget").nextElementSibling];
    next.before(askFirst(remove, () => this.outgoing.command("/forgetme yes"), "Delete all that Impasto keeps of this page?"));
    $("replying-reset").addEventListener("click", () => this.orders.resetReply());
    document.addEventListener("visibilitychange", () => !document.hidden && (document.title = "Impasto"));
    takeDrops((files) => this.orders.addFiles(files));
  }
}

function spoken(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  return `${whole} ${whole === 1 ? "second" : "seconds"}`;
}

async function load(wait = 500) {
  const answers = await Promise.all(["/gallery.json", "/api/v1/styles"].map((path) => fetch(path))).catch(() => []);
  if (answers.some((answer) => answer.status === 401)) return location.reload();
  if (answers.length && answers.every((answer) => answer.ok)) {
    const [about, styles] = await Promise.all(answers.map((answer) => answer.json()));
    return { ...about, styles };
  }
  $("line-state").dataset.state = "off";
  $("line-state").textContent = STATES.off;
  await new Promise((resolve) => setTimeout(resolve, wait));
  return load(Math.min(wait * 2, 15_000));
}

const gallery = await load();
new Page(gallery, await enter());
