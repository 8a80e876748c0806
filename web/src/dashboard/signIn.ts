import { ApiError, Client, isToken } from "../api/client";
import { h } from "../ui/dom";
import { waves } from "../ui/waves";
import { session } from "./session";

const WRONG = "This token is not the one that Weir expects.";

/** The form that asks for the token, and tries it before it lets anybody in. */
export function signIn(reason: string | null, done: (token: string) => void): HTMLElement {
  const token = h("input", {
    type: "password", name: "token", id: "token", required: true, autocomplete: "current-password", spellcheck: "false",
    "aria-describedby": "token-help token-error",
  });
  const remember = h("input", { type: "checkbox", name: "remember" });
  const error = h("p", { class: "form-error", id: "token-error", role: "alert" }, reason);
  const button = h("button", { type: "submit", class: "primary" }, "Sign in");

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const value = token.value.trim();
    if (value === "") return;
    button.disabled = true;
    error.textContent = "";
    try {
      if (!isToken(value)) throw new Error(WRONG);
      await new Client(value).list();
      session.keep(value, remember.checked);
      done(value);
    } catch (failure) {
      error.textContent = explain(failure);
      token.select();
    } finally {
      button.disabled = false;
    }
  }

  const form = h(
    "form",
    { class: "sign-in-form", onsubmit: submit },
    h("h1", { class: "wordmark" }, "weir"),
    h("p", { class: "lead" }, "Sign in to run your streams."),
    h("label", { for: "token" }, "Access token"),
    token,
    h("p", { class: "help", id: "token-help" }, "Weir names the place of its token when it starts."),
    h("label", { class: "check" }, remember, "Stay signed in on this device"),
    error,
    button,
  );
  queueMicrotask(() => token.focus());
  return h("main", { class: "sign-in" }, waves(), form);
}

function explain(failure: unknown): string {
  if (failure instanceof ApiError && failure.status === 401) return WRONG;
  return failure instanceof Error ? failure.message : String(failure);
}
