// Rules as a stack in the order of their precedence: what each said, and the test that failed.
import { html } from "../vendor/preact.js";
import { Empty } from "./states.js";
import { t } from "../words.js";
import "../words/decisions.js";

/** What decided, and what did not. @param {{of: Api.Explanation}} props */
export const Explanation = ({ of }) => {
  const near = of.unmatched.filter((one) => !one.elsewhere);
  const far = of.unmatched.length - near.length;
  return html`
    <h3>${t("decisions.matched")}</h3>
    ${of.matched.length ? html`<ol class="stack ranked">${of.matched.map((one) => html`<${Matched} rule=${one} />`)}</ol>` : html`<${Empty}>${t("decisions.nobody")}<//>`}
    ${near.length > 0 && html`<h3>${t("decisions.unmatched")}</h3><ol class="stack">${near.map((one) => html`<${Unmatched} rule=${one} />`)}</ol>`}
    ${far > 0 && html`<p class="soft">${t("decisions.elsewhere", { count: far })}</p>`}
    <details><summary>${t("decisions.text")}</summary><pre tabindex="0">${of.text.join("\n")}</pre></details>`;
};

/** @param {{rule: any}} props */
const Matched = ({ rule }) => html`<li><span class="mono">${rule.rule}</span>
  <ul>${rule.said.map((/** @type {any} */ one) => html`<li class=${one.lost ? "soft" : ""}>${one.lost ? "" : "✓ "}${one.field}: ${value(one.value)}${one.lost ? ` (${t("decisions.lost", { why: t(`lost.${one.why}`, { rule: one.by }) })})` : ""}</li>`)}</ul></li>`;

/** @param {{rule: any}} props */
const Unmatched = ({ rule }) => html`<li class="calm"><span class="mono">${rule.rule}</span>
  <ul>${rule.because.map((/** @type {any} */ one) => html`<li>✕ <span class="mono">${one.test}</span>, ${t("decisions.saw", { value: seen(one.saw) })}</li>`)}</ul></li>`;

/** @param {any} one */
export const value = (one) => (typeof one === "string" ? one : one === null ? "–" : JSON.stringify(one));
/** @param {Record<string, any>} saw */
const seen = (saw) => Object.entries(saw || {}).map(([name, one]) => `${name}: ${value(one)}`).join(", ") || t("word.none");
