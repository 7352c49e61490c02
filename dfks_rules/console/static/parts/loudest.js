// Who is loud, and with what: the same key again and again, refusals that are tried again, new subscriptions.
import { html } from "../vendor/preact.js";
import { link } from "../route.js";
import { may } from "../session.js";
import { number } from "../format.js";
import { Badge, Empty } from "./states.js";
import { named, t } from "../words.js";
import "../words/overview.js";
import "../words/state.js";

/** @typedef {{at: number, who: string, type: string, features: string[], by: string, rule: string | null}} Heard */

/** @param {string} type @param {any} data @param {number} at @returns {Heard} */
export const heardOf = (type, data, at) => ({
  at,
  who: data.presentity,
  type,
  features: (data.changed || (data.feature ? [data] : [])).map((/** @type {any} */ one) => one.feature),
  by: data.origin || "",
  rule: type === "feature-refused" ? `${data.reason} (${data.rule})` : null,
});

/** The five most frequent. @param {string[]} names @returns {[string, number][]} */
export function top(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5);
}

/** @param {{heard: Heard[]}} props */
export function Loudest({ heard }) {
  const names = top(heard.filter((one) => one.type !== "subscription-ended").map((one) => one.who));
  if (!names.length) return html`<${Empty}>${t("overview.noLoud")}<//>`;
  return html`<ul class="stack">${names.map(([who]) => html`<${One} who=${who} heard=${heard.filter((one) => one.who === who)} key=${who} />`)}</ul>`;
}

/** @param {{who: string, heard: Heard[]}} props */
function One({ who, heard }) {
  const count = (/** @type {string} */ type) => heard.filter((one) => one.type === type).length;
  const [changed, refused, started] = ["feature-changed", "feature-refused", "subscription-started"].map(count);
  const features = top(heard.flatMap((one) => one.features)).map(([name]) => named("feature", name));
  const by = top(heard.flatMap((one) => (one.by ? [one.by] : []))).map(([name]) => named("origin", name));
  return html`<li><a href=${link("presentities", [who])}>${who}</a>
      ${changed > 0 && html` · ${t("overview.changes", { count: number(changed) })}`}
      ${refused > 0 && html` · <${Badge} of="bad">${t("overview.refusedTimes", { count: number(refused) })}<//>`}
      ${started > 0 && html` · ${t("overview.started", { count: number(started) })}`}
    ${features.length > 0 && html`<br /><span class="soft">${[...features, ...by].join(", ")}</span>`}
    ${changed + refused + started >= LOUD && html`<p>${hint(changed, refused, started)} ${may("decisions:read") && html`<a href=${link("decisions", [], { presentity: who, effect: refused > changed ? "deny" : "" })}>${t("overview.see")}</a>`}</p>`}</li>`;
}

const LOUD = 10;
/** What is probably going on. @param {number} changed @param {number} refused @param {number} started */
function hint(changed, refused, started) {
  if (refused >= changed && refused >= started) return t("overview.hintRefused");
  return t(started > changed ? "overview.hintStarted" : "overview.hintChanged");
}
