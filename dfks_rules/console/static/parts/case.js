// A decision as a case that `dfks policy test` runs, and what other policies decide about its facts.
import { html, useState } from "../vendor/preact.js";
import { ask } from "../api.js";
import { Act } from "./act.js";
import { Copy } from "./copy.js";
import { draft } from "./draft.js";
import { answer } from "./answer.js";
import { Badge } from "./states.js";
import { mayAll } from "../session.js";
import { t } from "../words.js";
import "../words/decisions.js";
import "../words/policies.js";

/** JSON that is YAML as well, with keys as people write them. @param {any} value @returns {string} */
function flow(value) {
  if (Array.isArray(value)) return `[${value.map(flow).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, one]) => `${/^[A-Za-z][\w.-]*$/.test(name) ? name : JSON.stringify(name)}: ${flow(one)}`).join(", ")}}`;
}

/** @param {{given: Record<string, any>, decision: Record<string, any>}} of */
export function caseText({ given, decision: { decision, reason, status, by } }) {
  const name = [given.op, given.feature, reason || decision].filter(Boolean).join(" ");
  const expect = { decision, ...(reason ? { reason, by: { deny: by.deny } } : { status, by }) };
  return `apiVersion: dfks/v1
kind: PolicyTest
policies: [.]
tests:
  - name: ${JSON.stringify(name)}
    given: ${flow(given)}
    expect: ${flow(expect)}
`;
}

/** @param {{given: Record<string, any>, decision: Record<string, any>}} props */
export function Case({ given, decision }) {
  const text = caseText({ given, decision });
  return html`<details><summary>${t("decisions.case")}</summary><p class="soft">${t("decisions.caseHow")}</p>
    <pre class="diff" tabindex="0">${text}</pre><p><${Copy} text=${() => text}>${t("decisions.makeCase")}<//></p></details>
    ${mayAll("policies:read") && html`<${Compare} facts=${given} />`}`;
}

/** @param {{facts: Record<string, any>}} props */
function Compare({ facts }) {
  const [told, tell] = useState(/** @type {{now: any, then: any} | null} */ (null));
  const files = draft();
  if (!files) return null;
  const compare = async (/** @type {AbortSignal} */ signal) => {
    const now = (await ask("POST", "/v1/policies/evaluate", { body: { facts }, signal })).body.decision;
    tell({ now, then: (await ask("POST", "/v1/policies/evaluate", { body: { facts, files }, signal })).body.decision });
  };
  const isSame = told && JSON.stringify(told.now) === JSON.stringify(told.then);
  return html`<p><${Act} label=${t("decisions.candidate")} run=${compare} /></p>
    ${told && html`<p role="status"><${Badge} of=${isSame ? "good" : "warn"}>${t(isSame ? "decisions.alike" : "decisions.other")}<//></p>
      <dl class="facts"><dt>${t("policies.was")}</dt><dd>${answer(told.now)}</dd><dt>${t("policies.becomes")}</dt><dd>${answer(told.then)}</dd></dl>`}`;
}
