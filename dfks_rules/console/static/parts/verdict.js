// What the files decide, why, and how that differs from what is in force.
import { html, useState } from "../vendor/preact.js";
import { ask } from "../api.js";
import { percent } from "../format.js";
import { Act } from "./act.js";
import { answer, Meaning } from "./meaning.js";
import { Explanation } from "./explanation.js";
import { Badge, Loading, why } from "./states.js";
import { t } from "../words.js";
import "../words/playground.js";
import "../words/policies.js";

/** @param {{of: any, files: any[]}} props */
export function Verdict({ of: { evaluated, active, problem }, files }) {
  const [tested, setTested] = useState(/** @type {any} */ (null));
  const [compared, setCompared] = useState(/** @type {any} */ (null));
  const test = async (/** @type {AbortSignal} */ signal) => setTested((await ask("POST", "/v1/policies/test", { body: { files }, signal })).body);
  const compare = async (/** @type {AbortSignal} */ signal) => setCompared((await ask("POST", "/v1/policies/diff", { body: { new: files }, signal })).body);
  const isSame = evaluated && active && JSON.stringify(evaluated.decision) === JSON.stringify(active.decision);
  return html`<h2>${t("play.result")}</h2>
    ${problem ? html`<p class="bad" role="status">${why(problem)}</p>` : !evaluated ? html`<${Loading} />` : html`
      <p role="status"><strong>${answer(evaluated.decision)}</strong></p>
      ${active && html`<p>${t("play.against")}: ${isSame ? t("play.same") : answer(active.decision)}</p>`}
      <${Explanation} of=${evaluated} />`}
    <p class="row"><${Act} label=${t("play.cases")} run=${test} /><${Act} label=${t("play.diff")} run=${compare} /></p>
    ${tested && html`<p>${!tested.cases.length ? t("policies.noCases") : html`<${Badge} of=${tested.passed ? "good" : "bad"}>${tested.passed ? t("policies.passed", { count: tested.cases.length }) : t("policies.notPassed", { failed: tested.cases.filter((/** @type {any} */ one) => !one.passed).length, count: tested.cases.length })}<//>`} ${t("policies.coverage", { percent: percent(tested.coverage / 100) })}</p>
      <ul class="stack">${tested.cases.filter((/** @type {any} */ one) => !one.passed).map((/** @type {any} */ one) => html`<li><${Badge} of="bad">${one.name}<//><pre tabindex="0">${one.differences.join("\n")}</pre></li>`)}</ul>`}
    ${compared && html`<${Meaning} of=${compared} />`}`;
}
