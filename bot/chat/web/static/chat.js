// The page: entries from the room become bubbles, and what the person does becomes messages to the room.

import { answerBubble, JobBubble, photoBubble, saidBubble, trouble } from "./bubbles.js";
import { Composer } from "./composer.js";
import { $, announce, h } from "./dom.js";
import { Gallery, tile } from "./gallery.js";
import { OWN, Pair, saysMine } from "./pair.js";
import { enter, Line, name } from "./room.js";

const WELCOME_STYLES = 6;
const TILES = 12; // of an answer; the gallery has room for more

class Page {
  constructor(gallery, room) {
    this.gallery = gallery;
    this.menu = new Gallery([OWN, ...gallery.styles]);
    this.pair = new Pair();
    this.composer = new Composer(gallery, (text) => this.write(text), () => this.changed());
    this.forget();
    this.caughtUp = false;
    this.pinned = true;
    this.welcome();
    this.listen();
    this.line = new Line(room, (message) => this.hear(message), (state, code) => this.state(state, code));
  }

  forget() {
    this.photos = new Map(); // by blob, oldest first
    this.jobs = new Map();
    this.own = new Map(); // bubbles of this page's own messages, by the message's id, until the room has them
    this.wanted = null; // the line that waits in the composer for its photo, and its style
    this.pair.forget();
    $("log").replaceChildren();
  }

  // --- from the room -------------------------------------------------------------------------------------------------

  hear(message) {
    if (message.entry) this[message.entry.type](message.entry);
    else if (message.live) this.job(message.live.job).live(message.live);
    else if (message.anew) {
      this.line.last = 0;
      this.forget();
    } else if (message.now) {
      this.caughtUp = true;
      $("log").setAttribute("aria-busy", "false");
      this.greet();
      this.pair.show();
      this.toEnd();
    }
  }

  photo(entry) {
    const own = this.own.get(entry.id)?.photo;
    const photo = own ?? { name: entry.name, src: `${this.line.base}/blob/${entry.photo}` };
    photo.blob = entry.photo;
    this.photos.set(entry.photo, photo);
    if (!own) this.pair.add(photo);
    this.settle(entry.id, () => (photo.bubble = photoBubble(photo, this)));
    this.pair.show();
  }

  said(entry) {
    this.settle(entry.id, () => saidBubble(entry.text, this.photos.get(entry.photo), this.photos.get(entry.style)));
  }

  answer(entry) {
    if (entry.job) this.job(entry.job).accept(entry, this.photos.get(entry.photo));
    else if (!entry.quiet) this.add(this.answerWithTiles(entry));
    if (entry.refused) this.jobs.forEach((job) => job.over || job.goOn());
  }

  answerWithTiles(entry) {
    const cards = entry.cards ?? [];
    const photo = this.photos.get(entry.photo);
    const all = cards.length > TILES && h("button", { type: "button", onclick: () => this.pick(photo) }, `See all ${cards.length} in the gallery`);
    return answerBubble(entry, this.tiles(cards.slice(0, TILES), photo), all);
  }

  finished(entry) {
    const job = this.job(entry.job);
    if (job.over) return;
    job.finish(entry, this.photos.get(entry.photo), this.photos.get(entry.style), this.caughtUp);
    if (!this.caughtUp) return;
    announce(`Finished: ${entry.credit}, in ${Math.round(entry.seconds)} seconds`);
    if (document.hidden) document.title = "● Impasto";
  }

  told(entry) {
    const job = this.job(entry.job);
    if (!job.over) job.fail(entry.text, entry.cancelled);
  }

  job(id) {
    if (!this.jobs.has(id)) {
      const job = new JobBubble(id, this, this.line.base);
      this.jobs.set(id, job);
      this.add(job.element);
    }
    return this.jobs.get(id);
  }

  /** The room has a message of ours: its bubble stays where it is, or is made if another page life sent it. */
  settle(id, make) {
    const own = this.own.get(id);
    this.own.delete(id);
    if (own) own.bubble.classList.remove("sending");
    else this.add(make());
  }

  add(bubble) {
    if (this.caughtUp) bubble.classList.add("fresh");
    $("log").append(bubble);
    this.greet();
  }

  state(state, code) {
    const words = { on: "Connected", wait: "Connecting…", off: "Offline, reconnecting…" };
    $("line-state").textContent = words[state];
    $("line-state").dataset.state = state;
    if (code === 4429) this.notice("Too many pages are open in this room. Close some of them.");
    else if (state === "off") this.notice("The studio cannot be reached. I keep trying, and nothing is lost.", "Try now", () => this.line.now());
    else this.notice("");
  }

  notice(text, label, deed) {
    const button = label && h("button", { type: "button", class: "quiet", onclick: deed }, label);
    $("notice").replaceChildren(text, ...(button ? [button] : []));
    $("notice").hidden = !text;
  }

