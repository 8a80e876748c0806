import type { Recording } from "../api/types";
import * as format from "../format";
import { h } from "../ui/dom";
import { icon } from "../ui/icons";
import { askToConfirm } from "./dialog";
import type { App } from "./page";

/** What is left of a stream's broadcasts: their files, or how far they are. Not shown while that is nothing. */
export class RecordingsCard {
  readonly element: HTMLElement;
  private readonly list = h("ul", { class: "recordings" });

  constructor(
    private readonly app: App,
    private readonly videoId: string,
  ) {
    this.element = h("section", { class: "card" }, h("h2", {}, "Recordings"), this.list);
    this.element.hidden = true;
    void this.refresh();
  }

  async refresh(): Promise<void> {
    try {
      const { recordings } = await this.app.client.recordings(this.videoId);
      this.element.hidden = recordings.length === 0;
      this.list.replaceChildren(...recordings.map((recording) => this.row(recording)));
    } catch {
      // The page polls the stream itself, and says what is wrong.
    }
  }

  private row(recording: Recording): HTMLElement {
    const began = h("time", { datetime: recording.startedAt }, format.dateTime(recording.startedAt));
    const row = h("li", { "data-state": recording.state }, h("div", {}, began, h("p", {}, told(recording))));
    if (recording.url) {
      row.append(h("a", { class: "button", href: recording.url, target: "_blank", rel: "noopener" }, icon("play"), "Watch"));
    }
    // One that failed on air is still its broadcast's.
    if (recording.endedAt !== null) {
      const label = `Delete the recording of ${format.dateTime(recording.startedAt)}`;
      row.append(h("button", { type: "button", "aria-label": label, onclick: () => void this.askRemove(recording) }, icon("trash")));
    }
    return row;
  }

  private async askRemove(recording: Recording): Promise<void> {
    const sure = await askToConfirm({
      title: "Delete this recording?",
      text: `The file ${recording.key} and the broadcast's segments are gone for good.`,
      action: "Delete recording",
      danger: true,
    });
    if (!sure) return;
    try {
      await this.app.client.removeRecording(this.videoId, recording.number);
      this.app.say("The recording is deleted.");
    } catch (error) {
      this.app.failed(error);
    }
    await this.refresh();
  }
}

/** How far a recording is, in words. */
export function told({ state, size, duration, attempts, reason }: Recording): string {
  const trouble = reason ? ` Attempt ${attempts} failed: ${reason}` : "";
  switch (state) {
    case "RECORDING":
      return `Recording.${trouble}`;
    case "FINISHING":
      return `Being completed.${trouble}`;
    case "READY":
      return `${format.clock(duration ?? 0)} · ${format.bytes(size ?? 0)}`;
    case "FAILED":
      return `Failed: ${reason ?? "unknown"}`;
  }
}
