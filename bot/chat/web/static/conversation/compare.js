// Photo and painting over each other, with a slider between them: 0 shows the painting, 100 the photo.

import { h, icon, reducedMotion } from "../dom.js";

const SIDES = "M9 7l-5 5 5 5M15 7l5 5-5 5";
const REVEAL = 1300; // ms

/**
 * Add the slider to a canvas that holds both pictures; `reveal` uncovers the painting once. Returns what shows the photo
 * alone for as long as something is held.
 */
export function addSlider(canvas, reveal) {
  canvas.classList.add("compare");
  const left = h("span", { class: "tag left", "aria-hidden": "true" }, "photo");
  const right = h("span", { class: "tag right", "aria-hidden": "true" }, "painting");
  const cutAt = (cut) => {
    canvas.style.setProperty("--cut", `${cut}%`);
    canvas.classList.toggle("whole", cut <= 0 || cut >= 100);
    left.style.opacity = cut > 12 ? 1 : 0;
    right.style.opacity = cut > 0 && cut < 88 ? 1 : 0;
  };
  let touched = false;
  const range = h("input", { type: "range", min: "0", max: "100", value: "0", "aria-label": "Compare: how much of the photo to show", oninput: () => { touched = true; cutAt(range.value); } });
  const knob = h("span", { class: "knob", "aria-hidden": "true" }, icon(SIDES));
  canvas.append(range, h("span", { class: "handle", "aria-hidden": "true" }), knob, left, right);
  cutAt(0);
  if (reveal && !reducedMotion()) animate((cut) => touched || cutAt(cut));
  return (held) => { touched = true; cutAt(held ? 100 : range.value); };
}

function animate(cutAt) {
  const begin = performance.now();
  const step = (now) => {
    const part = Math.min(1, (now - begin) / REVEAL);
    cutAt(100 * (1 - part) ** 3);
    if (part < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}
