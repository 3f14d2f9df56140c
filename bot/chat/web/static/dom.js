// Making elements. Text is only ever set as text, so nothing that a person writes becomes markup.

export const $ = (id) => document.getElementById(id);

/** An element: h("button", { class: "quiet", type: "button", onclick }, "Reply"). */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A small line drawing out of path data. */
export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A clip that plays by itself, without its sound, where the person does not mind motion. */
export function video(src, label, kind = "") {
  const clip = h("video", { class: kind, "aria-label": label, src, autoplay: !reducedMotion(), loop: true, playsinline: true, controls: true });
  clip.muted = true;
  return clip;
}

/** Copy text, also where the page has no permission for the clipboard (plain http, an old browser). */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { class: "visually-hidden", readonly: true, "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    const back = document.activeElement;
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    back?.focus();
    return done;
  }
}

/** Say something to screen readers only. */
export function announce(text) {
  $("announcer").textContent = text;
}
