import type { StreamStatus, Wishes } from "../api/types";
import * as format from "../format";
import { h } from "../ui/dom";
import { icon } from "../ui/icons";
import { Facts } from "./facts";
import type { App } from "./page";
import { askWishes } from "./wishesForm";

/** What is chosen for the stream, and the way to change it. */
export class OptionsCard {
  readonly element: HTMLElement;
  private readonly facts = new Facts("Options");
  private status: StreamStatus | null = null;

  constructor(
    private readonly app: App,
    private readonly changed: (status: StreamStatus) => void,
  ) {
    const change = h("button", { type: "button", class: "quiet", onclick: () => this.change() }, icon("settings"), "Change");
    this.element = h("div", { class: "options" }, change, this.facts.element);
  }

  show(status: StreamStatus): void {
    this.status = status;
    this.facts.show([
      ["Latency", status.latencyMode === "low" ? "low" : "standard"],
      ["Recording", status.record ? kept(status) : "off"],
      ["Viewers may go back", status.record ? (status.dvrWindow === null ? "to the beginning" : format.duration(status.dvrWindow)) : format.NONE],
      ["Transcode job", status.record ? (status.convertToVod ? "for each recording" : "on request") : format.NONE],
      ["Wait for the encoder", format.duration(status.reconnectWindow)],
      ["Second encoder", status.secondPublisher === "reject" ? "refused" : "takes over"],
    ]);
  }

  private async change(): Promise<void> {
    const { status } = this;
    if (!status) return;
    const { title, record, reconnectWindow, secondPublisher, latencyMode, retentionDays, dvrWindow, convertToVod } = status;
    const from: Wishes = { title: title ?? "", record, reconnectWindow, secondPublisher, latencyMode, retentionDays, dvrWindow, convertToVod };
    const note = status.status === "LIVE" ? "The broadcast on air goes on as it began; the next one has the new options." : undefined;
    const wishes = await askWishes({ heading: "Change the stream", action: "Save", from, ...(note && { note }) });
    if (wishes === null) return;
    try {
      this.changed(await this.app.client.change(status.videoId, wishes));
      this.app.say("Saved.");
    } catch (error) {
      this.app.failed(error);
    }
  }
}

function kept({ retentionDays }: StreamStatus): string {
  if (retentionDays === null) return "on, kept for ever";
  return retentionDays === 0 ? "on, not kept" : `on, kept ${retentionDays === 1 ? "a day" : `${retentionDays} days`}`;
}
