import { h, setText } from "../ui/dom";
import { icon } from "../ui/icons";
import { waves } from "../ui/waves";
import type { PlayerView } from "./player";

const TEXTS: Record<Exclude<PlayerView["phase"], "live" | "replay">, [headline: string, detail: string]> = {
  connecting: ["Connecting", ""],
  offline: ["No connection", "The server does not answer. Trying again…"],
  noStream: ["No such stream", "Check the address, or ask whoever sent it to you."],
  notStarted: ["Not started yet", "The picture appears here by itself when the stream begins."],
  starting: ["Starting", "The first picture is on its way."],
  full: ["No room for more viewers", "As many watch as the server lets in. Trying again every half minute."],
  reconnecting: ["Reconnecting", "The broadcaster’s connection broke. Playback goes on when it is back."],
  ended: ["The stream has ended", "If it begins again, it plays here by itself."],
  failed: ["The stream broke off", "If it begins again, it plays here by itself."],
};

/** What is shown, and said to screen readers, while there is no moving picture. */
export class Screen {
  readonly element: HTMLElement;
  private readonly headline = h("p", { class: "screen-headline" });
  private readonly detail = h("p", { class: "screen-detail" });
  private readonly spoken = h("p", { class: "spoken", role: "status", "aria-live": "polite" });
  private readonly again: HTMLButtonElement;

  constructor(watchAgain: () => void) {
    this.again = h("button", { type: "button", class: "again", hidden: true, onclick: watchAgain }, icon("rotate"), "Watch again");
    this.element = h(
      "div",
      { class: "screen" },
      waves(),
      h(
        "div",
        { class: "screen-text" },
        h("div", { "aria-hidden": "true" }, this.headline, this.detail),
        this.again,
      ),
      h("div", { class: "spinner", "aria-hidden": "true" }),
      this.spoken,
    );
  }

  show({ phase, waiting, paused, again }: PlayerView): void {
    this.again.hidden = !again;
    const moving = (phase === "live" || phase === "reconnecting") && !waiting;
    // Nothing starts in a pause: then there is the large button alone.
    const isPausedStart = phase === "starting" && paused;
    // A publisher's absence shows only once what was buffered has been played.
    const isPicture = phase === "live" || phase === "replay" || (phase === "reconnecting" && moving);
    const message = isPicture || isPausedStart ? null : TEXTS[phase];
    this.element.dataset["kind"] = message ? "message" : waiting ? "waiting" : "none";
    setText(this.headline, message?.[0] ?? "");
    setText(this.detail, message?.[1] ?? "");
    setText(this.spoken, isPausedStart ? "Press play to watch." : spoken(phase));
  }
}

function spoken(phase: PlayerView["phase"]): string {
  if (phase === "live") return "Live";
  return phase === "replay" ? "Recording" : TEXTS[phase].join(". ");
}
