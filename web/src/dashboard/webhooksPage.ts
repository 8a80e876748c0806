import type { Webhook } from "../api/types";
import { h, setText } from "../ui/dom";
import { icon } from "../ui/icons";
import type { App, Page } from "./page";
import { Poll } from "./poll";
import { WebhookCard } from "./webhookCard";
import { askWebhook } from "./webhookForm";
import { showSecret } from "./webhookSecret";

const POLL_MS = 2_000;

/** The servers that are told of events. */
export class WebhooksPage implements Page {
  readonly element: HTMLElement;
  private readonly summary = h("p", { class: "summary" }, "Loading…");
  private readonly list = h("div", { class: "webhooks" });
  private readonly known = new Map<string, WebhookCard>();
  private readonly empty: HTMLElement;
  private readonly poll: Poll;

  constructor(private readonly app: App) {
    document.title = "Webhooks · Weir";
    this.empty = h("div", { class: "empty" }, h("h2", {}, "No webhooks yet"), h("p", {}, "Add the URL of a server of yours: it is told, in signed requests, when streams go live, end or fail."), this.addButton());
    this.element = h(
      "section",
      { class: "list" },
      h("a", { class: "back", href: "#/" }, icon("back"), "Streams"),
      h("div", { class: "list-head" }, h("div", {}, h("h1", {}, "Webhooks"), this.summary), this.addButton()),
      this.list,
    );
    this.poll = new Poll(POLL_MS, (signal) => this.refresh(signal), (error) => app.missed(error));
  }

  leave(): void {
    this.poll.stop();
  }

  private async refresh(signal: AbortSignal): Promise<void> {
    const { webhooks } = await this.app.client.webhooks(signal);
    this.app.answered();
    this.show(webhooks);
  }

  private show(webhooks: Webhook[]): void {
    const off = webhooks.filter(({ enabled }) => !enabled).length;
    setText(this.summary, webhooks.length === 0 ? "Nobody is told of events." : `${webhooks.length - off} told of events${off > 0 ? `, ${off} disabled` : ""}`);
    for (const id of this.known.keys()) {
      if (!webhooks.some(({ webhookId }) => webhookId === id)) this.known.delete(id);
    }
    const elements = webhooks.map((webhook) => {
      const card = this.known.get(webhook.webhookId) ?? new WebhookCard(this.app, webhook.webhookId, () => this.poll.now());
      this.known.set(webhook.webhookId, card);
      card.show(webhook);
      return card.element;
    });
    if (elements.length === 0) elements.push(this.empty);
    const { children } = this.list;
    if (children.length !== elements.length || elements.some((element, i) => children[i] !== element)) this.list.replaceChildren(...elements);
  }

  private addButton(): HTMLElement {
    return h("button", { type: "button", class: "primary", onclick: () => this.add() }, icon("plus"), "New webhook");
  }

  private async add(): Promise<void> {
    const wishes = await askWebhook({ heading: "New webhook", action: "Create webhook", from: { url: "", eventTypes: null } });
    if (wishes === null) return;
    try {
      const { secret } = await this.app.client.createWebhook(wishes);
      void this.poll.now();
      await showSecret(this.app, secret);
    } catch (error) {
      this.app.failed(error);
    }
  }
}
