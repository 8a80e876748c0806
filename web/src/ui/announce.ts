import { h } from "./dom";

/** Screen readers speak only of what changes in a region that they know already. */
const KNOWN_AFTER_MS = 100;
let region: HTMLElement | undefined;

/** Where something can be put that is to be reached now: nothing outside of an open dialog is. */
export function reachable(): Element {
  return document.querySelector("dialog[open]") ?? document.body;
}

/** Tells those who hear the page what others see. */
export function announce(message: string): void {
  const said = (region ??= h("p", { class: "offscreen", role: "status" }));
  said.textContent = "";
  const place = reachable();
  if (said.parentElement !== place) place.append(said);
  window.setTimeout(() => (said.textContent = message), KNOWN_AFTER_MS);
}
