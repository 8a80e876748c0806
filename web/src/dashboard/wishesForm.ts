import type { StreamOptions, Wishes } from "../api/types";
import { h } from "../ui/dom";
import { showDialog } from "./dialog";

/** Bounds of the server. */
const MAX_RECONNECT_WINDOW_S = 1800;
const MAX_RETENTION_DAYS = 36_500;
const MAX_DVR_WINDOW_S = 604_800;

interface Question {
  heading: string;
  action: string;
  /** Said below the fields. */
  note?: string;
  from: Wishes;
}

/** Asks what a stream is to be; null when it was cancelled. */
export async function askWishes({ heading, action, note, from }: Question): Promise<Wishes | null> {
  const title = h("input", { id: "title", maxlength: 200, autocomplete: "off", placeholder: "Evening lecture", value: from.title, autofocus: true });
  const latency = select("latency", [["low", "Low: under a second behind"], ["standard", "Standard: some seconds, for weak networks"]], from.latencyMode);
  const record = h("input", { id: "record", type: "checkbox", checked: from.record, onchange: () => showRecording() });
  const retention = numeric("retention", from.retentionDays, 0, MAX_RETENTION_DAYS, "for ever");
  const dvr = numeric("dvr", from.dvrWindow, 1, MAX_DVR_WINDOW_S, "to the beginning");
  const convert = h("input", { id: "convert", type: "checkbox", checked: from.convertToVod });
  const reconnect = numeric("reconnect", from.reconnectWindow, 0, MAX_RECONNECT_WINDOW_S);
  reconnect.required = true;
  const second = select("second", [["takeover", "Takes over from one that is silent"], ["reject", "Is refused"]], from.secondPublisher);
  const recording = h(
    "div",
    { class: "stack" },
    h("div", { class: "pair" }, labelled("Keep for (days)", retention), labelled("Rewind (seconds)", dvr)),
    h("label", { class: "check" }, convert, "Queue a transcode job for each"),
  );
  const showRecording = (): void => {
    recording.hidden = !record.checked;
    if (record.checked) return;
    // What is wrong in a field that isn't shown would forbid to submit, and couldn't be pointed at.
    for (const input of [retention, dvr]) if (!input.validity.valid) input.value = input.defaultValue;
  };
  showRecording();

  const dropout = h(
    "details",
    { class: "more" },
    h("summary", {}, "When the encoder drops out"),
    labelled("Wait for it (seconds)", reconnect, "Viewers wait meanwhile; after that the broadcast ends."),
    labelled("A second encoder with the same key", second),
  );
  // What is wrong can't be shown while it is folded away.
  reconnect.addEventListener("invalid", () => (dropout.open = true));

  const agreed = await showDialog((close) => [
    h(
      "form",
      {
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          close(true);
        },
      },
      h("h2", {}, heading),
      labelled("Title", title, "For you and your colleagues; viewers don’t see it."),
      labelled("Latency", latency),
      h("label", { class: "check" }, record, "Record broadcasts"),
      recording,
      dropout,
      note ? h("p", { class: "help" }, note) : null,
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { type: "button", onclick: () => close(false) }, "Cancel"),
        h("button", { type: "submit", class: "primary" }, action),
      ),
    ),
  ]);
  if (!agreed) return null;
  return {
    title: title.value.trim(),
    record: record.checked,
    reconnectWindow: number(reconnect) ?? from.reconnectWindow,
    secondPublisher: second.value as StreamOptions["secondPublisher"],
    latencyMode: latency.value as StreamOptions["latencyMode"],
    retentionDays: number(retention),
    dvrWindow: number(dvr),
    convertToVod: convert.checked,
  };
}

function numeric(id: string, value: number | null, min: number, max: number, empty = ""): HTMLInputElement {
  return h("input", { id, type: "number", inputmode: "numeric", min, max, step: 1, placeholder: empty, value: value ?? "" });
}

function number(input: HTMLInputElement): number | null {
  return input.value === "" ? null : input.valueAsNumber;
}

function select(id: string, choices: [value: string, text: string][], chosen: string): HTMLSelectElement {
  return h("select", { id }, ...choices.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
}

function labelled(text: string, control: HTMLElement, help?: string): HTMLElement {
  const hint = help ? h("p", { class: "help", id: `${control.id}-help` }, help) : null;
  if (hint) control.setAttribute("aria-describedby", hint.id);
  return h("div", { class: "labelled" }, h("label", { for: control.id }, text), control, hint);
}
