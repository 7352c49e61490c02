// What may stand at the cursor, from the same schema that checks policy files.
import { language } from "../words.js";

/** By language. @type {Record<string, Promise<any>>} */
const loading = {};
const schema = () => (loading[language.value] ??= fetch(new URL(`../policy.${language.value}.schema.json`, import.meta.url)).then((response) => response.json()));

/** Names of all facts, for forms. @returns {Promise<string[]>} */
export const factNames = async () => Object.keys(properties(await schema(), (await schema()).$defs.condition)).filter((one) => !["any", "all", "not"].includes(one));

/** The schema itself, and whatever it refers to or allows, each once.
 * @param {any} root @param {any} one @param {Set<any>} [found] @returns {any[]} */
function shapes(root, one, found = new Set()) {
  if (!one || typeof one !== "object" || found.has(one)) return [];
  found.add(one);
  if (one.$ref) shapes(root, one.$ref.split("/").slice(1).reduce((/** @type {any} */ at, /** @type {string} */ part) => at?.[part], root), found);
  for (const each of [...(one.anyOf || []), ...(one.oneOf || []), ...(one.allOf || [])]) shapes(root, each, found);
  return [...found];
}

/** @param {any} root @param {any} one @returns {Record<string, any>} */
const properties = (root, one) => Object.assign({}, ...shapes(root, one).map((each) => each.properties || {}));

/** @param {any} root @param {any} one @param {string} key */
function below(root, one, key) {
  if (key === "-") return { anyOf: shapes(root, one).map((each) => each.items).filter(Boolean) };
  const found = properties(root, one)[key];
  return found || { anyOf: shapes(root, one).map((each) => each.additionalProperties).filter((each) => typeof each === "object") };
}

/** Keys from the top of the document to the cursor, by indentation and, within a line, by open braces.
 * @param {string[]} before lines up to the cursor @returns {string[]} */
export function wayTo(before) {
  const line = before[before.length - 1];
  const way = [];
  let depth = line.search(/[^\s]|$/);
  const flow = [];
  for (const match of line.matchAll(/([\w.]+):\s*\{|(\})/g)) match[2] ? flow.pop() : flow.push(match[1]);
  const own = /^\s*(?:- )?([\w.]+):/.exec(line);
  const last = /([\w.]+):\s*$/.exec(line);
  if (flow.length ? last : own && /:\s/.test(line.slice(depth))) flow.push(/** @type {RegExpExecArray} */ (flow.length ? last : own)[1]);
  if (/^\s*- /.test(line)) way.unshift("-");
  for (let at = before.length - 2; at >= 0; at--) {
    const text = before[at];
    if (!text.trim() || text.trim().startsWith("#")) continue;
    const isItem = /^\s*- /.test(text);
    const indent = text.search(/\S/);
    const inner = isItem ? indent + 2 : indent;
    const key = /^\s*(?:- )?([\w.]+):\s*$/.exec(text);
    if (inner < depth || (indent < depth && isItem)) {
      if (key && inner < depth) way.unshift(key[1]);
      if (isItem) way.unshift("-");
      depth = indent;
    } else if (way[0] === "-" && indent <= depth && key && !isItem) {
      way.unshift(key[1]);
      depth = indent;
    }
  }
  return [...way, ...flow];
}

/** @param {any} context of CodeMirror */
export async function complete(context) {
  const word = context.matchBefore(/[\w.]*/);
  if (!context.explicit && !word.text) return null;
  const root = await schema();
  const before = context.state.doc.sliceString(0, context.pos - word.text.length).split("\n");
  const at = wayTo(before).reduce((one, key) => below(root, one, key), root);
  const isKey = !/[:[]\s*$/.test(before[before.length - 1]) || /\{\s*$|,\s*$/.test(before[before.length - 1]);
  const keys = isKey ? Object.entries(properties(root, at)).map(([name, one]) => ({ label: name, type: "property", info: one.description, apply: `${name}: ` })) : [];
  const values = shapes(root, at).flatMap((one) => one.enum || ("const" in one ? [one.const] : [])).map((one) => ({ label: String(one), type: "enum" }));
  const options = [...keys, ...(isKey && keys.length ? [] : values)];
  return options.length ? { from: word.from, options, validFor: /^[\w.]*$/ } : null;
}
