// Files that are dropped or pasted anywhere on the page.

import { $ } from "../dom.js";

/** Call take(files) with them. */
export function takeDrops(take) {
  let depth = 0; // every element that is entered before the last is left counts
  const change = (by) => {
    depth = Math.max(0, depth + by);
    $("drop").hidden = depth === 0;
  };
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => carriesFiles(event) && (event.preventDefault(), change(1)));
  document.addEventListener("dragleave", (event) => carriesFiles(event) && change(-1));
  document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    change(-depth);
    take(event.dataTransfer.files);
    $("text").focus();
  });
  document.addEventListener("paste", (event) => {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  });
}
