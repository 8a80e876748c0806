import type { StreamStatus } from "../api/types";
import { h } from "../ui/dom";
import { icon } from "../ui/icons";
import { confirm } from "./dialog";
import { Field } from "./field";
import { hints } from "./hints";
import type { App } from "./page";

const HIDDEN = "••••••••••••••••••••••••";

/** What an encoder needs: the server's URL and the stream key, which is fetched only when asked for. */
export class SendCard {
  readonly element: HTMLElement;
  private readonly server: Field;
  private readonly keyField: Field;
  private readonly reveal: HTMLButtonElement;
  private readonly hints = hints((error) => this.app.failed(error));
  private key: string | null = null;
  private revealed = false;
  private rtmpUrl = "";

  constructor(
    private readonly app: App,
    private readonly videoId: string,
  ) {
    const failed = (error: unknown): void => app.failed(error);
    this.reveal = h("button", { type: "button", class: "icon-button", onclick: () => this.toggle() });
    this.server = new Field("Server", failed);
    this.keyField = new Field("Stream key", failed, this.reveal);
    this.keyField.copied = () => this.fetched();
    this.hints.key = () => this.fetched();
    this.element = h(
      "section",
      { class: "card" },
      h("h2", {}, "Send to Weir"),
      this.server.element,
      this.keyField.element,
      h("button", { type: "button", class: "quiet rotate", onclick: () => this.rotate() }, icon("rotate"), "Make a new key"),
      this.hints.element,
    );
    this.showKey();
  }

  show(status: StreamStatus): void {
    this.rtmpUrl = status.rtmpUrl ?? "";
    this.server.text = this.rtmpUrl;
    this.hints.show(this.rtmpUrl, this.videoId);
  }

  private async fetched(): Promise<string> {
    this.key ??= (await this.app.client.key(this.videoId)).streamKey;
    return this.key;
  }

  private async toggle(): Promise<void> {
    try {
      if (!this.revealed) await this.fetched();
      this.revealed = !this.revealed;
      this.showKey();
    } catch (error) {
      this.app.failed(error);
    }
  }

  private async rotate(): Promise<void> {
    const sure = await confirm({
      title: "Make a new stream key?",
      text: "The old key stops working at once. Every encoder that uses it has to be given the new one.",
      action: "Make a new key",
      danger: true,
    });
    if (!sure) return;
    try {
      this.key = (await this.app.client.rotateKey(this.videoId)).streamKey;
      this.showKey();
      this.app.say("The stream has a new key.");
    } catch (error) {
      this.app.failed(error);
    }
  }

  private showKey(): void {
    this.keyField.text = this.revealed && this.key !== null ? this.key : HIDDEN;
    const label = this.revealed ? "Hide stream key" : "Show stream key";
    this.reveal.replaceChildren(icon(this.revealed ? "hide" : "eye"));
    this.reveal.title = label;
    this.reveal.setAttribute("aria-label", label);
    this.reveal.setAttribute("aria-pressed", String(this.revealed));
  }
}
