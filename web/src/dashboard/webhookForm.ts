import { EVENT_TYPES, type EventType, type WebhookWishes } from "../api/types";
import { h } from "../ui/dom";
import { showDialog } from "./dialog";

interface Question {
  heading: string;
  action: string;
  from: WebhookWishes;
}

/** Asks where events are sent, and which; null when it was cancelled. */
export async function askWebhook({ heading, action, from }: Question): Promise<WebhookWishes | null> {
  const url = h("input", { id: "url", type: "url", required: true, maxlength: 2048, autocomplete: "off", spellcheck: "false", placeholder: "https://app.example/weir-events", value: from.url, autofocus: true });
  const boxes = EVENT_TYPES.map((type) => h("input", { type: "checkbox", value: type, checked: from.eventTypes === null || from.eventTypes.includes(type) }));
  // A webhook of no events is none.
  const check = (): void => boxes[0]!.setCustomValidity(boxes.some(({ checked }) => checked) ? "" : "Choose one at least.");
  const agreed = await showDialog((close) => [
    h(
      "form",
      {
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          close(true);
        },
        onchange: check,
      },
      h("h2", {}, heading),
      h("div", { class: "labelled" }, h("label", { for: "url" }, "URL"), url, h("p", { class: "help" }, "Events are sent there by POST, signed as Standard Webhooks has it.")),
      h("fieldset", { class: "choices" }, h("legend", {}, "Events"), ...boxes.map((box) => h("label", { class: "check" }, box, box.value))),
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { type: "button", onclick: () => close(false) }, "Cancel"),
        h("button", { type: "submit", class: "primary" }, action),
      ),
    ),
  ]);
  if (!agreed) return null;
  const chosen = boxes.filter(({ checked }) => checked).map(({ value }) => value as EventType);
  // All means those that are yet to come, too.
  return { url: url.value.trim(), eventTypes: chosen.length === boxes.length ? null : chosen };
}
