import { announce, reachable } from "../ui/announce";
import { h } from "../ui/dom";
import { icon } from "../ui/icons";

const CONFIRMED_MS = 1_600;

/** A button that copies what `text` gives at that moment. */
export function copyButton(label: string, text: () => string | Promise<string>, failed: (error: unknown) => void): HTMLButtonElement {
  const button = h("button", { type: "button", class: "icon-button", title: label, "aria-label": label, onclick: copy }, icon("copy"));
  async function copy(): Promise<void> {
    try {
      await write(text());
    } catch (error) {
      failed(error);
      return;
    }
    announce("Copied");
    button.replaceChildren(icon("check"));
    button.dataset["done"] = "";
    window.setTimeout(() => {
      button.replaceChildren(icon("copy"));
      delete button.dataset["done"];
    }, CONFIRMED_MS);
  }
  return button;
}

async function write(text: string | Promise<string>): Promise<void> {
  // Pages without TLS have no clipboard object.
  if (!window.isSecureContext) return select(await text);
  if (typeof text === "string" || !("ClipboardItem" in window)) return navigator.clipboard.writeText(await text);
  // Some browsers take nothing but at the press itself: what is yet to be asked for is promised to them.
  const promised = text.then((known) => new Blob([known], { type: "text/plain" }));
  try {
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": promised })]);
  } catch (error) {
    // Where the text didn't come, why it didn't says more.
    await text;
    throw error;
  }
}

/** The old way to copy. */
function select(text: string): void {
  const area = h("textarea", { class: "offscreen", "aria-hidden": "true" });
  area.value = text;
  const focused = document.activeElement;
  reachable().append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  if (!copied) throw new Error("The browser didn’t let the page copy. Select the text and copy it by hand.");
}
