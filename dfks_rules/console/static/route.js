// The address behind `#`: which page, about what, with which filters. A copied link opens the same view.
import { signal } from "./signal.js";

/** @typedef {{page: string, rest: string[], query: Record<string, string>}} Route */

/** @param {string} hash @returns {Route} */
export function parse(hash) {
  const [way, query = ""] = hash.replace(/^#?\/?/, "").split("?");
  const [page = "", ...rest] = way.split("/").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { page: page || "overview", rest: rest.filter(Boolean), query: Object.fromEntries(new URLSearchParams(query)) };
}

export const route = signal(parse(location.hash));
window.addEventListener("hashchange", () => (route.value = parse(location.hash)));

/** The link to a page.
 * @param {string} page @param {string[]} [rest]
 * @param {Record<string, string | number | undefined>} [query] */
export function link(page, rest = [], query = {}) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") asked.set(name, String(value));
  const way = [page, ...rest].map(encodeURIComponent).join("/").replaceAll("%3A", ":").replaceAll("%40", "@");
  return `#/${way}${String(asked) ? `?${asked}` : ""}`;
}

/** Go to a page. @type {typeof link extends (...a: infer A) => any ? (...a: A) => void : never} */
export function go(page, rest, query) {
  location.hash = link(page, rest, query);
}

/** Change filters of this page; Back does not go through each letter that was typed.
 * @param {Record<string, string | undefined>} changes */
export function filter(changes) {
  const { page, rest, query } = route.value;
  history.replaceState(null, "", link(page, rest, { ...query, ...changes }));
  route.value = parse(location.hash);
}