  // --- from the person -----------------------------------------------------------------------------------------------

  get current() {
    return this.pair.of("").photo;
  }

  /** The person wrote a line: it goes out with the pictures that are shown above the text box. */
  write(text) {
    const { photo, style } = this.wantsPhoto(text) ? this.pair.of(text) : {};
    this.say(text, photo, style);
  }

  wantsPhoto(text) {
    return /^\/styli[sz]e\b/i.test(text) || !text.startsWith("/");
  }

  say(text, photo = null, style = null, quiet = false) {
    const id = name();
    if (!quiet) this.mine(id, saidBubble(text, photo, style));
    const body = () => JSON.stringify({ id, text, photo: photo?.blob ?? null, style: style?.blob ?? null, quiet });
    return this.line.send("/say", body, "application/json").catch((error) => this.refuse(id, error.message));
  }

  addFiles(files) {
    const photos = [...files].map((file) => this.send(file)).filter(Boolean);
    const line = $("text").value;
    if (this.wanted && photos.length) return this.paintWanted(photos);
    if (photos.length === 2 && files.length === 2 && (!line.trim() || saysMine(line))) this.match(...photos);
  }

  /** The text box holds another line: what is said above it follows. */
  changed() {
    if (this.wanted?.line !== $("text").value) this.wanted = null;
    $("wanted").hidden = !this.wanted;
    $("wanted").textContent = this.wanted ? `${this.wanted.style.title}: now add your photo.` : "";
    this.pair.show();
  }

  /** Have this photo painted in the style of that picture: all that is left to do is to send the line. */
  match(photo, style) {
    this.pair.set(photo, style);
    if (!saysMine($("text").value)) this.composer.fill("/stylize mine ");
    this.pair.show();
    $("text").focus();
  }

  /** From a photo's bubble: it is the style, of the photo that was replied to or of one that is still to come. */
  asStyle(style) {
    const { photo } = this.pair.of("");
    this.match(photo === style ? null : photo, style);
  }

  /** Send a file; returns the photo that it becomes, or nothing where it cannot be one. */
  send(file) {
    const id = name();
    const called = file.name || "photo";
    const wrong = this.wrongWith(file);
    if (wrong) {
      this.mine(id, saidBubble(called));
      this.refuse(id, wrong);
      return null;
    }
    const photo = { name: called, src: URL.createObjectURL(file), blob: null };
    photo.bubble = photoBubble(photo, this);
    this.mine(id, photo.bubble, photo);
    this.pair.add(photo);
    this.pair.show();
    this.upload(id, photo, file, `/photo?id=${id}&name=${encodeURIComponent(called.slice(0, 80))}`);
    return photo;
  }

  async upload(id, photo, file, path) {
    try {
      photo.blob = (await this.line.send(path, () => file, "application/octet-stream")).photo;
    } catch (error) {
      this.pair.remove(photo);
      this.pair.show();
      this.refuse(id, error.message);
    }
  }

  /** Why the studio would not take a file, as far as that shows from here. */
  wrongWith(file) {
    const limit = this.gallery.max_bytes;
    if (file.type && !file.type.startsWith("image/")) return "This is no picture. Send a JPEG, PNG, WebP, GIF, AVIF or HEIC.";
    if (file.size <= limit) return "";
    return `This photo has ${megabytes(file.size)}, and the limit is ${megabytes(limit)}. Save it smaller and send it again.`;
  }

  mine(id, bubble, photo) {
    bubble.classList.add("sending");
    this.own.set(id, { bubble, photo });
    this.pinned = true;
    this.add(bubble);
    this.toEnd();
  }

  refuse(id, text) {
    const own = this.own.get(id);
    this.own.delete(id);
    if (own) trouble(own.bubble, text);
    else this.add(answerBubble({ text, refused: true }, []));
  }

  reply(photo) {
    this.pair.chosen = photo;
    this.pair.show();
    $("text").focus();
  }

  /** Back from what was chosen: to the newest photo, or to no style picture. */
  reset() {
    if (!saysMine($("text").value)) return this.reply(null);
    this.pair.style = null;
    this.composer.fill("");
    $("text").focus();
  }

  pick(photo) {
    const shown = photo ?? this.current;
    this.menu.open(shown, (line, style) => this.order(line, shown, style));
  }

  /** A style was chosen: paint the photo in it, or ask for the photo first. */
  order(line, photo, style) {
    if (photo && saysMine(line)) return this.askStyle((style) => this.say(line, photo, style));
    if (photo) return this.say(line, photo);
    this.wanted = saysMine(line) ? null : { line, style };
    this.composer.fill(line);
    $("file").click();
  }

  /** The photos that a chosen style has waited for are there. */
  paintWanted(photos) {
    const { line } = this.wanted;
    this.composer.fill("");
    for (const photo of photos) this.say(line, photo);
  }

