import { h } from "../ui/dom";
import { icon } from "../ui/icons";

const CONFIRMED_MS = 1_600;

/** A button that copies what `text` gives at that moment. */
export function copyButton(label: string, text: () => string | Promise<string>, failed: (error: unknown) => void): HTMLButtonElement {
  const button = h("button", { type: "button", class: "icon-button", title: label, "aria-label": label, onclick: copy }, icon("copy"));
  async function copy(): Promise<void> {
    try {
      await write(await text());
    } catch (error) {
      failed(error);
      return;
    }
    button.replaceChildren(icon("check"));
    button.dataset["done"] = "";
    window.setTimeout(() => {
      button.replaceChildren(icon("copy"));
      delete button.dataset["done"];
    }, CONFIRMED_MS);
  }
  return button;
}

async function write(text: string): Promise<void> {
  // Pages without TLS have no clipboard object; the old way still works there.
  if (window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = h("textarea", { class: "offscreen", "aria-hidden": "true" });
  area.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("The browser didn’t let the page copy. Select the text and copy it by hand.");
}
