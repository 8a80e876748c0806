import { h } from "../ui/dom";
import { showDialog } from "./dialog";
import { Field } from "./field";
import type { App } from "./page";

/** Shows a secret, which the server tells once. */
export async function showSecret(app: App, secret: string): Promise<void> {
  const field = new Field("Secret", (error) => app.failed(error));
  field.text = secret;
  await showDialog((close) => [
    h("h2", {}, "The webhook’s secret"),
    h("p", {}, "Your server checks signatures with it. Copy it now: it isn’t shown again."),
    field.element,
    h("div", { class: "dialog-actions" }, h("button", { type: "button", class: "primary", onclick: () => close(true) }, "Done")),
  ]);
}
