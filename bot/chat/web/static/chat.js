// The page: entries from the room become bubbles, and what the person does becomes messages to the room.

import { Album } from "./album/album.js";
import { Zoom } from "./album/zoom.js";
import { askFirst } from "./conversation/actions.js";
import { answerBubble, markFailed, messageBubble, photoBubble } from "./conversation/bubbles.js";
import { Composer } from "./writing/composer.js";
import { $, announce, h } from "./dom.js";
import { takeDrops } from "./writing/drops.js";
import { Gallery, tile } from "./gallery.js";
import { JobBubble } from "./conversation/job.js";
import { commandOf, key, namesMine, stylesOf } from "./writing/line.js";
import { Outgoing } from "./writing/outgoing.js";
import { OWN, Pair } from "./writing/pair.js";
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
    this.pair = new Pair();
    this.composer = new Composer(gallery, (text) => this.write(text), () => this.lineChanged());
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
    this.wanted = null; // the line that waits in the composer for its photo, and its style
    this.outgoing.forget();
    this.sheets.forget();
    this.pair.forget();
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
    this.pair.show();
    this.scroller.toEnd();
  }

  addPhoto(entry) {
    const own = this.outgoing.photoOf(entry.id);
    const photo = own ?? { name: entry.name, src: `${this.connection.base}/blob/${entry.photo}` };
    photo.blob = entry.photo;
    this.photos.set(entry.photo, photo);
    if (!own) this.pair.add(photo);
    this.outgoing.arrived(entry.id, () => (photo.bubble = photoBubble(photo, this)));
    this.pair.show();
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
    const more = (entry.lines ?? []).map((line) => h("button", { type: "button", onclick: () => this.write(line, photo) }, line.replace("/stylize ", "")));
    more.push(...(entry.more ?? []).map((line) => h("button", { type: "button", onclick: () => this.follow(line, photo) }, line.label)));
    if (cards.length > TILES) more.push(h("button", { type: "button", onclick: () => this.chooseStyle(photo) }, `See all ${cards.length} in the gallery`));
    return answerBubble(entry, this.tiles(cards.slice(0, TILES), photo), more);
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

  // --- from the person: pictures -------------------------------------------------------------------------------------

  press(data, button) {
    this.scroller.pinned = true;
    this.outgoing.press(data, button);
  }

  /** From a control of a picture: its photo once more, by another line. */
  repaint(line, photo) {
    this.scroller.pinned = true;
    this.outgoing.command(line, photo);
  }

  cancel(job) {
    this.outgoing.command(`/cancel ${job.id}`);
  }

  // --- from the person: lines and photos -----------------------------------------------------------------------------

  /** The person wrote a line: it goes out with the pictures that are shown above the text box. */
  write(text, about = null) {
    const command = commandOf(text);
    const orders = this.gallery.orders.includes(command);
    if (!about && (orders || this.namesStyle(text)) && this.pair.all(text).length > 1) return this.orderAll(text, this.pair.all(text));
    const { photo, style } = !command || orders ? this.pair.of(text) : {};
    this.outgoing.message(text, about ?? photo, style);
  }

  /** What an answer offers was pressed: it is about the same picture, or for the next one, which is then asked for. */
  follow({ text, picture }, photo) {
    if (picture !== "next") return this.write(text, picture === "same" ? photo : null);
    this.outgoing.command(text);
    $("file").click();
  }

  /** Whether a line without a command begins with a style, so that it is an order. */
  namesStyle(text) {
    const [first] = stylesOf(text).split(/[+:]/);
    return !commandOf(text) && this.gallery.styles.some((style) => key(style.name) === key(first));
  }

  /** One order for each of the photos. */
  orderAll(line, photos) {
    for (const photo of photos) this.outgoing.message(line, photo);
  }

  addFiles(files) {
    const photos = [...files].map((file) => this.sendPhoto(file)).filter(Boolean);
    const line = $("text").value;
    if (this.wanted && photos.length) return this.paintWanted(photos);
    if (photos.length > 1 && !namesMine(line)) this.pair.several = photos; // else they are a photo and its style
    if (photos.length === 2 && files.length === 2 && (!line.trim() || namesMine(line))) this.match(...photos);
    this.pair.show();
  }

  /** The page's own photo, for who has none at hand. */
  async tryIt() {
    const answer = await fetch("/static/lake.jpg");
    const photo = this.sendPhoto(new File([await answer.blob()], "lake.jpg", { type: "image/jpeg" }));
    if (photo) this.chooseStyle(photo);
  }

  sendPhoto(file) {
    const photo = this.outgoing.photo(file, (failed) => {
      this.pair.remove(failed);
      this.pair.show();
    });
    if (photo) this.pair.add(photo);
    this.pair.show();
    return photo;
  }

  /** A photo can be seen, here or again after a reload: one that is too large is refused now, and not when it is ordered. */
  sized(photo, width, height) {
    const { max_pixels: most, max_side: side } = this.gallery;
    if (width * height <= most && Math.max(width, height) <= side) return;
    this.pair.remove(photo);
    this.pair.show();
    const limit = `${most / 1e6} megapixels, and ${side} pixels on a side`;
    markFailed(photo.bubble, `The picture has ${width} x ${height} pixels; the limit is ${limit}. Send a smaller version.`);
  }

  /** The text box holds another line: what is shown above it follows. */
  lineChanged() {
    if (this.wanted?.line !== $("text").value) this.wanted = null;
    $("wanted").hidden = !this.wanted;
    $("wanted").textContent = this.wanted ? `${this.wanted.style.title}: now add your photo.` : "";
    this.pair.show();
  }

  /** Have this photo painted in the style of that picture: all that is left to do is to send the line. */
  match(photo, style) {
    this.pair.set(photo, style);
    if (!namesMine($("text").value)) this.composer.fill("/stylize mine ");
    this.pair.show();
    $("text").focus();
  }

  /** From a photo's bubble: it is the style, of the photo that was replied to or of one that is still to come. */
  useAsStyle(style) {
    const { photo } = this.pair.of("");
    this.match(photo === style ? null : photo, style);
  }

  reply(photo) {
    this.pair.choose(photo);
    $("text").focus();
  }

  /** Back from what was chosen: to the newest photo, or to no style picture. */
  resetReply() {
    if (!namesMine($("text").value)) return this.reply(null);
    this.pair.style = null;
    this.composer.fill("");
    $("text").focus();
  }

  // --- from the person: styles ---------------------------------------------------------------------------------------

  /** Open the gallery for this photo, or for the one that is replied to. */
  chooseStyle(photo) {
    const shown = photo ?? this.pair.of("").photo;
    const all = photo ? [photo] : this.pair.all("");
    this.menu.open(shown, (line, style) => (all.length > 1 && !namesMine(line) ? this.orderAll(line, all) : this.order(line, shown, style)));
    this.sheets.open(shown);
  }

  /** A style was chosen: paint the photo in it, or ask for the photo first. */
  order(line, photo, style) {
    this.sheets.leave(photo);
    if (photo && namesMine(line)) return this.askStyle((picture) => this.outgoing.message(line, photo, picture));
    if (photo) return this.outgoing.message(line, photo);
    this.wanted = namesMine(line) ? null : { line, style };
    this.composer.fill(line);
    $("file").click();
  }

  /** The photos that a chosen style has waited for are there. */
  paintWanted(photos) {
    const { line } = this.wanted;
    this.composer.fill("");
    this.orderAll(line, photos);
  }

  /** Ask for a picture to be the style; `then` gets it when it is on its way. */
  askStyle(then) {
    const file = $("style-file");
    file.onchange = () => {
      const style = file.files.length ? this.sendPhoto(file.files[0]) : null;
      file.value = "";
      if (style) then(style);
    };
    file.click();
  }

  tiles(cards, photo) {
    const styles = cards.map((card) => this.gallery.styles.find((style) => style.name === card.name)).filter(Boolean);
    return styles.map((style) => tile(style, () => this.order(`/stylize ${style.name}`, photo ?? this.pair.of("").photo, style)));
  }

  // --- the page around it --------------------------------------------------------------------------------------------

  welcome() {
    const items = this.tiles(this.gallery.styles.slice(0, WELCOME_STYLES), null).map((button) => h("li", {}, button));
    $("welcome-styles").replaceChildren(...items);
  }

  greet() {
    $("welcome").hidden = !this.caughtUp || $("log").childElementCount > 0;
  }

  listen() {
    for (const id of ["attach", "welcome-attach"]) $(id).addEventListener("click", () => $("file").click());
    $("welcome-try").addEventListener("click", () => this.tryIt());
    $("file").addEventListener("change", ({ target }) => {
      this.addFiles(target.files);
      target.value = "";
      $("text").focus();
    });
    for (const id of ["replying-style", "open-gallery"]) $(id).addEventListener("click", () => this.chooseStyle());
    $("open-album").addEventListener("click", () => this.album.open());
    $("replying-add").addEventListener("click", () => {
      const { photo } = this.pair.of($("text").value);
      this.askStyle((style) => this.match(photo, style));
    });
    const [remove, next] = [$("forget"), $("forget").nextElementSibling];
    next.before(askFirst(remove, () => this.outgoing.command("/forgetme yes"), "Delete all that Impasto keeps of this page?"));
    $("replying-reset").addEventListener("click", () => this.resetReply());
    document.addEventListener("visibilitychange", () => !document.hidden && (document.title = "Impasto"));
    takeDrops((files) => this.addFiles(files));
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

const HINTS = {
  mode: "fast, universal or fine; or one of the laboratory’s", strength: "0 to 100; 0 is the photo itself", brush: "scale of the strokes, 0.25 to 4",
  colors: "style, photo or matched", alpha: "white, or keep what is transparent", faces: "keep, or free like everything else",
  size: "long side in pixels", seed: "a number; the same one paints the same picture",
  steps: "how many the optimisation takes", then: "what follows: 100 steps more, or 16@80 at another strength",
  layers: "style layers", content: "content layers", pooling: "avg or max",
  optimizer: "lbfgs or adam", init: "fast, universal, photo or noise", ratio: "the papers’ alpha / beta", encoder: "slim or full",
  rate: "Adam’s learning rate, 0.1 to 50", tv: "how smooth the picture is to be, from 0", normalize: "yes or no: gradients of one length",
  preset: "gatys or adam: the settings of a paper", depth: "of a texture: 1 to 5 layers", tile: "yes: a texture whose edges fit together",
  octaves: "of a dream: 1 to 10 sizes", zoom: "of a dream: 2 to 48 frames that come nearer, as a clip", every: "of how it was made: steps between pictures", cell: "one picture of a sheet, in full",
};

const gallery = await load();
gallery.settings = gallery.settings.map((setting) => ({ name: setting, what: HINTS[setting] ?? "" }));
new Page(gallery, await enter());