  /** Ask for a picture to be the style; `then` gets it when it is on its way. */
  askStyle(then) {
    const file = $("style-file");
    file.onchange = () => {
      const style = file.files.length ? this.send(file.files[0]) : null;
      file.value = "";
      if (style) then(style);
    };
    file.click();
  }

  again(line, photo, style) {
    this.pinned = true;
    this.say(line.replace(/ seed=\d+/, ""), photo, style, true);
  }

  /** The same picture by optimisation, which takes longer and shows finer strokes. */
  finer(line, photo, style) {
    this.pinned = true;
    this.say(line.replace(/ mode=\w+/, " mode=fine"), photo, style, true);
  }

  async cancel(job) {
    await this.say(`/cancel ${job.id}`, null, null, true);
  }

  // --- what is around ------------------------------------------------------------------------------------------------

  tiles(cards, photo) {
    const styles = cards.map((card) => this.gallery.styles.find((style) => style.name === card.name)).filter(Boolean);
    return styles.map((style) => tile(style, () => this.order(`/stylize ${style.name}`, photo ?? this.current, style)));
  }

  welcome() {
    const items = this.tiles(this.gallery.styles.slice(0, WELCOME_STYLES), null).map((button) => h("li", {}, button));
    $("welcome-styles").replaceChildren(...items);
    $("welcome-attach").addEventListener("click", () => $("file").click());
  }

  greet() {
    $("welcome").hidden = !this.caughtUp || $("log").childElementCount > 0;
  }

  /** Show the newest bubble: its end, or its beginning where it is taller than the window. */
  toEnd() {
    const scroller = $("scroller");
    const newest = $("log").lastElementChild;
    if (!this.pinned || !newest) return;
    const tall = newest.offsetHeight + 30 > scroller.clientHeight;
    scroller.scrollTop = tall ? newest.offsetTop - scroller.offsetTop - 12 : scroller.scrollHeight;
  }

  listen() {
    const scroller = $("scroller");
    let before = 0;
    scroller.addEventListener("scroll", () => {
      // Only a person scrolls up; that what is below has grown must not count as leaving the end.
      if (scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 90) this.pinned = true;
      else if (scroller.scrollTop < before - 1) this.pinned = false;
      before = scroller.scrollTop;
    });
    const sizes = new ResizeObserver(() => this.toEnd());
    sizes.observe($("log"));
    sizes.observe(scroller);
    $("attach").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", ({ target }) => {
      this.addFiles(target.files);
      target.value = "";
      $("text").focus();
    });
    $("replying-style").addEventListener("click", () => this.pick());
    $("open-gallery").addEventListener("click", () => this.pick());
    $("replying-add").addEventListener("click", () => {
      const { photo } = this.pair.of($("text").value);
      this.askStyle((style) => this.match(photo, style));
    });
    $("replying-reset").addEventListener("click", () => this.reset());
    document.addEventListener("visibilitychange", () => !document.hidden && (document.title = "Impasto"));
    document.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      this.addFiles(event.clipboardData.files);
    });
    this.listenToDrops();
  }

  listenToDrops() {
    let depth = 0; // every element that is entered before the last is left counts
    const show = (change) => {
      depth = Math.max(0, depth + change);
      $("drop").hidden = depth === 0;
    };
    const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
    document.addEventListener("dragenter", (event) => carriesFiles(event) && (event.preventDefault(), show(1)));
    document.addEventListener("dragleave", (event) => carriesFiles(event) && show(-1));
    document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
    document.addEventListener("drop", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      show(-depth);
      this.addFiles(event.dataTransfer.files);
      $("text").focus();
    });
  }
}

function megabytes(bytes) {
  return `${(bytes / 2 ** 20).toPrecision(3).replace(/\.0+$/, "")} MB`;
}

async function load(wait = 500) {
  const answer = await fetch("/gallery.json").catch(() => null);
  if (answer?.status === 401) return location.reload();
  if (answer?.ok) return answer.json();
  $("line-state").dataset.state = "off";
  $("line-state").textContent = "Offline, reconnecting…";
  await new Promise((resolve) => setTimeout(resolve, wait));
  return load(Math.min(wait * 2, 15_000));
}

const WHAT = {
  mode: "how it is painted", strength: "0 is the photo, 100 nearly forgets it", brush: "scale of the strokes, 0.25 to 4",
  colors: "style or photo", alpha: "white, or keep what is transparent",
  size: "long side in pixels", seed: "a number; the same one paints the same picture",
  steps: "of the optimisation", layers: "style layers", content: "content layers", pooling: "avg or max",
  optimizer: "lbfgs or adam", init: "fast, universal, photo or noise", ratio: "the papers’ alpha / beta", encoder: "slim or full",
};

const gallery = await load();
gallery.settings = gallery.settings.map((setting) => ({ name: setting, what: WHAT[setting] ?? "" }));
new Page(gallery, await enter());
