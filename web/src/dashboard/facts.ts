import { h, setText } from "../ui/dom";

/** A titled list of names and values that is filled again and again. */
export class Facts {
  readonly element: HTMLElement;
  private readonly list = h("dl");
  private readonly values = new Map<string, HTMLElement>();

  constructor(title: string) {
    this.element = h("section", { class: "facts" }, h("h3", {}, title), this.list);
  }

  show(facts: [name: string, value: string][]): void {
    for (const [name, value] of facts) {
      let element = this.values.get(name);
      if (!element) {
        element = h("dd");
        this.values.set(name, element);
        this.list.append(h("div", {}, h("dt", {}, name), element));
      }
      setText(element, value);
    }
  }
}
