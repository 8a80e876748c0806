import { ApiError } from "../api/client";
import type { StreamStatus } from "../api/types";
import * as format from "../format";
import { focusHeading, h, setText } from "../ui/dom";
import { icon } from "../ui/icons";
import { Audience } from "./audience";
import { Charts, HEALTH } from "./charts";
import { EventsCard } from "./eventsCard";
import { Growth } from "./growth";
import { Health } from "./health";
import { History } from "./history";
import { OptionsCard } from "./optionsCard";
import type { App, Page } from "./page";
import { Poll } from "./poll";
import { RecordingsCard } from "./recordingsCard";
import { SendCard } from "./sendCard";
import { stateBadge } from "./state";
import { States, StateStrip } from "./stateStrip";
import { StreamActions } from "./streamActions";
import { warnings } from "./warnings";
import { WatchCard } from "./watchCard";

const POLL_MS = 1_000;

/** One stream: its picture, its health, its addresses, and what can be done with it. */
export class StreamPage implements Page {
  readonly element: HTMLElement;
  private readonly title = h("h1", {}, "Stream");
  private readonly badge = h("div", { class: "badge" });
  private readonly uptime = h("span", { class: "uptime" });
  private readonly watching = h("span");
  private readonly warnings = h("ul", { class: "warnings", "aria-label": "Warnings" });
  private readonly growth = new Growth();
  private readonly history = new History();
  private readonly charts = new Charts(this.history, HEALTH);
  private readonly health = new Health();
  private readonly states = new States();
  private readonly strip = new StateStrip(this.states);
  private readonly preview: HTMLIFrameElement;
  private readonly events: EventsCard;
  private readonly recordings: RecordingsCard;
  private readonly options: OptionsCard;
  private readonly audience: Audience;
  private readonly quiet = h("p", { class: "no-health" }, "Bitrate, frame rate and encoding speed appear here once an encoder sends.");
  private readonly send: SendCard;
  private readonly watch: WatchCard;
  private readonly actions: StreamActions;
  private readonly poll: Poll;
  private readonly left = new AbortController();
  private shownWarnings = "";

  constructor(
    private readonly app: App,
    private readonly videoId: string,
  ) {
    this.send = new SendCard(app, videoId);
    this.watch = new WatchCard(app);
    this.audience = new Audience(app, videoId);
    this.recordings = new RecordingsCard(app, videoId);
    this.events = new EventsCard(app, videoId, () => void this.recordings.refresh());
    this.options = new OptionsCard(app, (status) => this.show(status));
    this.actions = new StreamActions(app, videoId, {
      show: (status) => this.show(status),
      rest: () => {
        this.rest();
        this.element.inert = true;
      },
      left: this.left.signal,
    });
    this.preview = h("iframe", {
      class: "preview", title: "Preview", src: `/live/${encodeURIComponent(videoId)}?embed&preview`,
      allow: "autoplay; fullscreen; picture-in-picture",
    });
    this.charts.element.hidden = this.health.element.hidden = true;
    this.element = h(
      "article",
      { class: "stream" },
      h("a", { class: "back", href: "#/" }, icon("back"), "Streams"),
      h(
        "div",
        { class: "stream-head" },
        h("div", { class: "stream-name" }, this.title, h("p", { class: "stream-line" }, this.badge, this.uptime, this.watching)),
        this.actions.element,
      ),
      h(
        "div",
        { class: "columns" },
        h("div", { class: "column" }, this.preview, this.strip.element, this.warnings, this.quiet, this.audience.element, this.charts.element, this.health.element),
        h("div", { class: "column side" }, this.send.element, this.watch.element, this.options.element, this.recordings.element, this.events.element),
      ),
    );
    this.poll = new Poll(POLL_MS, (signal) => this.refresh(signal), (error) => this.failed(error));
  }

  leave(): void {
    this.left.abort();
    this.rest();
    this.charts.destroy();
    this.audience.leave();
  }

  /** Asks the server for nothing more. */
  private rest(): void {
    this.poll.stop();
    this.audience.rest();
    this.events.leave();
    this.preview.replaceWith(h("div", { class: "preview" }));
  }

  private async refresh(signal: AbortSignal): Promise<void> {
    const status = await this.app.client.status(this.videoId, signal);
    this.app.answered();
    this.show(status);
  }

  private show(status: StreamStatus): void {
    // The answer to something that was begun here may come when another page is shown.
    if (this.left.signal.aborted) return;
    const live = status.status === "LIVE";
    const name = status.title || "Untitled";
    setText(this.title, name);
    document.title = `${live ? "● " : ""}${name} · Weir`;
    const badge = stateBadge(status);
    if (badge.textContent !== this.badge.textContent) this.badge.replaceChildren(badge);
    setText(this.uptime, live && status.startedAt ? format.clock((Date.now() - Date.parse(status.startedAt)) / 1000) : "");
    setText(this.watching, live ? watching(status) : "");
    this.actions.show(status);
    this.showWarnings(status);
    this.showHealth(status);
    this.send.show(status);
    this.watch.show(status);
    this.options.show(status);
    this.states.observe(status, Date.now());
    this.strip.show();
  }

  private showHealth(status: StreamStatus): void {
    const running = status.ingest !== null || status.encode !== null;
    if (running) this.history.add(Date.now() / 1000, status);
    const known = this.history.times.length > 0;
    this.charts.element.hidden = this.health.element.hidden = !known;
    this.quiet.hidden = known;
    if (running) {
      this.charts.update();
      this.health.show(status);
    }
  }

  private showWarnings(status: StreamStatus): void {
    const found = warnings(status, this.growth.observe(status, Date.now()), this.history.of("bitrate"));
    const text = JSON.stringify(found);
    if (text === this.shownWarnings) return;
    this.shownWarnings = text;
    this.warnings.replaceChildren(
      ...found.map(({ code, title, detail }) => h("li", { "data-code": code }, icon("alert"), h("div", {}, h("b", {}, title), h("p", {}, detail)))),
    );
  }

  private failed(error: unknown): void {
    if (error instanceof ApiError && error.status === 404) {
      this.app.answered();
      this.rest();
      const hadFocus = this.element.contains(document.activeElement);
      this.element.replaceChildren(
        h("div", { class: "empty" }, h("h1", {}, "No such stream"), h("p", {}, "It may have been deleted."), h("a", { class: "button", href: "#/" }, "All streams")),
      );
      if (hadFocus) focusHeading(this.element);
    } else this.app.missed(error);
  }
}

function watching({ viewers, peakViewers, totalViewers }: StreamStatus): string {
  return `${format.count(viewers)} watching · peak ${format.count(peakViewers)} · total ${format.count(totalViewers)}`;
}
