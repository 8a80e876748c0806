import type { StreamStatus } from "../api/types";
import { announce } from "../ui/announce";
import { h, setText } from "../ui/dom";
import { icon, type Icon } from "../ui/icons";
import { askToConfirm } from "./dialog";
import type { App } from "./page";

/** The page that the actions belong to. */
interface Around {
  show(status: StreamStatus): void;
  /** The stream is being deleted: whatever else is asked of it is answered by 404. */
  rest(): void;
  /** Aborted when the page is left. What was begun goes on, and leads nowhere any more. */
  readonly left: AbortSignal;
}

/** What can be done with a stream. Ending a broadcast takes as long as its last uploads. */
export class StreamActions {
  readonly element: HTMLElement;
  private readonly start = this.button("play", "Start", () => this.act("start", "Starting…"));
  private readonly stop = this.button("stop", "Stop", () => this.askStop());
  private readonly remove = this.button("trash", "Delete", () => this.askRemove());
  private status: StreamStatus | null = null;
  private isBusy = false;

  constructor(
    private readonly app: App,
    private readonly videoId: string,
    private readonly around: Around,
  ) {
    this.element = h("div", { class: "actions" }, this.start, this.stop, this.remove);
  }

  show(status: StreamStatus): void {
    this.status = status;
    // A status that comes meanwhile tells of what isn't done yet.
    if (this.isBusy) return;
    const live = status.status === "LIVE";
    this.start.hidden = status.armed !== false;
    this.stop.hidden = status.armed === false && !live;
    setText(this.stop.lastElementChild!, live ? "Stop" : "Close");
  }

  private async askStop(): Promise<void> {
    const live = this.status?.status === "LIVE";
    const sure = await askToConfirm({
      title: live ? "Stop the broadcast?" : "Close this stream?",
      text: live
        ? "Viewers see the end, and the key is refused until you press Start. An encoder that reconnects by itself stays out."
        : "The key is refused until you press Start.",
      action: live ? "Stop broadcast" : "Close",
      danger: live,
    });
    if (sure) await this.act("stop", live ? "Stopping…" : "Closing…");
  }

  private async askRemove(): Promise<void> {
    const live = this.status?.status === "LIVE";
    const sure = await askToConfirm({
      title: `Delete “${this.status?.title || "Untitled"}”?`,
      text: `${live ? "It is live: the broadcast ends at once. " : ""}The stream, its key and its addresses are gone for good.`,
      action: "Delete stream",
      danger: true,
    });
    if (!sure) return;
    this.around.rest();
    try {
      await this.meanwhile(this.remove, "Deleting…", () => this.app.client.remove(this.videoId));
      if (!this.around.left.aborted) location.hash = "#/";
      this.app.say("The stream is deleted.");
    } catch (error) {
      if (!this.around.left.aborted) this.app.renew();
      this.app.failed(error);
    }
  }

  private async act(verb: "start" | "stop", doing: string): Promise<void> {
    const button = this[verb];
    const hadFocus = document.activeElement === button;
    try {
      this.around.show(await this.meanwhile(button, doing, () => this.app.client[verb](this.videoId)));
      this.app.say(verb === "start" ? "The key is accepted again." : "Stopped. The key is refused until you press Start.");
    } catch (error) {
      this.app.failed(error);
    }
    // The one gives way to the other.
    if (hadFocus && button.hidden) (verb === "start" ? this.stop : this.start).focus();
  }

  /** Says on a button what is being done, for as long as it is. */
  private async meanwhile<T>(button: HTMLButtonElement, doing: string, call: () => Promise<T>): Promise<T> {
    const label = button.lastElementChild!;
    const idle = label.textContent ?? "";
    setText(label, doing);
    announce(doing);
    this.setBusy(true);
    try {
      return await call();
    } finally {
      this.setBusy(false);
      setText(label, idle);
    }
  }

  private setBusy(isBusy: boolean): void {
    this.isBusy = isBusy;
    // Not `disabled`, which would take the focus from the button that was pressed.
    for (const button of this.element.children) button.setAttribute("aria-disabled", String(isBusy));
  }

  private button(name: Icon, label: string, run: () => Promise<void>): HTMLButtonElement {
    const onclick = (): void => {
      if (!this.isBusy) void run();
    };
    return h("button", { type: "button", "data-action": name, onclick }, icon(name), h("span", {}, label));
  }
}
