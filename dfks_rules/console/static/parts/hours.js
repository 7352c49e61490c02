// The schedules that rules look at.
import { html } from "../vendor/preact.js";
import { useAsked } from "../api.js";
import { Week } from "./week.js";
import { t } from "../words.js";
import "../words/decisions.js";

/** @param {{ids: string[]}} props */
export function Hours({ ids }) {
  const asked = useAsked("/v1/policies/rules");
  const weeks = (asked.value?.rules || []).filter((one) => ids.includes(one.rule) && one.schedules.length);
  return weeks.length > 0 && html`<h3>${t("decisions.hours")}</h3>${weeks.map((rule) => html`<p class="mono">${rule.title}</p>${rule.schedules.map((one) => html`<${Week} of=${one} />`)}`)}`;
}
