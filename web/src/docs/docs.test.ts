import { describe, expect, it } from "vitest";
import { curl } from "./curl";
import { type Document, groups } from "./document";
import { Schemas } from "./schema";

const described: Document = {
  info: { title: "Weir", version: "1" },
  tags: [{ name: "streams", description: "For owners" }],
  paths: {
    "/healthz": { get: { responses: {} } },
    "/api/live/{videoId}/start": {
      post: {
        tags: ["streams"], security: [{}], responses: {},
        parameters: [{ name: "videoId", in: "path", required: true }],
        requestBody: { content: { "application/json": { schema: { oneOf: [{ type: "null" }, { $ref: "#/components/schemas/Start" }] } } } },
      },
    },
  },
  components: {
    schemas: {
      Start: { type: "object", required: ["mode"], properties: { mode: { $ref: "#/components/schemas/Mode" }, url: { type: ["string", "null"], format: "uri", example: "it's" } } },
      Mode: { type: "string", enum: ["low", "standard"], description: "How far behind." },
      Both: { allOf: [{ $ref: "#/components/schemas/Start" }, { type: "object", properties: { count: { type: "integer", minimum: 1, maximum: 9, default: 3 } } }] },
      Tree: { type: "object", properties: { children: { type: "array", items: { $ref: "#/components/schemas/Tree" } } } },
    },
  },
};
const schemas = new Schemas(described);

describe("the API's page", () => {
  it("shows the calls by their tags", () => {
    expect(groups(described).map(({ name, operations }) => [name, operations.map(({ anchor }) => anchor)])).toEqual([
      ["streams", ["post-api-live-videoId-start"]],
      ["other", ["get-healthz"]],
    ]);
  });

  it("shows what is inside of an object", () => {
    expect(schemas.fields({ $ref: "#/components/schemas/Both" })).toEqual([
      { name: "mode", type: "Mode", required: true, limits: "low, standard", description: "How far behind.", fields: [] },
      { name: "url", type: "uri or null", required: false, limits: "", description: "", fields: [] },
      { name: "count", type: "integer", required: false, limits: "1 to 9; default 3", description: "", fields: [] },
    ]);
  });

  it("ends where an object holds its like", () => {
    expect(JSON.stringify(schemas.fields({ $ref: "#/components/schemas/Tree" })).match(/"children"/g)).toHaveLength(4);
  });

  it("makes a command of a call", () => {
    const [start] = groups(described)[0]!.operations;
    expect(curl(start!, schemas, "http://h")).toBe(
      `curl -X POST "http://h/api/live/$VIDEO_ID/start" \\\n  -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\\n  -d '{"mode":"low","url":"it'\\''s"}'`,
    );
  });
});
