import "./player.css";
import { WatchSocket } from "../api/watch";
import { h } from "../ui/dom";
import { Controls } from "./controls";
import { toggleFullscreen, togglePictureInPicture } from "./fullscreen";
import { hook } from "./hook";
import { Idle } from "./idle";
import { listen, type Shortcuts } from "./keyboard";
import { Player } from "./player";
import { Poster } from "./poster";
import { Screen } from "./screen";
import { viewerId } from "./viewerId";
import { Volume } from "./volume";

const REFRESH_MS = 250;
const REPORT_MS = 5_000;

/** What of the page's query is meant for the playlist. */
function playlistQuery(page: URLSearchParams): string {
  const query = new URLSearchParams();
  const latency = page.get("latency");
  if (latency === "plain" || latency === "low") query.set("latency", latency);
  if (page.has("preview")) query.set("preview", "");
  return query.toString();
}

/**
 * The page: `/live/{videoId}`, with `?embed` for no chrome, `?preview` for not counting as a viewer and
 * `?latency=plain` for whole segments, which ask less of a network; `?latency=low` for parts.
 */
function main(): void {
  const videoId = decodeURIComponent(location.pathname.split("/")[2] ?? "");
  const query = new URLSearchParams(location.search);
  const root = document.getElementById("player") as HTMLElement;
  root.classList.toggle("embed", query.has("embed"));

  const video = h("video", { playsinline: true, tabindex: -1 });
  let refresh = (): void => undefined;
  const player = new Player(video, videoId, playlistQuery(query), () => refresh());
  const volume = new Volume(video);
  const actions: Shortcuts = {
    togglePlay: () => player.togglePlay(),
    toggleMute: () => volume.toggleMute(),
    toggleFullscreen: () => toggleFullscreen(root, video),
    togglePictureInPicture: () => togglePictureInPicture(video),
    goLive: () => player.goLive(),
    seekBy: (seconds) => player.seekBy(seconds),
    toBeginning: () => player.seekTo(0),
    toEnd: () => player.toEnd(),
    volumeBy: (step) => volume.step(step),
  };
  const poster = new Poster(`/live/${encodeURIComponent(videoId)}/thumb.jpg`);
  const screen = new Screen(() => player.watchAgain());
  const controls = new Controls(player, volume, actions);
  const brand = h("p", { class: "brand", "aria-hidden": "true" }, "weir");
  root.append(poster.element, video, screen.element, brand, controls.element);

  refresh = () => {
    const view = player.view;
    root.dataset["phase"] = view.phase;
    root.dataset["playing"] = String((view.phase === "live" || view.phase === "replay") && !view.paused);
    poster.show(view.phase);
    screen.show(view);
    controls.show(view);
    document.title = view.phase === "live" ? "● Live · Weir" : "Weir";
  };
  refresh();
  window.setInterval(refresh, REFRESH_MS);

  const idle = new Idle(root);
  listen(actions, () => idle.wake());
  for (const event of ["play", "pause", "playing", "volumechange", "waiting"]) video.addEventListener(event, refresh);
  document.addEventListener("fullscreenchange", refresh);
  video.addEventListener("click", (event) => {
    // A tap shows the controls; only a mouse's click is meant for playback.
    if ((event as PointerEvent).pointerType === "mouse") actions.togglePlay();
  });
  video.addEventListener("dblclick", actions.toggleFullscreen);

  if (!query.has("preview")) {
    const url = new URL(`/api/live/${encodeURIComponent(videoId)}/watch`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("viewerId", viewerId());
    const socket = new WatchSocket(url.href, {
      message: (message) => player.onWatch(message),
      lost: () => player.onSocketLost(),
    });
    window.setInterval(() => {
      const { phase, latency } = player.view;
      const { pacer, startupMs } = player.playback;
      if (phase === "live") socket.send({ type: "report", latency, stalls: pacer.stalls.count, startupMs });
    }, REPORT_MS);
  }
  window.weir = hook(player);
}

main();
