// The candidate that is compared with what is in force.
import { html } from "../vendor/preact.js";
import { ask, useAsked } from "../api.js";
import { may } from "../session.js";
import { number, time } from "../format.js";
import { answer } from "./answer.js";
import { Act } from "./act.js";
import { Shown } from "./states.js";
import { t } from "../words.js";
import "../words/policies.js";

/** @param {{ended: () => void}} props */
export function Shadow({ ended }) {
  const asked = useAsked("/v1/policies/shadow", 5);
  const stop = async () => {
    await ask("DELETE", "/v1/policies/shadow");
    ended();
  };
  return html`<${Shown} asked=${asked}>${(/** @type {any} */ one) => {
    const [same, different] = [one.same, one.different].map((counts) => Object.values(counts).reduce((a, b) => a + b, 0));
    return html`<p><span class="mono">${one.path} ${one.revision.slice(0, 7)}</span>: ${t("policies.shadowCounts", { different: number(different), all: number(same + different), at: time(one.since) })}</p>
      ${may("policies:write") && html`<p><${Act} label=${t("policies.stop")} run=${stop} /></p>`}
      ${one.samples.length > 0 && html`<h3>${t("policies.samples")}</h3><ul class="stack">${one.samples.map((/** @type {any} */ sample) => html`<li>
        <details><summary>${sample.given.op} ${sample.given.feature || ""} ${sample.given.presentity || ""}</summary><pre>${JSON.stringify(sample.given, null, 1)}</pre></details>
        <dl class="facts"><dt>${t("policies.was")}</dt><dd>${answer(sample.active)}</dd><dt>${t("policies.becomes")}</dt><dd>${answer(sample.shadow)}</dd></dl></li>`)}</ul>`}`;
  }}<//>`;
}
