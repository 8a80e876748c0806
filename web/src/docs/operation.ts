import { copyButton } from "../dashboard/copy";
import { h } from "../ui/dom";
import { curl } from "./curl";
import type { Content, Operation, Parameter } from "./document";
import type { Field, Schemas } from "./schema";
import { prose } from "./prose";

/** One call: what it takes, what it answers, and how it is made from a shell. */
export function operationView(operation: Operation, schemas: Schemas): HTMLElement {
  const { method, path, anchor, summary, description, parameters = [], requestBody, responses, security } = operation;
  const command = curl(operation, schemas, location.origin);
  return h(
    "article",
    { class: "card operation", id: anchor },
    h("h3", {}, h("a", { href: `#${anchor}` }, summary ?? path)),
    h("p", { class: "call" }, badge(method), h("code", {}, path), security ? h("span", { class: "token" }, "token") : null),
    description ? prose(description) : null,
    parameters.length > 0 ? section("Parameters", fieldList(parameters.map((parameter) => parameterField(parameter, schemas)))) : null,
    requestBody ? section(requestBody.required ? "Body" : "Body, may be left out", contentView(requestBody.content, schemas)) : null,
    section("Answers", ...Object.entries(responses).map(([status, { description, content }]) => answer(status, description, content, schemas))),
    h("div", { class: "command" }, h("pre", { tabindex: 0 }, command), copyButton("Copy command", () => command, () => undefined)),
  );
}

export function badge(method: string): HTMLElement {
  return h("span", { class: "method", "data-method": method }, method.toUpperCase());
}

function section(title: string, ...content: Node[]): HTMLElement {
  return h("section", {}, h("h4", {}, title), ...content);
}

function answer(status: string, description: string | undefined, content: Content | undefined, schemas: Schemas): HTMLElement {
  const kind = content ? Object.keys(content)[0] : undefined;
  const schema = kind ? content?.[kind]?.schema : undefined;
  const line = [
    h("code", { class: "status", "data-class": status[0]! }, status),
    h("span", {}, description || (schema ? schemas.type(schema) : "no body")),
    kind && kind !== "application/json" ? h("code", { class: "kind" }, kind) : null,
  ];
  const fields = schema && kind === "application/json" ? schemas.fields(schema) : [];
  if (fields.length === 0) return h("p", { class: "answer" }, ...line);
  return h("details", { class: "answer" }, h("summary", {}, ...line), fieldList(fields));
}

function contentView(content: Content, schemas: Schemas): HTMLElement {
  const schema = content["application/json"]?.schema;
  const fields = schema ? schemas.fields(schema) : [];
  return fields.length > 0 ? fieldList(fields) : h("p", {}, Object.keys(content).join(", "));
}

function parameterField({ name, in: place, required, description, schema }: Parameter, schemas: Schemas): Field {
  const known = schema ? schemas.fields({ properties: { [name]: schema } })[0] : undefined;
  return {
    name,
    type: `${known?.type ?? "string"}, in the ${place}`,
    required: required ?? false,
    limits: known?.limits ?? "",
    description: description ?? known?.description ?? "",
    fields: [],
  };
}

function fieldList(fields: Field[]): HTMLElement {
  return h("ul", { class: "fields" }, ...fields.map(fieldView));
}

function fieldView({ name, type, required, limits, description, fields }: Field): HTMLElement {
  return h(
    "li",
    {},
    h("p", { class: "field-line" }, h("code", {}, name), h("span", { class: "type" }, type), required ? h("span", { class: "required" }, "required") : null),
    description || limits ? h("div", { class: "field-text" }, description ? prose(description) : null, limits ? h("p", { class: "limits" }, limits) : null) : null,
    fields.length > 0 ? h("details", {}, h("summary", {}, `Fields of ${name}`), fieldList(fields)) : null,
  );
}
