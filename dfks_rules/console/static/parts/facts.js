// The facts of a request, as a form or as text.
import { html, useState } from "../vendor/preact.js";
import { FactsForm } from "./facts_form.js";
import { t } from "../words.js";

/** @param {{facts: Record<string, any>, names: string[], change: (facts: Record<string, any>) => void}} props */
export function Facts({ facts, names, change }) {
  const [asText, setAsText] = useState(false);
  const [text, setText] = useState("");
  const [wrong, setWrong] = useState("");
  const write = (/** @type {string} */ now) => {
    setText(now);
    try {
      change(JSON.parse(now));
      setWrong("");
    } catch (error) {
      setWrong(t("play.badFacts", { why: /** @type {Error} */ (error).message }));
    }
  };
  const choose = (/** @type {boolean} */ on) => {
    if (on) setText(JSON.stringify(facts, null, 1));
    setAsText(on);
    setWrong("");
  };
  return html`<div class="tabs" role="group" aria-label=${t("play.facts")}>
      <button aria-pressed=${!asText} onClick=${() => choose(false)}>${t("play.form")}</button>
      <button aria-pressed=${asText} onClick=${() => choose(true)}>${t("play.text")}</button>
    </div>
    ${asText
      ? html`<textarea aria-label=${t("play.facts")} spellcheck="false" value=${text} aria-invalid=${wrong ? "true" : undefined} onInput=${(/** @type {any} */ event) => write(event.target.value)}></textarea><p class="bad" role="alert">${wrong}</p>`
      : html`<${FactsForm} facts=${facts} names=${names} change=${change} />`}`;
}
