// Why something was decided so: rules as a stack in their order, the test that failed, the facts.
import { html } from "../vendor/preact.js";
import { path, useAsked } from "../api.js";
import { link } from "../route.js";
import { time } from "../format.js";
import { Copy } from "./copy.js";
import { Badge, Empty, shown } from "./states.js";
import { named, t } from "../words.js";
import "../words/decisions.js";
import "../words/state.js";

/** @param {{id: string}} props */
export function Why({ id }) {
  const record = useAsked(path(["decisions", id]));
  const explained = useAsked(path(["decisions", id, "explanation"]));
  if (record.problem?.status === 404) return html`<${Empty}>${t("decisions.gone")}<//>`;
  return shown(record, (one) => html`<${Record} of=${one} />
    ${shown(explained, (value) => html`<${Explanation} of=${value} />`)}
    <${Facts} given=${one.given} />`);
}

/** @param {{of: Api.DecisionRecord}} props */
function Record({ of: { id, at, given, decision, policyRevision } }) {
  return html`<div class="row between">
      <h2>${t(`op.${given.op}`)} ${given.feature ? named("feature", given.feature) : ""}</h2>
      <div class="row"><a href=${link("playground", [], { decision: id })}>${t("decisions.playground")}</a><${Copy} /></div>
    </div>
    <dl class="facts">
      <dt>${t("decisions.presentity")}</dt><dd><a href=${link("presentities", [given.presentity])}>${given.presentity}</a></dd>
      <dt>${t("column.at")}</dt><dd>${time(at)}</dd>
      <dt>${t("column.who")}</dt><dd>${named("origin", given.origin)} ${given.watcher || ""}</dd>
      <dt>${t("decisions.result")}</dt><dd><${Badge} of=${decision.decision === "deny" ? "bad" : "good"}>${named("effect", decision.decision)} ${decision.reason || ""}<//></dd>
      <dt>${t("decisions.revision")}</dt><dd class="mono">${policyRevision.slice(0, 7)}</dd>
    </dl>`;
}

/** What decided, and what did not. @param {{of: Api.Explanation}} props */
export const Explanation = ({ of }) => {
  const near = of.unmatched.filter((one) => !one.elsewhere);
  const far = of.unmatched.length - near.length;
  return html`
    <h3>${t("decisions.matched")}</h3>
    ${of.matched.length ? html`<ol class="stack">${of.matched.map((one) => html`<${Matched} rule=${one} />`)}</ol>` : html`<${Empty}>${t("decisions.nobody")}<//>`}
    ${near.length > 0 && html`<h3>${t("decisions.unmatched")}</h3><ol class="stack">${near.map((one) => html`<${Unmatched} rule=${one} />`)}</ol>`}
    ${far > 0 && html`<p class="soft">${t("decisions.elsewhere", { count: far })}</p>`}
    <details><summary>${t("decisions.text")}</summary><pre tabindex="0">${of.text.join("\n")}</pre></details>`;
};

/** @param {{rule: any}} props */
const Matched = ({ rule }) => html`<li><span class="mono">${rule.rule}</span>
  <ul>${rule.said.map((/** @type {any} */ one) => html`<li class=${one.lost ? "soft" : ""}>${one.lost ? "" : "✓ "}${one.field}: ${value(one.value)}${one.lost ? ` (${t("decisions.lost", { why: value(one.lost) })})` : ""}</li>`)}</ul></li>`;

/** @param {{rule: any}} props */
const Unmatched = ({ rule }) => html`<li class="calm"><span class="mono">${rule.rule}</span>
  <ul>${rule.because.map((/** @type {any} */ one) => html`<li>✕ <span class="mono">${one.test}</span>, ${t("decisions.saw", { value: seen(one.saw) })}</li>`)}</ul></li>`;

/** @param {{given: Record<string, any>}} props */
const Facts = ({ given }) => html`<details><summary>${t("decisions.facts")}</summary>
  <dl class="facts mono">${Object.entries(given).map(([name, one]) => html`<dt>${name}</dt><dd>${value(one)}</dd>`)}</dl></details>`;

/** @param {any} one */
const value = (one) => (typeof one === "string" ? one : JSON.stringify(one));
/** @param {Record<string, any>} saw */
const seen = (saw) => Object.entries(saw || {}).map(([name, one]) => `${name}: ${value(one)}`).join(", ") || t("word.none");
