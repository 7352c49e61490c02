// What was decided, newest first; beside it, why.
import { html, useEffect } from "../vendor/preact.js";
import { path, useAsked } from "../api.js";
import { useEvents } from "../live.js";
import { filter, go, link, route } from "../route.js";
import { may } from "../session.js";
import { time } from "../format.js";
import { addressOf } from "../parts/address.js";
import { Badge, Empty, shown } from "../parts/states.js";
import { stateText } from "../parts/feature_state.js";
import { Hold, useLive } from "../parts/live_list.js";
import { Why } from "../parts/why.js";
import { named, t } from "../words.js";
import "../words/decisions.js";
import "../words/state.js";

export function Page() {
  const { rest, query } = route.value;
  const { effect = "", rule = "", op = "" } = query;
  const presentity = addressOf(query.presentity || "");
  const find = (/** @type {string} */ text) => (/^[0-9a-f]+-\d+$/.test(text) ? go("decisions", [text]) : filter({ presentity: addressOf(text) }));
  const asked = useAsked(path(["decisions"], { presentity, effect, rule, op, limit: 100 }));
  const live = useLive();
  useEffect(() => {
    if (asked.value) live.set(asked.value.items);
  }, [asked.value]);
  useEvents((type, data) => {
    if (type === "gap") asked.again();
    const isRefused = type === "feature-refused";
    if (!data?.decision || !(isRefused || type === "feature-changed")) return;
    // A request that changes several features is one decision.
    const { feature, rule: by, after } = data.changed?.[0] || data;
    const row = { ...data, id: data.decision, op: "set", effect: isRefused ? "deny" : "allow", feature, rule: by, asked: after || data.asked };
    const fits = (!presentity || row.presentity === presentity) && (!effect || row.effect === effect) && (!op || op === "set") && (!rule || row.rule === rule);
    if (fits && !live.has(row.id)) live.add(row);
  }, may("events:read"));
  return html`<div class="row between"><h1>${t("page.decisions")}</h1><${Hold} live=${live} /></div>
    <div class="row">
      <label>${t("decisions.find")}<input value=${presentity} size="28" maxlength="512" onChange=${(/** @type {any} */ event) => find(event.target.value.trim())} /></label>
      <label>${t("decisions.effect")}<select value=${effect} onChange=${(/** @type {any} */ event) => filter({ effect: event.target.value })}>
        <option value="">${t("decisions.all")}</option><option value="deny">${t("decisions.refused")}</option><option value="allow">${t("decisions.allowed")}</option></select></label>
      <label>${t("decisions.op")}<select value=${op} onChange=${(/** @type {any} */ event) => filter({ op: event.target.value })}>
        <option value="">${t("decisions.all")}</option>${["get", "set", "subscribe"].map((one) => html`<option value=${one}>${t(`op.${one}`)}</option>`)}</select></label>
      <label>${t("decisions.rule")}<input value=${rule} size="20" maxlength="256" onChange=${(/** @type {any} */ event) => filter({ rule: event.target.value.trim() })} /></label>
    </div>
    <br />
    <div class="grid split">
      <section class="card">
        ${shown(asked, () => html`<${Rows} live=${live} chosen=${rest[0]} query=${query} />`)}
        <p class="soft">${t("decisions.kept")}</p>
      </section>
      <section class="card" aria-live="off">${rest[0] ? html`<${Why} id=${rest[0]} key=${rest[0]} />` : html`<${Empty}>${t("decisions.choose")}<//>`}</section>
    </div>`;
}

/** @param {{live: ReturnType<typeof useLive>, chosen?: string, query: Record<string, string>}} props */
function Rows({ live, chosen, query }) {
  if (!live.rows.length) return html`<${Empty}>${t("decisions.none")}<//>`;
  return html`<div class="scroll flow" ref=${live.box} tabindex="0" role="group" aria-label=${t("page.decisions")}><table>
    <tbody>${live.rows.map((one) => html`<tr key=${one.id} aria-selected=${one.id === chosen ? "true" : undefined}>
      <td class="mono"><a href=${link("decisions", [one.id], query)}>${time(one.at)}</a></td>
      <td>${one.presentity}</td>
      <td class="what">${t(`op.${one.op}`)} ${one.feature ? named("feature", one.feature) : ""} ${one.asked ? stateText(one.asked) : ""}</td>
      <td><${Badge} of=${one.effect === "deny" ? "bad" : "good"}>${one.effect === "deny" ? one.reason : t("effect.allow")}<//></td>
    </tr>`)}</tbody>
  </table></div>`;
}
