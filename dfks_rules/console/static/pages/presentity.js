// One presentity: its keys as its phone sees them, who listens, what was, what comes.
import { html, useState } from "../vendor/preact.js";
import { ask, path, Problem, useAsked } from "../api.js";
import { useEvents } from "../live.js";
import { link } from "../route.js";
import { may, offers } from "../session.js";
import { duration, time } from "../format.js";
import { Copy } from "../parts/copy.js";
import { Lamp } from "../parts/lamp.js";
import { Badge, Empty, Shown, why } from "../parts/states.js";
import { stateText } from "../parts/feature_state.js";
import { named, t } from "../words.js";
import "../words/decisions.js";
import "../words/presentities.js";
import "../words/state.js";

/** @param {{who: string}} props */
export function Presentity({ who }) {
  const shown = useAsked(path(["presentities", who], { as: "phone" }), 30);
  const phones = useAsked(may("subscriptions:read") ? path(["subscriptions"], { presentity: who, limit: 100 }) : null, 10);
  const history = useAsked(offers("journal") ? path(["history"], { presentity: who, limit: 20 }) : null);
  const refused = useAsked(may("decisions:read") ? path(["decisions"], { presentity: who, effect: "deny", limit: 10 }) : null);
  const coming = useAsked(path(["presentities", who, "next"], { hours: 24 }), 60);
  const [said, say] = useState(/** @type {any} */ (null));
  useEvents((type, data) => {
    if (type !== "gap" && data?.presentity !== who) return;
    if (type.startsWith("subscription")) phones.again();
    else for (const one of [shown, history, refused, coming]) one.again();
  }, may("events:read"));

  const press = async (/** @type {string} */ feature, /** @type {any} */ body) => {
    try {
      const got = await ask("PUT", path(["presentities", who, "features", feature]), {
        body,
        headers: shown.etag ? { "If-Match": shown.etag } : {},
      });
      const { result } = got.body;
      say(result.refused ? refusal(result.refused, result.decision?.id) : html`<${Badge} of="good">${t("presentity.done", { feature: named("feature", feature), state: stateText(result.stored) })} ${result.changed ? "" : t("presentity.same")}<//>`);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      say(told(problem));
    }
    shown.again();
  };
  const tellAgain = async () => {
    try {
      const { body } = await ask("POST", path(["presentities", who, "notify"]));
      say(html`<${Badge} of="good">${t("presentity.toldAgain", { count: body.watchers })}<//>`);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      say(told(problem));
    }
  };
  return html`
    <div class="row between">
      <h1>${who}${shown.value && html` <small class="soft">${t("presentity.revision", { revision: shown.value.revision })}</small>`}</h1>
      <div class="row">
        ${may("subscriptions:write") && html`<button onClick=${tellAgain}>${t("presentity.tellAgain")}</button>`}
        ${may("trace") && html`<a href=${link("trace", [who])}>${t("presentity.trace")}</a>`}
        <${Copy} />
      </div>
    </div>
    <p role="status" class="said">${said}</p>
    <section aria-label=${t("presentity.keys")}>
      <${Shown} asked=${shown}>${(/** @type {any} */ value) => html`<div class="lamps">${Object.entries(value.features).map(([feature, state]) =>
        html`<${Lamp} feature=${feature} state=${state} told=${value.told ? value.told[feature] || null : undefined} press=${may("features:write") ? press : undefined} key=${feature} />`)}</div>`}<//>
    </section>
    ${may("subscriptions:read") && html`<section class="card"><h2>${t("presentity.listeners")}</h2><${Shown} asked=${phones}>${(/** @type {any} */ page) => html`<${Phones} who=${who} items=${page.items} />`}<//></section>`}
    <div class="grid">
      <section class="card"><h2>${t("presentity.coming")}</h2><${Shown} asked=${coming}>${(/** @type {any} */ value) => html`<${Next} changes=${value.changes} />`}<//></section>
      ${may("decisions:read") && html`<section class="card"><h2>${t("presentity.refusals")}</h2><${Shown} asked=${refused}>${(/** @type {any} */ page) => html`<${Refused} items=${page.items} />`}<//></section>`}
    </div>
    ${offers("journal") && html`<section class="card"><h2>${t("presentity.history")}</h2><${Shown} asked=${history}>${(/** @type {any} */ page) => html`<${History} items=${page.items} />`}<//></section>`}`;
}

/** @param {Api.Refusal} by @param {string} [decision] */
const refusal = ({ reason, rule }, decision) =>
  html`<${Badge} of="bad">${t("presentity.refused", { reason, rule })}<//> ${decision && html`<a href=${link("decisions", [decision])}>${t("presentity.why")}</a>`}`;

/** @param {Problem} problem */
function told(problem) {
  if (problem.status === 412) return html`<${Badge} of="warn">${t("presentity.meanwhile")}<//>`;
  const { reason, rule, decision } = problem.told;
  if (problem.kind === "refused-by-policy") return refusal({ reason, rule, text: null }, decision);
  return html`<${Badge} of="bad">${why(problem)}<//>`;
}

/** @param {{who: string, items: any[]}} props */
function Phones({ who, items }) {
  if (!items.length) {
    return html`<p><strong>${t("presentity.nobody")}</strong></p>
      <h3>${t("presentity.tree")}</h3>
      <ol class="why">
        <li>${t("presentity.tree1")}</li>
        <li>${t("presentity.tree2")} ${may("trace") && html`<a href=${link("trace", [who])}>${t("presentity.trace")}</a>`}</li>
        <li>${t("presentity.tree3")} ${may("decisions:read") && html`<a href=${link("decisions", [], { presentity: who })}>${t("page.decisions")}</a>`}</li>
      </ol>`;
  }
  return html`<div class="scroll flow" tabindex="0" role="group" aria-label=${t("presentity.listeners")}><table>
    <thead><tr><th scope="col">${t("presentity.watcher")}</th><th scope="col">${t("presentity.contact")}</th><th scope="col">${t("presentity.left")}</th><th scope="col">${t("presentity.address")}</th></tr></thead>
    <tbody>${items.map((one) => html`<tr><td>${one.watcher}</td><td class="mono">${one.contact} ${one.transport}</td><td>${duration(one.expires)}</td><td>${named("proof", one.proof)}</td></tr>`)}</tbody>
  </table></div>`;
}

/** @param {{changes: any[]}} props */
const Next = ({ changes }) => changes.length
  ? html`<ul>${changes.map((one) => html`<li>${time(one.at)}: ${named("feature", one.feature)} → ${stateText(one.after)} <span class="soft">(${t(`presentity.${one.cause}`)}${one.rule ? `, ${one.rule}` : ""})</span></li>`)}</ul>`
  : html`<${Empty}>${t("presentity.comingNone")}<//>`;

/** @param {{items: any[]}} props */
const Refused = ({ items }) => items.length
  ? html`<ul>${items.map((one) => html`<li>${time(one.at)}: ${named("feature", one.feature || "")} ${one.reason} <a href=${link("decisions", [one.id])}>${t("presentity.why")}</a></li>`)}</ul>`
  : html`<${Empty}>${t("word.none")}<//>`;

/** @param {{items: any[]}} props */
const History = ({ items }) => items.length
  ? html`<div class="scroll flow" tabindex="0" role="group" aria-label=${t("presentity.history")}><table>
    <thead><tr>${["at", "feature", "after", "who", "rule"].map((one) => html`<th scope="col">${t(`column.${one}`)}</th>`)}</tr></thead>
    <tbody>${items.map((one) => html`<tr><td>${time(one.at)}</td><td>${named("feature", one.feature)}</td><td>${stateText(one.after)}</td><td>${named("origin", one.origin)} ${one.actor}</td><td>${one.decision ? html`<a href=${link("decisions", [one.decision])}>${one.rule || t("decisions.nobody")}</a>` : one.rule}</td></tr>`)}</tbody>
  </table></div>`
  : html`<${Empty}>${t("presentity.historyNone")}<//>`;
