import { clock, count, seconds } from "../format";
import { h, setText } from "../ui/dom";
import { icon, type Icon } from "../ui/icons";
import { canFullscreen, isFullscreen } from "./fullscreen";
import type { Shortcuts } from "./keyboard";
import { isPlayable } from "./phase";
import type { Player, PlayerView } from "./player";
import { SeekBar, label } from "./seekBar";
import { Thumbs } from "./thumbs";
import type { Volume } from "./volume";

/** The bar of controls, the large buttons over the picture, and the badges. */
export class Controls {
  readonly element: HTMLElement;
  private readonly play: HTMLButtonElement;
  private readonly mute: HTMLButtonElement;
  private readonly level: HTMLInputElement;
  private readonly live: HTMLButtonElement;
  private readonly liveText = h("span");
  private readonly time = h("span", { class: "readout" });
  private readonly seek: SeekBar;
  private readonly viewersCount = h("span");
  private readonly viewers = h("span", { class: "readout" }, icon("people"), this.viewersCount);
  private readonly quality: HTMLSelectElement;
  private readonly fullscreen: HTMLButtonElement;
  private readonly unmute: HTMLButtonElement;
  private readonly bigPlay: HTMLButtonElement;

  constructor(
    private readonly player: Player,
    private readonly volume: Volume,
    actions: Shortcuts,
  ) {
    const { video } = player;
    this.play = button("play", "Play", actions.togglePlay);
    this.mute = button("muted", "Unmute", actions.toggleMute);
    this.level = h("input", {
      type: "range", class: "level", min: 0, max: 1, step: 0.05, "aria-label": "Volume",
      oninput: () => volume.set(Number(this.level.value)),
    });
    this.live = h("button", { type: "button", class: "live", onclick: actions.goLive }, h("i"), this.liveText);
    this.quality = h("select", {
      class: "quality", "aria-label": "Quality", hidden: true,
      onchange: () => {
        if (player.playback.source) player.playback.source.quality = Number(this.quality.value);
      },
    });
    const pip = button("window", "Picture in picture (i)", actions.togglePictureInPicture);
    pip.hidden = !document.pictureInPictureEnabled;
    this.fullscreen = button("enlarge", "Full screen", actions.toggleFullscreen);
    this.fullscreen.hidden = !canFullscreen(video);
    this.unmute = h("button", { type: "button", class: "unmute", onclick: actions.toggleMute }, icon("muted"), "Tap for sound");
    this.bigPlay = button("play", "Play", actions.togglePlay);
    this.bigPlay.className = "big-play";
    const thumbs = new Thumbs(`/live/${encodeURIComponent(player.videoId)}`);
    this.seek = new SeekBar((position) => player.seekTo(position), thumbs);
    this.element = h(
      "div",
      { class: "controls" },
      this.unmute,
      this.bigPlay,
      h(
        "div",
        { class: "bar", role: "group", "aria-label": "Player controls" },
        this.seek.element,
        h(
          "div",
          { class: "buttons" },
          this.play, this.mute, this.level, this.live, this.time,
          h("span", { class: "space" }),
          this.viewers, this.quality, pip, this.fullscreen,
        ),
      ),
    );
  }

  show(view: PlayerView): void {
    const { video } = this.player;
    const playing = view.phase === "live" || view.phase === "reconnecting" || view.phase === "replay";
    setIcon(this.play, video.paused ? "play" : "pause", video.paused ? "Play (space)" : "Pause (space)");
    // A broadcast that starts waits for who has paused the one before, or whose browser wants a gesture.
    const waitsForViewer = view.paused && isPlayable(view.phase);
    this.play.disabled = !playing && !waitsForViewer;
    const muted = this.volume.muted;
    setIcon(this.mute, muted ? "muted" : "volume", muted ? "Unmute (m)" : "Mute (m)");
    this.level.value = String(muted ? 0 : video.volume);
    this.unmute.hidden = !(muted && playing && !view.paused);
    this.bigPlay.hidden = !waitsForViewer;
    this.showLive(view, playing);
    this.seek.show(playing ? view.range : null);
    const time = playing ? told(view) : "";
    setText(this.time, time);
    this.time.hidden = time === "";
    setText(this.viewersCount, count(view.viewers));
    this.viewers.hidden = view.viewers === null;
    this.viewers.setAttribute("aria-label", `${count(view.viewers)} watching`);
    const full = isFullscreen(video);
    setIcon(this.fullscreen, full ? "reduce" : "enlarge", full ? "Leave full screen (f)" : "Full screen (f)");
    this.showQualities();
  }

  private showLive(view: PlayerView, playing: boolean): void {
    const atEdge = view.atEdge && !view.paused;
    this.live.hidden = !playing || (view.phase === "replay" && !view.range?.onAir);
    this.live.dataset["edge"] = String(atEdge);
    setText(this.liveText, view.phase === "reconnecting" ? "Waiting" : atEdge ? "Live" : "Go live");
    this.live.setAttribute("aria-label", atEdge ? "Live" : "Go to live (l)");
    this.live.setAttribute("aria-disabled", String(atEdge));
  }

  private showQualities(): void {
    const { source } = this.player.playback;
    const qualities = source?.qualities ?? [];
    this.quality.hidden = qualities.length < 2;
    if (!source || qualities.length < 2) return;
    if (this.quality.options.length !== qualities.length + 1) {
      const options = [{ index: -1, label: "Auto" }, ...qualities.toReversed()];
      this.quality.replaceChildren(...options.map(({ index, label }) => h("option", { value: index }, label)));
    }
    if (document.activeElement !== this.quality) this.quality.value = String(source.quality);
  }
}

/** How far behind the camera the picture is, or where in the recording. */
function told({ phase, range, latency, paused }: PlayerView): string {
  if (phase === "replay") {
    if (!range) return "";
    return range.onAir ? label(range.position, range) : `${clock(range.position)} / ${clock(range.length)}`;
  }
  return latency === null || paused ? "" : `${seconds(latency)} behind`;
}

function button(name: Icon, label: string, action: () => void): HTMLButtonElement {
  return h("button", { type: "button", "data-icon": name, "aria-label": label, title: label, onclick: action }, icon(name));
}

function setIcon(element: HTMLButtonElement, name: Icon, label: string): void {
  if (element.dataset["icon"] !== name) {
    element.dataset["icon"] = name;
    element.replaceChildren(icon(name));
  }
  if (element.title !== label) {
    element.title = label;
    element.setAttribute("aria-label", label);
  }
}
