// One thing that happened, in a row.
import { html } from "../vendor/preact.js";
import { link } from "../route.js";
import { time } from "../format.js";
import { Badge } from "./states.js";
import { stateText } from "./feature_state.js";
import { named, t } from "../words.js";
import "../words/events.js";
import "../words/overview.js";

/** @param {{event: {type: string, data: any, at: string}}} props */
export function Row({ event: { type, data, at } }) {
  const isRefused = type === "feature-refused" || type === "policies-refused";
  const parts = data.changed || (data.feature ? [data] : []);
  const what = parts.map((/** @type {any} */ one) => `${named("feature", one.feature)} ${stateText(one.after || one.asked)}`).join(" · ");
  return html`<tr>
    <td class="mono">${time(at)}</td>
    <td>${data.presentity ? html`<a href=${link("presentities", [data.presentity])}>${data.presentity}</a>` : ""}</td>
    <td>${what}</td>
    <td><${Badge} of=${isRefused ? "bad" : "good"}>${t(`event.${type}`)}<//> ${data.reason || ""}</td>
    <td>${data.decision ? html`<a href=${link("decisions", [data.decision])}>${data.rule || data.changed?.[0].rule || data.decision}</a>` : ""}</td>
  </tr>`;
}
