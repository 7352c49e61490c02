// One rung of the ladder: a message with its way, or what was decided in between.
import { html } from "../vendor/preact.js";
import { link } from "../route.js";
import { format } from "../format.js";
import { t } from "../words.js";
import { Badge } from "./states.js";
import "../words/state.js";
import "../words/trace.js";

/** @param {{entry: any}} props */
export function Rung({ entry }) {
  return entry.kind === "decision" ? html`<${Decided} entry=${entry} />` : html`<${Message} entry=${entry} />`;
}

/** @param {{entry: any}} props */
function Message({ entry }) {
  const isIn = entry.direction === "in" || entry.direction === "received";
  const text = entry.message ?? atob(entry.base64 || "");
  const first = text.split("\r\n", 1)[0];
  const arrow = isIn ? "◀──────" : "──────▶";
  return html`<li class=${isIn ? "in" : "out"}><details>
    <summary><span class="mono soft">${clock(entry.at)}</span> <span class="sides"><span class="mono" aria-hidden="true">${arrow}</span> <span class="hidden">${isIn ? t("trace.in") : t("trace.out")}</span>
      <strong class="mono">${first}</strong> <span class="soft">${entry.remote} ${entry.transport}</span></span></summary>
    <pre tabindex="0">${text}</pre></details></li>`;
}

/** @param {{entry: any}} props */
function Decided({ entry }) {
  return html`<li class="between"><span class="mono soft">${clock(entry.at)}</span> ${entry.failure
    ? html`<${Badge} of="bad">${entry.failure}<//>`
    : entry.decisions.map((/** @type {any} */ one) => html`<span class="decided">${t("trace.decision")} <a class="mono" href=${link("decisions", [one.id])}>${one.id}</a>
        ${t(`op.${one.op || "set"}`)} ${one.feature || ""} <${Badge} of=${one.effect === "deny" ? "bad" : "good"}>${one.reason || t(`effect.${one.effect || "allow"}`)}<//></span>`)}</li>`;
}

/** To the millisecond. @param {string} at */
const clock = (at) =>
  format("DateTimeFormat", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 }).format(new Date(at));
