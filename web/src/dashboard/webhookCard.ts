import type { Delivery, Webhook, WebhookWishes } from "../api/types";
import * as format from "../format";
import { h, setText } from "../ui/dom";
import { icon, type Icon } from "../ui/icons";
import { askToConfirm } from "./dialog";
import type { App } from "./page";
import { askWebhook } from "./webhookForm";
import { showSecret } from "./webhookSecret";

/** One endpoint: how it is doing, and what can be done with it. */
export class WebhookCard {
  readonly element: HTMLElement;
  private readonly url = h("h2", { class: "webhook-url" });
  private readonly stateText = h("span");
  private readonly state = h("span", { class: "state" }, h("i"), this.stateText);
  private readonly types = h("p", { class: "help" });
  private readonly trouble = h("p", { class: "webhook-trouble" });
  private readonly toggle = this.action("stop", "Disable", () => this.setEnabled());
  private readonly deliveries = h("ol", { class: "events" });
  private lines = new Map<string, HTMLElement>();
  private readonly log: HTMLDetailsElement;
  private webhook: Webhook | null = null;
  private shownAttempts = "";

  constructor(
    private readonly app: App,
    private readonly id: string,
    private readonly changed: () => Promise<void>,
  ) {
    this.log = h("details", { class: "more", ontoggle: () => this.showDeliveries() }, h("summary", {}, "Deliveries"), this.deliveries);
    this.element = h(
      "section",
      { class: "card webhook" },
      h("div", { class: "webhook-head" }, this.url, this.state),
      this.types,
      this.trouble,
      h(
        "div",
        { class: "actions" },
        this.action("play", "Test", () => this.test()),
        this.action("settings", "Change", () => this.change()),
        this.action("rotate", "New secret", () => this.rotate()),
        this.toggle,
        this.action("trash", "Delete", () => this.askRemove()),
      ),
      this.log,
    );
  }

  show(webhook: Webhook): void {
    this.webhook = webhook;
    setText(this.url, webhook.url);
    const { kind, text } = condition(webhook);
    this.state.dataset["kind"] = kind;
    setText(this.stateText, text);
    setText(this.types, webhook.eventTypes === null ? "All events" : webhook.eventTypes.join(", "));
    setText(this.trouble, trouble(webhook));
    this.trouble.hidden = trouble(webhook) === "";
    setText(this.toggle.lastElementChild!, webhook.enabled ? "Disable" : "Enable");
    const attempts = `${webhook.lastEventId} ${webhook.failures}`;
    if (attempts !== this.shownAttempts) void this.showDeliveries();
    this.shownAttempts = attempts;
  }

  private async showDeliveries(): Promise<void> {
    if (!this.log.open) return;
    await this.attempt(async () => {
      const { deliveries } = await this.app.client.deliveries(this.id);
      const none = h("li", {}, h("span", {}, "Nothing was sent yet."));
      // Lines that are there already stay, with what is folded out of them.
      const known = this.lines;
      this.lines = new Map(deliveries.map((delivery) => [lineKey(delivery), known.get(lineKey(delivery)) ?? deliveryLine(delivery)]));
      this.deliveries.replaceChildren(...(deliveries.length > 0 ? this.lines.values() : [none]));
    });
  }

  private test(): Promise<void> {
    return this.attempt(async () => {
      const { delivered, status, error, durationMs } = await this.app.client.testWebhook(this.id);
      if (delivered) this.app.say(`The test event was taken: ${status} after ${format.milliseconds(durationMs)}.`);
      else throw new Error(`The test event was not delivered: ${error}.`);
    });
  }

  private async change(): Promise<void> {
    if (!this.webhook) return;
    const { url, eventTypes } = this.webhook;
    const wishes = await askWebhook({ heading: "Change the webhook", action: "Save", from: { url, eventTypes } });
    if (wishes) await this.save(wishes);
  }

  private setEnabled(): Promise<void> {
    return this.save({ enabled: !this.webhook?.enabled });
  }

  private save(wishes: Partial<WebhookWishes>): Promise<void> {
    return this.attempt(async () => {
      this.show(await this.app.client.changeWebhook(this.id, wishes));
      this.app.say("Saved.");
    });
  }

  private async rotate(): Promise<void> {
    const sure = await askToConfirm({
      title: "Make a new secret?",
      text: "For a day, events are signed with the old one as well, so that your server can change over.",
      action: "New secret",
    });
    if (!sure) return;
    await this.attempt(async () => {
      const { secret } = await this.app.client.rotateSecret(this.id);
      await showSecret(this.app, secret);
    });
  }

  private async askRemove(): Promise<void> {
    const sure = await askToConfirm({
      title: "Delete this webhook?",
      text: "Its server is told nothing any more, not even what has happened already.",
      action: "Delete webhook",
      danger: true,
    });
    if (!sure) return;
    await this.attempt(async () => {
      await this.app.client.removeWebhook(this.id);
      await this.changed();
      this.app.say("The webhook is deleted.");
    });
  }

  private async attempt(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.app.failed(error);
    }
  }

  private action(name: Icon, label: string, run: () => Promise<void>): HTMLButtonElement {
    return h("button", { type: "button", "data-action": name, onclick: () => void run() }, icon(name), h("span", {}, label));
  }
}

/** How an endpoint is doing, as the states of streams are shown. */
export function condition({ enabled, failures }: Webhook): { kind: string; text: string } {
  if (!enabled) return { kind: "off", text: "Disabled" };
  return failures > 0 ? { kind: "failed", text: "Failing" } : { kind: "waiting", text: "Enabled" };
}

function trouble({ enabled, disabledReason, failures, failingSince, nextAttemptAt }: Webhook): string {
  if (!enabled) return `Disabled: ${disabledReason ?? "for no known reason"}. Enabled again, it is told what it has missed.`;
  if (failures === 0) return "";
  const times = failures === 1 ? "once" : `${format.count(failures)} times`;
  return `Failed ${times} since ${format.dateTime(failingSince)}; tried again at ${format.dateTime(nextAttemptAt)}. What comes after waits.`;
}

function lineKey({ eventId, at }: Delivery): string {
  return `${eventId} ${at}`;
}

function deliveryLine({ at, eventId, eventType, status, error, durationMs, answer }: Delivery): HTMLElement {
  const outcome = error ?? `${status} after ${format.milliseconds(durationMs)}`;
  return h(
    "li",
    { "data-kind": error ? "bad" : "info" },
    h("time", { datetime: at, title: format.dateTime(at) }, format.moment(Date.parse(at), Date.now())),
    h(
      "div",
      {},
      h("span", {}, `${eventId} ${eventType}: ${outcome}`),
      answer ? h("details", {}, h("summary", {}, "Its answer"), h("pre", { tabindex: 0 }, answer)) : null,
    ),
  );
}
