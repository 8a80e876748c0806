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

/** Shows a dialog until one of its elements closes it, or its user does: then the answer is false. */
export function open(content: (close: (answer: boolean) => void) => Node[]): Promise<boolean> {
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
