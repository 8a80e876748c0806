import { h, setText } from "../ui/dom";
import { copyButton } from "./copy";

const KEY = "<stream key>";

export interface Hints {
  readonly element: HTMLElement;
  /** Gives the key when a command is copied; on the screen it stays a placeholder. */
  key: () => Promise<string>;
  show(rtmpUrl: string, videoId: string): void;
}

/** How to send with OBS and ffmpeg, and how to ask by curl. */
export function hints(failed: (error: unknown) => void): Hints {
  const ffmpeg = h("pre", { tabindex: 0 });
  const curl = h("pre", { tabindex: 0 });
  const made: Hints = {
    element: h(
      "div",
      { class: "hints" },
      h(
        "details",
        {},
        h("summary", {}, "With OBS"),
        h(
          "ol",
          {},
          h("li", {}, "Settings, Stream: choose the service ", h("b", {}, "Custom…")),
          h("li", {}, "Paste the server and the stream key from above."),
          h("li", {}, "Output: keyframe interval ", h("b", {}, "2 s"), ", rate control ", h("b", {}, "CBR"), ", B-frames ", h("b", {}, "0"), ", audio ", h("b", {}, "AAC"), "."),
          h("li", {}, "Press ", h("b", {}, "Start Streaming"), "."),
        ),
      ),
      h(
        "details",
        {},
        h("summary", {}, "With ffmpeg"),
        h("div", { class: "command" }, ffmpeg, copyButton("Copy ffmpeg command with the key", async () => (ffmpeg.textContent ?? "").replace(KEY, await made.key()), failed)),
      ),
      h(
        "details",
        {},
        h("summary", {}, "By curl"),
        h("div", { class: "command" }, curl, copyButton("Copy curl commands", () => curl.textContent ?? "", failed)),
      ),
    ),
    key: () => Promise.resolve(KEY),
    show(rtmpUrl, videoId) {
      setText(ffmpeg, ffmpegCommand(rtmpUrl));
      setText(curl, curlCommands(location.origin, videoId));
    },
  };
  return made;
}

export function ffmpegCommand(rtmpUrl: string): string {
  return [
    "ffmpeg -re -i input.mp4",
    "  -c:v libx264 -preset veryfast -b:v 4M -g 60 -bf 0",
    "  -c:a aac -b:a 160k",
    `  -f flv "${rtmpUrl}/${KEY}"`,
  ].join(" \\\n");
}

export function curlCommands(origin: string, videoId: string): string {
  const stream = `${origin}/api/live/${videoId}`;
  return [
    `curl -H "Authorization: Bearer $WEIR_API_TOKEN" \\\n  ${stream}/status`,
    `curl -X POST -H "Authorization: Bearer $WEIR_API_TOKEN" \\\n  ${stream}/stop`,
  ].join("\n\n");
}

/** The frame for other sites' pages: as wide as there is room for. */
export function embedSnippet(playerUrl: string): string {
  return [
    `<iframe src="${playerUrl}?embed" title="Live stream" width="1280" height="720"`,
    'style="aspect-ratio: 16 / 9; max-width: 100%; height: auto; border: 0"',
    'allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>',
  ].join(" ");
}
