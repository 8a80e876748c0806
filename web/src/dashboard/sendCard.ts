import type { StreamStatus } from "../api/types";
import { h } from "../ui/dom";
import { icon } from "../ui/icons";
import { askToConfirm } from "./dialog";
import { Field } from "./field";
import { hints } from "./hints";
import type { App } from "./page";

const HIDDEN = "••••••••••••••••••••••••";

/** What an encoder needs: the server's URL and the stream key, which is fetched only when asked for. */
export class SendCard {
  readonly element: HTMLElement;
  private readonly server: Field;
  private readonly keyField: Field;
  private readonly eye: HTMLButtonElement;
  private readonly hints = hints((error) => this.app.failed(error));
  /** The key that is shown; null while it is hidden. */
  private revealed: string | null = null;
  private rtmpUrl = "";

  constructor(
    private readonly app: App,
    private readonly videoId: string,
  ) {
    const failed = (error: unknown): void => app.failed(error);
    this.eye = h("button", { type: "button", class: "icon-button", onclick: () => this.toggle() });
    this.server = new Field("Server", failed);
    this.keyField = new Field("Stream key", failed, this.eye);
    this.keyField.copied = () => this.askForKey();
    this.hints.key = () => this.askForKey();
    this.element = h(
      "section",
      { class: "card" },
      h("h2", {}, "Send to Weir"),
      this.server.element,
      this.keyField.element,
      h("button", { type: "button", class: "quiet rotate", onclick: () => this.rotate() }, icon("rotate"), "Make a new key"),
      this.hints.element,
    );
    this.reveal(null);
  }

  show(status: StreamStatus): void {
    this.rtmpUrl = status.rtmpUrl ?? "";
    this.server.text = this.rtmpUrl;
    this.hints.show(this.rtmpUrl, this.videoId);
  }

  /** The key as it is now: it may have been changed elsewhere since it was asked for last. */
  private async askForKey(): Promise<string> {
    return this.got((await this.app.client.key(this.videoId)).streamKey);
  }

  private got(key: string): string {
    if (this.revealed !== null) this.reveal(key);
    return key;
  }

  private async toggle(): Promise<void> {
    try {
      this.reveal(this.revealed === null ? await this.askForKey() : null);
    } catch (error) {
      this.app.failed(error);
    }
  }

  private async rotate(): Promise<void> {
    const sure = await askToConfirm({
      title: "Make a new stream key?",
      text: "The old key stops working at once. Every encoder that uses it has to be given the new one.",
      action: "Make a new key",
      danger: true,
    });
    if (!sure) return;
    try {
      this.got((await this.app.client.rotateKey(this.videoId)).streamKey);
      this.app.say("The stream has a new key.");
    } catch (error) {
      this.app.failed(error);
    }
  }

  private reveal(key: string | null): void {
    this.revealed = key;
    this.keyField.text = key ?? HIDDEN;
    const label = key === null ? "Show stream key" : "Hide stream key";
    this.eye.replaceChildren(icon(key === null ? "eye" : "hide"));
    this.eye.title = label;
    this.eye.setAttribute("aria-label", label);
    this.eye.setAttribute("aria-pressed", String(key !== null));
  }
}
