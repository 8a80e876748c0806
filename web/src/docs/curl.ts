import type { Operation } from "./document";
import type { Schemas } from "./schema";

/** The call as a command for a shell; `$TOKEN` and names in capitals are for its user to fill in. */
export function curl(operation: Operation, schemas: Schemas, origin: string): string {
  const { method, path, parameters = [], requestBody, security } = operation;
  const query = parameters.filter((parameter) => parameter.in === "query" && parameter.required).map(({ name }) => `${name}=${placeholder(name)}`);
  const url = origin + path.replace(/\{([^}]+)\}/g, (_, name: string) => placeholder(name)) + (query.length > 0 ? `?${query.join("&")}` : "");
  const words = ["curl"];
  if (method !== "get") words.push(`-X ${method.toUpperCase()}`);
  words.push(/[&?$]/.test(url) ? `"${url}"` : url);
  if (security) words.push('-H "Authorization: Bearer $TOKEN"');
  const schema = requestBody?.content["application/json"]?.schema;
  if (schema) {
    const body = JSON.stringify(schemas.example(schema));
    words.push("-H 'Content-Type: application/json'", `-d '${body.replaceAll("'", "'\\''")}'`);
  }
  return words.reduce((line, word) => (line.split("\n").pop()!.length + word.length > 76 ? `${line} \\\n  ${word}` : `${line} ${word}`));
}

function placeholder(name: string): string {
  return `$${name.replace(/([a-z])([A-Z])/g, "$1_$2").replaceAll("-", "_").toUpperCase()}`;
}
