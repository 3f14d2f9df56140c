// The room: this tab's name for it, the connection to the server, and the requests still to be sent.

const KEY = "impasto-room";
const RETRY = 2_000; // ms until what could not be sent is tried again, though the connection seems to be up
const UNREADABLE = "This file cannot be read here. Choose it again; of a folder, choose the pictures in it.";
const SILENCE = 50_000; // ms without a message, after which the connection counts as lost; the server sends one every 20 s
const TOO_MANY = 4429; // close code: too many pages are open in this room
const RESTART = 1001; // close code: the bot is being restarted

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
    const listen = ({ data }) => data.taken === room && settle(true);
    const timer = setTimeout(() => settle(false), 120);
    const settle = (answer) => {
      clearTimeout(timer);
      channel.removeEventListener("message", listen);
      resolve(answer);
    };
    channel.addEventListener("message", listen);
    channel.postMessage({ claim: room });
  });
}

/** What the server refused, in its words; `Error`s of other kinds mean that it could not be reached. */
export class Refused extends Error {}

/**
 * The connection to one room. It is restored when it is lost, and asks for what was missed by the number of the last
 * entry. Calls receive(event) for every event, and changed("on" | "wait" | "off", tooMany) when it comes and goes.
 */
export class Connection {
  constructor(room, receive, changed) {
    this.base = `/r/${room}`;
    this.receive = receive;
    this.changed = changed;
    this.last = 0;
    this.failures = 0;
    this.outbox = [];
    this.sending = false;
    addEventListener("online", () => this.retryNow());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.retryNow());
    this.open();
  }

  open() {
    clearTimeout(this.reopening);
    const url = `${location.origin.replace(/^http/, "ws")}${this.base}/events?after=${this.last}`;
    const socket = new WebSocket(url);
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      if (socket !== this.socket) return;
      this.watch();
      const event = JSON.parse(data);
      if (event.now) {
        this.failures = 0;
        this.changed("on");
        this.sendAll();
      }
      if (event.seq) {
        if (event.seq <= this.last) return;
        this.last = event.seq;
      }
      this.receive(event);
    };
    socket.onclose = ({ code }) => socket === this.socket && this.lost(code);
    this.watch();
  }

  /** Count the connection as lost when nothing comes for too long. */
  watch() {
    clearTimeout(this.watching);
    this.watching = setTimeout(() => {
      this.socket.close();
      this.lost();
    }, SILENCE);
  }

  async lost(code) {
    clearTimeout(this.watching);
    this.socket = null;
    this.failures += 1;
    this.changed(this.failures > 1 || code !== RESTART ? "off" : "wait", code === TOO_MANY);
    const wait = code === TOO_MANY ? 60_000 : Math.min(15_000, 400 * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.reopening = setTimeout(() => this.open(), wait);
    if (this.failures === 2) this.checkSignIn();
  }

  /** A refused handshake says nothing of its reason; so ask whether the server wants us to sign in again. */
  async checkSignIn() {
    const answer = await fetch("/gallery.json").catch(() => null);
    if (answer?.status === 401) location.reload();
  }

  retryNow() {
    if (!this.socket) this.open();
  }

  /** Send in order; what cannot be sent now waits until it can. Resolves with the answer. */
  send(path, make, type) {
    return new Promise((resolve, reject) => {
      this.outbox.push({ path, make, type, resolve, reject });
      this.sendAll();
    });
  }

  sendJson(path, make) {
    return this.send(path, () => JSON.stringify(make()), "application/json");
  }

  async sendAll() {
    if (this.sending) return;
    this.sending = true;
    try {
      while (this.outbox.length) {
        const { path, make, type, resolve, reject } = this.outbox[0];
        try {
          resolve(await this.post(path, make(), type));
        } catch (error) {
          if (!(error instanceof Refused)) {
            // Not connected: the next "now" from the server sends again, and so does this, if only the request was lost.
            clearTimeout(this.retrying);
            this.retrying = setTimeout(() => this.sendAll(), RETRY);
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
    // A folder, or a deleted file, would look like a lost connection, and hold up all that comes after it.
    if (body instanceof Blob) await body.slice(0, 1).arrayBuffer().catch(() => { throw new Refused(UNREADABLE); });
    const answer = await fetch(this.base + path, { method: "POST", body, headers: { "Content-Type": type } });
    if (answer.status === 401) location.reload();
    const content = await answer.json().catch(() => null);
    if (answer.status >= 502 || (answer.ok && content === null)) throw new Error("not connected");
    if (!answer.ok) throw new Refused(content?.error ?? "This could not be sent. Please try again.");
    return content;
  }
}
