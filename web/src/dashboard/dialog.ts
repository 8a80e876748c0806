import { h } from "../ui/dom";

interface Question {
  title: string;
  text: string;
  action: string;
  danger?: boolean;
}

interface Manner {
  /** Whether a click beside it closes it. Not where that would lose what was typed, or is shown once. */
  casual?: boolean;
}

const HEADING = "dialog-heading";

/** Asks before something that can't be undone; true when it was confirmed. */
export function askToConfirm({ title, text, action, danger = false }: Question): Promise<boolean> {
  const content = (close: (answer: boolean) => void): Node[] => [
    h("h2", {}, title),
    h("p", {}, text),
    h(
      "div",
      { class: "dialog-actions" },
      h("button", { type: "button", autofocus: true, onclick: () => close(false) }, "Cancel"),
      h("button", { type: "button", class: danger ? "danger" : "primary", onclick: () => close(true) }, action),
    ),
  ];
  return showDialog(content, { casual: true });
}

/** Shows a dialog until one of its elements closes it, or its user does: then the answer is false. */
export function showDialog(content: (close: (answer: boolean) => void) => Node[], { casual = false }: Manner = {}): Promise<boolean> {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": HEADING });
    let answer = false;
    dialog.append(
      ...content((value) => {
        answer = value;
        dialog.close();
      }),
    );
    const heading = dialog.querySelector("h2");
    if (heading) heading.id = HEADING;
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    if (casual) closeBeside(dialog);
    document.body.append(dialog);
    dialog.showModal();
  });
}

function closeBeside(dialog: HTMLDialogElement): void {
  // A selection that is dragged out of the dialog ends in a click beside it; one into it begins there.
  let pressedBeside = false;
  dialog.addEventListener("pointerdown", (event) => (pressedBeside = isBeside(dialog.getBoundingClientRect(), event)));
  dialog.addEventListener("click", (event) => {
    // The keyboard's clicks on buttons have no place, and are none beside.
    if (pressedBeside && event.target === dialog && isBeside(dialog.getBoundingClientRect(), event)) dialog.close();
    pressedBeside = false;
  });
}

type Box = Pick<DOMRect, "left" | "right" | "top" | "bottom">;

/** Whether a point is outside of a box; a dialog's padding and border are inside. */
export function isBeside({ left, right, top, bottom }: Box, { clientX, clientY }: { clientX: number; clientY: number }): boolean {
  return clientX < left || clientX > right || clientY < top || clientY > bottom;
}
