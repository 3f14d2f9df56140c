// The room: this tab's name for it, the line to the studio, and the messages still to be sent.

const KEY = "impasto-room";
const RETRY = 2_000; // ms until what could not be sent is tried again, though the line seems to be up
const UNREADABLE = "This file cannot be read here. Choose it again; of a folder, choose the pictures in it.";
const SILENCE = 50_000; // ms without a sign of life, after which the line counts as dead; the studio beats every 20 s

/** An unguessable name. crypto.randomUUID would need https. */
export function name() {
  return Array.from(crypto.getRandomValues(new Uint8Array(18)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** This tab's room: kept over a reload, new for a new tab, and new for the copy when a tab is duplicated. */
export async function enter() {
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(KEY) : null;
  let room = sessionStorage.getItem(KEY);
  if (room && channel && (await taken(room, channel))) room = null;
  if (!room) {
    room = name();
    sessionStorage.setItem(KEY, room);
  }
  channel?.addEventListener("message", ({ data }) => {
    if (data.claim === room) channel.postMessage({ taken: room });
  });
  return room;
}

function taken(room, channel) {
  return new Promise((resolve) => {
    const hear = ({ data }) => data.taken === room && settle(true);
    const timer = setTimeout(() => settle(false), 120);
    const settle = (answer) => {
      clearTimeout(timer);
      channel.removeEventListener("message", hear);
      resolve(answer);
    };
    channel.addEventListener("message", hear);
    channel.postMessage({ claim: room });
  });
}

/** What the studio refused, in its words; `Error`s of other kinds mean that it could not be reached. */
export class Refused extends Error {}

/**
 * The line to one room. It mends itself, and asks for what was missed by the number of the last entry.
 * Calls hear(message) for every message, and state("on" | "wait" | "off") when the line changes.
 */
export class Line {
  constructor(room, hear, state) {
    this.base = `/r/${room}`;
    this.hear = hear;
    this.state = state;
    this.last = 0;
    this.failures = 0;
    this.outbox = [];
    this.sending = false;
    addEventListener("online", () => this.now());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.now());
    this.open();
  }

  open() {
    clearTimeout(this.again);
    const url = `${location.origin.replace(/^http/, "ws")}${this.base}/events?after=${this.last}`;
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      this.alive();
      const message = JSON.parse(data);
      if (message.now) {
        this.failures = 0;
        this.state("on");
        this.pump();
      }
      if (message.seq) {
        if (message.seq <= this.last) return;
        this.last = message.seq;
      }
      this.hear(message);
    };
    socket.onclose = ({ code }) => socket === this.socket && this.lost(code);
    this.alive();
  }

  alive() {
    clearTimeout(this.watch);
    this.watch = setTimeout(() => {
      this.socket.close();
      this.lost();
    }, SILENCE);
  }

  async lost(code) {
    clearTimeout(this.watch);
    this.socket = null;
    this.failures += 1;
    this.state(this.failures > 1 || code !== 1001 ? "off" : "wait", code);
    const wait = code === 4429 ? 60_000 : Math.min(15_000, 400 * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.again = setTimeout(() => this.open(), wait);
    if (this.failures === 2) this.checkDoor();
  }

  /** A refused handshake tells nothing; so look whether the studio wants us to sign in again. */
  async checkDoor() {
    const answer = await fetch("/gallery.json").catch(() => null);
    if (answer?.status === 401) location.reload();
  }

  now() {
    if (!this.socket) this.open();
  }

  /** Send in order; what the studio cannot take now waits until it can. Resolves when it has it. */
  send(path, make, type) {
    return new Promise((resolve, reject) => {
      this.outbox.push({ path, make, type, resolve, reject });
      this.pump();
    });
  }

  async pump() {
    if (this.sending) return;
    this.sending = true;
    try {
      while (this.outbox.length) {
        const { path, make, type, resolve, reject } = this.outbox[0];
        try {
          resolve(await this.post(path, make(), type));
        } catch (error) {
          if (!(error instanceof Refused)) {
            // No line: the next "now" from the studio pumps again, and so does this, if only the request was lost.
            clearTimeout(this.retry);
            this.retry = setTimeout(() => this.pump(), RETRY);
            break;
          }
          reject(error);
        }
        this.outbox.shift();
        await null; // the next may be made of what this one's sender has just learnt: a photo's name
      }
    } finally {
      this.sending = false;
    }
  }

  async post(path, body, type) {
    // A folder, or a file that is gone by now, would look like a lost line, and hold up all that comes after it.
    if (body instanceof Blob) await body.slice(0, 1).arrayBuffer().catch(() => { throw new Refused(UNREADABLE); });
    const answer = await fetch(this.base + path, { method: "POST", body, headers: { "Content-Type": type } });
    if (answer.status === 401) location.reload();
    const said = await answer.json().catch(() => null);
    if (answer.status >= 502 || (answer.ok && said === null)) throw new Error("no line");
    if (!answer.ok) throw new Refused(said?.error ?? "The studio could not take this. Please try again.");
    return said;
  }
}
