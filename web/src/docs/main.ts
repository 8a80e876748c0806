import "../dashboard/base.css";
import "./docs.css";
import { h } from "../ui/dom";
import { type Document, groups } from "./document";
import { badge, operationView } from "./operation";
import { prose } from "./prose";
import { Schemas } from "./schema";

const SOURCE = "/api/openapi.json";
const root = document.getElementById("app") as HTMLElement;

async function show(): Promise<void> {
  const response = await fetch(SOURCE);
  if (!response.ok) throw new Error(`${SOURCE} answers ${response.status}.`);
  const described = (await response.json()) as Document;
  const schemas = new Schemas(described);
  const found = groups(described);
  const { info } = described;
  root.replaceChildren(
    h(
      "header",
      { class: "top" },
      h("a", { class: "wordmark", href: "/", "aria-label": "Weir, the dashboard" }, "weir"),
      h("nav", { "aria-label": "Elsewhere" }, h("a", { class: "quiet", href: SOURCE }, "openapi.json"), h("a", { class: "quiet", href: "/" }, "Dashboard")),
    ),
    h(
      "div",
      { class: "docs" },
      h(
        "nav",
        { class: "contents", "aria-label": "Calls" },
        ...found.map(({ name, operations }) =>
          h(
            "section",
            {},
            h("h2", {}, name),
            h("ul", {}, ...operations.map(({ anchor, method, path }) => h("li", {}, h("a", { href: `#${anchor}`, title: path }, badge(method), h("span", {}, ...breakable(path)))))),
          ),
        ),
      ),
      h(
        "main",
        {},
        h("h1", {}, `${info.title} API`, h("small", {}, info.version)),
        info.description ? prose(info.description) : null,
        ...found.map(({ name, description, operations }) =>
          h("section", { class: "group" }, h("h2", { id: name }, name), h("p", { class: "group-text" }, description), ...operations.map((operation) => operationView(operation, schemas))),
        ),
      ),
    ),
  );
  // What the address names is there only now.
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

/** A path that breaks after its slashes rather than inside of a name. */
function breakable(path: string): (string | HTMLElement)[] {
  return path.split(/(?<=\/)/).flatMap((piece) => [piece, h("wbr")]);
}

show().catch((error: unknown) => {
  root.replaceChildren(h("main", { class: "empty", role: "alert" }, h("h2", {}, "The description could not be read"), h("p", {}, String(error)), h("a", { class: "button", href: SOURCE }, "openapi.json")));
});
