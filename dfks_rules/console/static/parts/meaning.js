// What two sets of policies decide differently, in groups with an example of each.
import { html } from "../vendor/preact.js";
import { link } from "../route.js";
import { number } from "../format.js";
import { answer } from "./answer.js";
import { Badge } from "./states.js";
import { named, t } from "../words.js";
import "../words/decisions.js";
import "../words/policies.js";
import "../words/state.js";

/** @param {{of: any}} props `Compared` of the API */
export function Meaning({ of }) {
  if (!of.different) return html`<p><${Badge} of="good">${of.proved ? t("policies.proved") : t("policies.noMeaning", { tried: number(of.tried) })}<//></p>`;
  return html`<p>${t("policies.differ", { different: number(of.different), tried: number(of.tried) })}</p>
    <ul class="stack">${of.groups.map((/** @type {any} */ one) => html`<li>
      <strong>${t(`op.${one.op}`)} ${one.feature ? named("feature", one.feature) : ""}</strong> · ${number(one.count)}
      <dl class="facts"><dt>${t("policies.was")}</dt><dd>${answer(one.old)}</dd><dt>${t("policies.becomes")}</dt><dd>${answer(one.new)}</dd></dl>
      <details><summary>${t("decisions.facts")}</summary><dl class="facts mono">${Object.entries(one.given).map(([name, value]) => html`<dt>${name}</dt><dd>${JSON.stringify(value)}</dd>`)}</dl></details>
      <a href=${link("playground", [], { facts: JSON.stringify(one.given) })}>${t("policies.inPlayground")}</a>
    </li>`)}</ul>`;
}
