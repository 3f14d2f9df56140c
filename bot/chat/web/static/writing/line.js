// A line as the person writes it, as far as the page must read it: whether it brings pictures along, and which.
// What it asks for is the server's business.

const MINE = "mine";

export const words = (text) => text.split(/\s+/).filter(Boolean);

/** As words are compared: lower case, without accents. */
export function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** As the names of styles are compared. */
export const key = (name) => fold(name).replaceAll("-", "").replaceAll("_", "");

/** "/stylize"; empty where the line has no command. */
export function commandOf(line) {
  const [first = ""] = words(line);
  return first.startsWith("/") ? first.toLowerCase() : "";
}

/** The words that name styles, put together. */
export function stylesOf(line) {
  return words(line).slice(commandOf(line) ? 1 : 0).filter((word) => !word.includes("=")).join("");
}

/** Whether a line names the person's own picture as a style, alone or in a mix. */
export function namesMine(line) {
  return stylesOf(line).split("+").some((part) => key(part.split(":")[0]) === MINE);
}
