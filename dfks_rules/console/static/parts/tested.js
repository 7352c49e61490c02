// What cases and proofs have shown.
import { html } from "../vendor/preact.js";
import { link } from "../route.js";
import { percent } from "../format.js";
import { answer } from "./answer.js";
import { Badge } from "./states.js";
import { named, t } from "../words.js";
import "../words/policies.js";
import "../words/tested.js";

/** @param {{of: Api.Tested}} props */
export function Tested({ of }) {
  const count = of.cases.length;
  const failed = of.cases.filter((one) => !one.passed);
  return html`<p role="status">${!count ? t("policies.noCases") : failed.length
      ? html`<${Badge} of="bad">${t("policies.notPassed", { failed: failed.length, count })}<//>`
      : html`<${Badge} of="good">${t("policies.passed", { count })}<//>`} ${t("policies.coverage", { percent: percent(of.coverage / 100) })}</p>
    <ul class="stack">${failed.map((one) => html`<li><${Badge} of="bad">${one.name}<//> <span class="mono soft">${one.file}:${one.line}</span><pre tabindex="0">${[...one.differences, ...one.why].join("\n")}</pre></li>`)}</ul>
    <${Unshown} label=${t("policies.uncovered")} items=${of.uncovered} /><${Unshown} label=${t("cases.untested")} items=${of.untested} />`;
}

/** @param {{label: string, items: Api.Tested["uncovered"]}} props */
const Unshown = ({ label, items }) => items.length > 0 && html`<details><summary>${label} (${items.length})</summary>
  <ul>${items.map((one) => html`<li><span class="mono">${one.file}:${one.line}</span> ${one.title} ${one.what}</li>`)}</ul></details>`;

/** @type {Record<string, "good" | "bad" | "warn">} */
const MARKS = { proved: "good", refuted: "bad" };

/** @param {{of: Api.Tried}} props */
export function Tried({ of }) {
  const count = of.proofs.length;
  const proved = of.proofs.filter((one) => one.verdict === "proved").length;
  return html`<p role="status">${!count ? t("proofs.none") : html`<${Badge} of=${of.passed ? "good" : "warn"}>${of.passed ? t("proofs.all", { count }) : t("proofs.some", { proved, count })}<//>`}</p>
    <ul class="stack">${of.findings.map((one) => html`<li><${Badge} of=${one.severity === "error" ? "bad" : "warn"}>${one.message}<//> <span class="mono soft">${one.file}:${one.line}</span></li>`)}
      ${of.proofs.map((one) => html`<li><${Badge} of=${MARKS[one.verdict] || "warn"}>${named("tried", one.verdict)}<//> ${one.name} <span class="mono soft">${one.file}:${one.line}</span>
        ${one.reason && html`<p>${one.reason}</p>`}
        ${one.given && html`<p class="mono">${JSON.stringify(one.given)}</p><p>${answer(one.answer)} <a href=${link("playground", [], { facts: JSON.stringify(one.given) })}>${t("policies.inPlayground")}</a></p>`}</li>`)}</ul>`;
}
