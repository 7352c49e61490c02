// One key: whether its lamp is on, what the phone is told of it, and the key to press.
import { html, useState } from "../vendor/preact.js";
import { stateText } from "./feature_state.js";
import { named, t } from "../words.js";
import "../words/presentities.js";

const FORWARDS = new Set(["CallForwardingAlways", "CallForwardingBusy", "CallForwardingNoAnswer"]);

/** @param {{feature: string, state: any, told?: any, press?: (feature: string, body: any) => Promise<void>}} props
 *   told: what its phone is told; null: nothing; undefined: the same */
export function Lamp({ feature, state, told, press }) {
  const isOn = state.status === "on";
  return html`<article class="lamp" data-on=${String(isOn)} aria-label=${named("feature", feature)}>
    <h2><span class="bulb" aria-hidden="true">${isOn ? "◉" : "○"}</span> ${named("feature", feature)}</h2>
    <p><strong>${stateText(state)}</strong></p>
    ${told === null && html`<p class="warn">${t("presentity.hidden")}</p>`}
    ${told && stateText(told) !== stateText(state) && html`<p class="warn">${t("presentity.told", { state: stateText(told) })}</p>`}
    ${press && feature !== "AgentState" && html`<${Key} feature=${feature} state=${state} isOn=${isOn} press=${press} />`}
  </article>`;
}

/** @param {{feature: string, state: any, isOn: boolean, press: (feature: string, body: any) => Promise<void>}} props */
function Key({ feature, state, isOn, press }) {
  const [busy, setBusy] = useState(false);
  const send = async (/** @type {any} */ event) => {
    event.preventDefault();
    if (busy) return;
    const given = new FormData(event.target);
    const body = { status: isOn ? "off" : "on" };
    const to = String(given.get("to") || "").trim();
    const rings = String(given.get("rings") || "");
    if (!isOn && to) Object.assign(body, { forwardTo: to });
    if (!isOn && rings) Object.assign(body, { ringCount: Number(rings) });
    setBusy(true);
    await press(feature, body);
    setBusy(false);
  };
  return html`<form onSubmit=${send} class="row">
    ${!isOn && FORWARDS.has(feature) && html`<label>${t("presentity.to")}<input name="to" maxlength="512" size="16" defaultValue=${state.forwardTo || ""} /></label>`}
    ${!isOn && feature === "CallForwardingNoAnswer" && html`<label>${t("presentity.rings")}<input name="rings" type="number" min="0" max="20" size="3" defaultValue=${state.ringCount ?? ""} /></label>`}
    <button aria-busy=${busy}>${isOn ? t("presentity.switchOff") : t("presentity.switchOn")}</button>
  </form>`;
}
