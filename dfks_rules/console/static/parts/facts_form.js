// Facts as a form: a row for each, and the usual ones to choose from.
import { html, useState } from "../vendor/preact.js";
import { t } from "../words.js";
import "../words/playground.js";

const NUMBERS = /^-?\d+$/;

/** What a text means: a number, true, false, a list of names, or itself. @param {string} text */
export function meant(text) {
  if (NUMBERS.test(text)) return Number(text);
  if (text === "true" || text === "false") return text === "true";
  return text.startsWith("[") ? text.slice(1).replace(/\]$/, "").split(",").map((one) => one.trim()).filter(Boolean) : text;
}

/** @param {any} value */
const told = (value) => (Array.isArray(value) ? `[${value.join(", ")}]` : String(value));

/** @param {{facts: Record<string, any>, names: string[], change: (facts: Record<string, any>) => void}} props */
export function FactsForm({ facts, names, change }) {
  const [added, add] = useState("");
  const set = (/** @type {string} */ name, /** @type {string} */ text) => change({ ...facts, [name]: meant(text) });
  const remove = (/** @type {string} */ name) => change(Object.fromEntries(Object.entries(facts).filter(([one]) => one !== name)));
  const enter = (/** @type {any} */ event) => {
    event.preventDefault();
    if (added && !(added in facts)) change({ ...facts, [added]: "" });
    add("");
  };
  return html`<table class="form">
      <thead><tr><th scope="col">${t("play.fact")}</th><th scope="col">${t("play.value")}</th><td></td></tr></thead>
      <tbody>${Object.entries(facts).map(([name, value]) => html`<tr key=${name}>
        <td class="mono">${name.split(".").map((part, place) => (place ? html`.<wbr />${part}` : part))}</td>
        <td><input class="mono" aria-label=${name} value=${told(value)} maxlength="512" onChange=${(/** @type {any} */ event) => set(name, event.target.value.trim())} /></td>
        <td><button aria-label=${t("play.removeFact", { name })} onClick=${() => remove(name)}>✕</button></td>
      </tr>`)}</tbody>
    </table>
    <form class="row" onSubmit=${enter}>
      <label>${t("play.fact")}<input class="mono" list="facts" value=${added} maxlength="100" onInput=${(/** @type {any} */ event) => add(event.target.value.trim())} /></label>
      <datalist id="facts">${names.map((one) => html`<option value=${one}></option>`)}</datalist>
      <button>${t("play.addFact")}</button>
    </form>`;
}
