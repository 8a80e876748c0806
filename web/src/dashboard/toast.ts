import { h } from "../ui/dom";

const SHOWN_MS = 5_000;
const list = h("div", { class: "toasts", role: "status", "aria-live": "polite" });

/** Says something in passing. */
export function toast(message: string, kind: "good" | "bad" = "good"): void {
  if (!list.isConnected) document.body.append(list);
  const item = h("p", { class: "toast", "data-kind": kind }, message);
  list.append(item);
  while (list.childElementCount > 3) list.firstElementChild?.remove();
  window.setTimeout(() => item.remove(), SHOWN_MS);
}
