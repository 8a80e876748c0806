// As much of an OpenAPI 3.1 document as the page shows.

export interface Document {
  info: { title: string; version: string; description?: string };
  tags?: { name: string; description?: string }[];
  paths: Record<string, Partial<Record<Method, OperationObject>>>;
  components?: { schemas?: Record<string, Schema> };
}

export const METHODS = ["get", "post", "put", "patch", "delete"] as const;
export type Method = (typeof METHODS)[number];

export interface OperationObject {
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, { description?: string; content?: Content }>;
  security?: unknown[];
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  description?: string;
  schema?: Schema;
}

export type Content = Record<string, { schema?: Schema }>;

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  example?: unknown;
  default?: unknown;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  allOf?: Schema[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
}

/** One call of the API. */
export interface Operation extends OperationObject {
  method: Method;
  path: string;
  /** Names it in the page's address. */
  anchor: string;
}

export interface Group {
  name: string;
  description: string;
  operations: Operation[];
}

/** The calls by their first tag, in the order of the document's tags. */
export function groups(document: Document): Group[] {
  const found = new Map((document.tags ?? []).map(({ name, description }) => [name, { name, description: description ?? "", operations: [] as Operation[] }]));
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const name = operation.tags?.[0] ?? "other";
      if (!found.has(name)) found.set(name, { name, description: "", operations: [] });
      const anchor = `${method}-${path.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "")}`;
      found.get(name)!.operations.push({ ...operation, method, path, anchor });
    }
  }
  return [...found.values()].filter(({ operations }) => operations.length > 0);
}
