import { h } from "../ui/dom";

interface Question {
  title: string;
  text: string;
  action: string;
  danger?: boolean;
}

/** Asks before something that can't be undone; true when it was confirmed. */
export function confirm({ title, text, action, danger = false }: Question): Promise<boolean> {
  return open((close) => [
    h("h2", {}, title),
    h("p", {}, text),
    h(
      "div",
      { class: "dialog-actions" },
      h("button", { type: "button", autofocus: true, onclick: () => close(false) }, "Cancel"),
      h("button", { type: "button", class: danger ? "danger" : "primary", onclick: () => close(true) }, action),
    ),
  ]);
}

/** Asks for a new stream's title; null when it was cancelled. */
export async function askTitle(): Promise<string | null> {
  const title = h("input", { id: "title", name: "title", maxlength: 200, autocomplete: "off", placeholder: "Evening lecture", autofocus: true });
  const created = await open((close) => [
    h(
      "form",
      {
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          close(true);
        },
      },
      h("h2", {}, "New stream"),
      h("label", { for: "title" }, "Title"),
      title,
      h("p", { class: "help" }, "For you and your colleagues; viewers don’t see it."),
      h(
        "div",
        { class: "dialog-actions" },
        h("button", { type: "button", onclick: () => close(false) }, "Cancel"),
        h("button", { type: "submit", class: "primary" }, "Create stream"),
      ),
    ),
  ]);
  return created ? title.value.trim() : null;
}

function open(content: (close: (answer: boolean) => void) => Node[]): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = h("dialog");
    let answer = false;
    dialog.append(
      ...content((value) => {
        answer = value;
        dialog.close();
      }),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
