import type { Document, Schema } from "./document";

/** A field of an object, as it is shown. */
export interface Field {
  name: string;
  type: string;
  required: boolean;
  /** Bounds, default, allowed values. */
  limits: string;
  description: string;
  /** What is inside, where that is an object. */
  fields: Field[];
}

/** Objects inside of objects are shown so deep. */
const DEPTH = 4;

/** Reads the schemas of one document. */
export class Schemas {
  constructor(private readonly document: Document) {}

  /** The schema that a reference names, or that is the only one beside null; what the reference says of it counts. */
  resolve(schema: Schema): Schema {
    const choice = choices(schema);
    if (choice.length === 1) {
      const { oneOf: _one, anyOf: _any, ...around } = schema;
      return { ...this.resolve(choice[0]!), ...around };
    }
    if (!schema.$ref) return schema;
    const { $ref, ...around } = schema;
    const named = this.document.components?.schemas?.[$ref.split("/").pop()!];
    return named ? { ...this.resolve(named), ...around } : around;
  }

  /** In a few words: string, integer or null, array of Event. */
  type(schema: Schema): string {
    const named = schema.$ref?.split("/").pop();
    if (named) return named;
    const alternatives = schema.oneOf ?? schema.anyOf;
    if (alternatives) return alternatives.map((one) => this.type(one)).join(" or ");
    if (schema.allOf) return "object";
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    const types = [schema.type ?? "any"].flat().map((type) => {
      if (type === "array" && schema.items) return `array of ${this.type(schema.items)}`;
      return type === "string" && schema.format ? schema.format : type;
    });
    return types.join(" or ");
  }

  /** The fields of an object, or of the objects in an array; none for anything else. */
  fields(schema: Schema, depth = DEPTH): Field[] {
    const known = this.resolve(schema);
    if (known.items) return this.fields(known.items, depth);
    if (depth === 0) return [];
    const inherited = (known.allOf ?? []).flatMap((part) => this.fields(part, depth));
    const own = Object.entries(known.properties ?? {}).map(([name, property]): Field => {
      const resolved = this.resolve(property);
      return {
        name,
        type: this.type(property),
        required: known.required?.includes(name) ?? false,
        limits: limits(resolved, resolved.items && this.resolve(resolved.items)),
        description: resolved.description ?? "",
        fields: this.fields(property, depth - 1),
      };
    });
    return [...inherited, ...own];
  }

  /** A value that fits, for an example: only what is required, or what the schema has examples of. */
  example(schema: Schema, depth = DEPTH): unknown {
    const known = this.resolve(schema);
    if (known.example !== undefined) return known.example;
    if (known.default !== undefined) return known.default;
    if (known.enum) return known.enum[0];
    const type = [known.type ?? (known.properties || known.allOf ? "object" : "null")].flat()[0];
    if (type === "string") return "…";
    if (type === "integer" || type === "number") return known.minimum ?? 0;
    if (type === "boolean") return true;
    if (type === "array") return known.items && depth > 0 ? [this.example(known.items, depth - 1)] : [];
    if (type !== "object" || depth === 0) return null;
    const parts = (known.allOf ?? []).map((part) => this.example(part, depth) as object);
    const own = Object.entries(known.properties ?? {})
      .filter(([name, property]) => known.required?.includes(name) || this.resolve(property).example !== undefined)
      .map(([name, property]) => [name, this.example(property, depth - 1)]);
    return Object.assign({}, ...parts, Object.fromEntries(own));
  }
}

/** What it may be, null left out. */
function choices({ oneOf, anyOf }: Schema): Schema[] {
  return (oneOf ?? anyOf ?? []).filter(({ type }) => type !== "null");
}

function limits(schema: Schema, items?: Schema): string {
  const said: string[] = [];
  const range = (least: number | undefined, most: number | undefined, unit = ""): void => {
    if (least !== undefined && most !== undefined) said.push(`${least} to ${most}${unit}`);
    else if (most !== undefined) said.push(`at most ${most}${unit}`);
    else if (least !== undefined && least > 0) said.push(`at least ${least}${unit}`);
  };
  range(schema.minimum, schema.maximum);
  range(schema.minLength, schema.maxLength, " characters");
  range(schema.minItems, schema.maxItems, " of them");
  const values = schema.enum ?? items?.enum;
  if (values) said.push(values.map(String).join(", "));
  if (schema.default !== undefined) said.push(`default ${JSON.stringify(schema.default)}`);
  return said.join("; ");
}
