// What the person sends: shown at once, and marked as sent when the room has it.

import { setBusy } from "../conversation/actions.js";
import { answerBubble, markFailed, messageBubble, photoBubble } from "../conversation/bubbles.js";
import { name } from "../room.js";

export class Outgoing {
  /** `page` shows bubbles with add(bubble) and showOwn(bubble). */
  constructor(connection, page, { max_bytes, not_a_photo }) {
    this.connection = connection;
    this.page = page;
    this.maxBytes = max_bytes;
    this.notAPhoto = not_a_photo;
    this.forget();
  }

  forget() {
    this.pending = new Map(); // bubbles by the message's id, until the room has the message
    this.pressed = new Map(); // buttons by the press's id, until it is answered
  }

  message(text, photo = null, style = null) {
    const id = name();
    this.show(id, messageBubble(text, photo, style));
    this.sendLine(id, text, photo, style, false);
  }

  /** A line that a control of the page sends: it is not shown. */
  command(text, photo = null) {
    this.sendLine(name(), text, photo, null, true);
  }

  /** The same, and if it is refused, that is not shown either; returns its id. */
  silently(text, photo = null) {
    const id = name();
    const body = () => ({ id, text, photo: photo?.blob ?? null, quiet: true, silent: true });
    this.connection.sendJson("/say", body).catch(() => this.page.addAnswer({ to: id, quiet: true }));
    return id;
  }

  sendLine(id, text, photo, style, quiet) {
    const body = () => ({ id, text, photo: photo?.blob ?? null, style: style?.blob ?? null, quiet });
    this.connection.sendJson("/say", body).catch((error) => this.fail(id, error.message));
  }

  press(data, button) {
    const id = name();
    this.pressed.set(id, button);
    setBusy(button, true);
    this.connection.sendJson("/press", () => ({ id, data })).catch((error) => {
      this.answered(id);
      this.fail(id, error.message);
    });
  }

  /** A button's press has its answer. */
  answered(id) {
    const button = this.pressed.get(id);
    this.pressed.delete(id);
    if (button) setBusy(button, false);
  }

  /** Send a file; returns the photo that it becomes, or nothing where it cannot be one. `failed(photo)` if it is refused. */
  photo(file, failed) {
    const id = name();
    const called = file.name || "photo";
    const reason = this.whyNot(file);
    if (reason) {
      this.show(id, messageBubble(called));
      this.fail(id, reason);
      return null;
    }
    const photo = { name: called, src: URL.createObjectURL(file), blob: null };
    photo.bubble = photoBubble(photo, this.page.orders);
    this.show(id, photo.bubble, photo);
    const path = `/photo?id=${id}&name=${encodeURIComponent(called.slice(0, 80))}`;
    this.connection.send(path, () => file, "application/octet-stream").then(
      (answer) => (photo.blob = answer.photo),
      (error) => {
        failed(photo);
        this.fail(id, error.message);
      },
    );
    return photo;
  }

  /** Why the server would not take a file, as far as that shows from here. */
  whyNot(file) {
    const drawing = file.type.startsWith("image/svg");
    if (file.type && (drawing || !["image", "video"].includes(file.type.split("/")[0]))) return this.notAPhoto;
    if (file.size <= this.maxBytes) return "";
    return `This photo has ${megabytes(file.size)}, and ${megabytes(this.maxBytes)} is the limit. Send a smaller copy.`;
  }

  show(id, bubble, photo) {
    bubble.classList.add("sending");
    this.pending.set(id, { bubble, photo });
    this.page.showOwn(bubble);
  }

  /** The photo that was sent with this id, while the room does not have it. */
  photoOf(id) {
    return this.pending.get(id)?.photo;
  }

  /** The room has a message: its bubble stays where it is, or is made if it was sent before this page was loaded. */
  arrived(id, make) {
    const own = this.pending.get(id);
    this.pending.delete(id);
    if (own) own.bubble.classList.remove("sending");
    else this.page.add(make());
  }

  fail(id, text) {
    const own = this.pending.get(id);
    this.pending.delete(id);
    if (own) markFailed(own.bubble, text);
    else this.page.add(answerBubble({ text, refused: true }));
  }
}

function megabytes(bytes) {
  return `${(bytes / 2 ** 20).toPrecision(3).replace(/\.0+$/, "")} MB`;
}
