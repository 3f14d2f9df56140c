// The conversation stays at its end while it grows, unless the person has scrolled up.

import { $ } from "../dom.js";

const NEAR = 90; // pixels from the end that count as the end

export class Scroller {
  constructor() {
    this.box = $("scroller");
    this.pinned = true;
    let before = 0;
    this.box.addEventListener("scroll", () => {
      // Only a person scrolls up; that what is below has grown must not count as leaving the end.
      if (this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR) this.pinned = true;
      else if (this.box.scrollTop < before - 1) this.pinned = false;
      before = this.box.scrollTop;
    });
    const sizes = new ResizeObserver(() => this.toEnd());
    sizes.observe($("log"));
    sizes.observe(this.box);
  }

  /** Show the newest bubble: its end, or its beginning where it is taller than the window. */
  toEnd() {
    const newest = $("log").lastElementChild;
    if (!this.pinned || !newest) return;
    const isTall = newest.offsetHeight + 30 > this.box.clientHeight;
    this.box.scrollTop = isTall ? newest.offsetTop - this.box.offsetTop - 12 : this.box.scrollHeight;
  }
}
