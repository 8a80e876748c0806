import type { StreamStatus } from "../api/types";
import { h } from "../ui/dom";

export interface StateLabel {
  kind: "live" | "away" | "waiting" | "off" | "failed";
  text: string;
}

/** A stream's state in the words of the person who runs it. */
export function stateLabel(status: StreamStatus): StateLabel {
  if (status.status === "LIVE" && status.reconnecting) return { kind: "away", text: "Reconnecting" };
  if (status.status === "LIVE") return { kind: "live", text: "Live" };
  if (status.status === "FAILED") return { kind: "failed", text: "Failed" };
  if (status.armed === false) return { kind: "off", text: status.status === "READY" ? "Ended" : "Closed" };
  return { kind: "waiting", text: status.status === "READY" ? "Ended, ready again" : "Waiting for encoder" };
}

export function stateBadge(status: StreamStatus): HTMLElement {
  const { kind, text } = stateLabel(status);
  return h("span", { class: "state", "data-kind": kind }, h("i"), text);
}
