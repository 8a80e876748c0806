type Child = Node | string | number | null | undefined | false;
type Props = {
  [name: string]: string | number | boolean | null | undefined | ((event: never) => void);
};

/**
 * Makes an element. `onclick` and the like become listeners, everything else an attribute;
 * false and null leave it out. `style` is not allowed: the page's policy forbids it.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  append(element, children);
  return element;
}

export function append(parent: Element, children: Child[]): void {
  for (const child of children) {
    if (child instanceof Node) parent.append(child);
    else if (child != null && child !== false) parent.append(String(child));
  }
}

/** Writes text only when it changed, so that polling neither flickers nor loses a selection. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Puts those who hear a page, or reach it by the keyboard, at its heading. */
export function focusHeading(page: Element): void {
  const heading = page.querySelector("h1");
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}
