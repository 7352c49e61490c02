// Makes api.d.ts, for `tsc` only: what `/v1` answers and takes, from schemas/openapi.json.
import { readFileSync, writeFileSync } from "node:fs";

/** @typedef {Record<string, any>} Schema */
const { paths, components } = JSON.parse(readFileSync(new URL("../../schemas/openapi.json", import.meta.url), "utf8"));

/** A schema as a type. @param {Schema} [of] @returns {string} */
function type(of) {
  if (!of || !Object.keys(of).length) return "any";
  if (of.$ref) return of.$ref.split("/").pop();
  if ("const" in of) return JSON.stringify(of.const);
  if (of.enum) return of.enum.map((/** @type {any} */ one) => JSON.stringify(one)).join(" | ");
  const many = of.anyOf || of.oneOf || (Array.isArray(of.type) && of.type.map((/** @type {string} */ one) => ({ ...of, type: one })));
  if (many) return `(${many.map(type).join(" | ")})`;
  if (of.allOf) return `(${of.allOf.map(type).join(" & ")})`;
  if (of.type === "array") return `${type(of.items)}[]`.replace(/^([^()]* \| .*)\[\]$/, "($1)[]");
  if (of.type === "object") return fields(of);
  return { integer: "number", number: "number", string: "string", boolean: "boolean", null: "null" }[String(of.type)] || "any";
}

/** @param {Schema} of */
function fields({ properties, required = [], additionalProperties: more }) {
  if (!properties) return `Record<string, ${typeof more === "object" ? type(more) : "any"}>`;
  const all = Object.entries(properties).map(([name, one]) => `${JSON.stringify(name)}${required.includes(name) ? "" : "?"}: ${type(one)}`);
  return `{ ${all.join("; ")} }`;
}

/** @param {Schema} [of] what is sent or answered */
const json = (of) => Object.entries(of?.content || {}).filter(([name]) => name.endsWith("json")).map(([, one]) => type(one.schema));
/** @param {Schema} of an answer */
const answered = (of) => (of.content ? json(of) : ["null"]);

const answers = [];
const bodies = [];
for (const [path, item] of Object.entries(paths)) {
  for (const [method, { responses, requestBody }] of Object.entries(item)) {
    if (!responses) continue;
    const key = JSON.stringify(`${method.toUpperCase()} ${path.replace(/\{\w+\}/g, "{}")}`);
    const good = Object.entries(responses).filter(([status]) => status.startsWith("2")).flatMap(([, one]) => answered(one));
    answers.push(`    ${key}: ${[...new Set(good)].join(" | ") || "null"};`);
    if (requestBody) bodies.push(`    ${key}: ${[...new Set(json(requestBody))].join(" | ") || "any"};`);
  }
}
const schemas = Object.entries(components.schemas).map(([name, one]) => `  type ${name} = ${type(/** @type {Schema} */ (one))};`);
writeFileSync(new URL("api.d.ts", import.meta.url), `declare namespace Api {
${schemas.join("\n")}
  interface Answers {
${answers.join("\n")}
  }
  interface Bodies {
${bodies.join("\n")}
  }
  /** The path of parts: \`{}\` for each that is not known. */
  type Path<P extends readonly string[]> = P extends readonly [infer H extends string, ...infer R extends string[]] ? \`/\${string extends H ? "{}" : H}\${Path<R>}\` : "";
  /** A URL whose path is known. */
  type Url<K extends string> = string & { readonly path?: K };
  /** The path of a URL. */
  type Of<U> = U extends { readonly path?: infer K extends string } ? K : U;
  type Answer<M extends string, U> = \`\${M} \${Of<U> & string}\` extends infer K extends keyof Answers ? Answers[K] : never;
  type Body<M extends string, U> = \`\${M} \${Of<U> & string}\` extends infer K extends keyof Bodies ? Bodies[K] : never;
}
`);
