// The rules in force as a stack, the first one on top: what each says, and whether it ever matched.
import { html, useState } from "../vendor/preact.js";
import { link } from "../route.js";
import { may, offers } from "../session.js";
import { number, time } from "../format.js";
import { Later } from "./later.js";
import { Badge, Empty } from "./states.js";
import { t } from "../words.js";
import "../words/rules.js";

const MOST = 500;
const week = () => import("./week.js").then((one) => one.Week);

/** @param {{of: Api.Rules}} props */
export function Rules({ of }) {
  const [isNever, only] = useState(false);
  const ranked = of.rules.map((rule, place) => ({ rule, place }));
  const never = ranked.filter(({ rule }) => !rule.matched);
  const seen = isNever ? never : ranked;
  if (!of.rules.length) return html`<${Empty}>${t("rules.none")}<//>`;
  return html`<p>${of.since ? t("rules.counted", { never: number(never.length), count: number(of.rules.length), decisions: number(of.decisions), since: time(of.since) }) : t("rules.nothing")} ${offers("cluster") ? t("rules.here") : ""}</p>
    <p><label class="check"><input type="checkbox" checked=${isNever} onChange=${(/** @type {any} */ event) => only(event.target.checked)} /> ${t("rules.only")}</label></p>
    ${seen.length ? html`<div class="scroll" tabindex="0" role="group" aria-label=${t("rules.title")}><ol class="stack">
      ${seen.slice(0, MOST).map(({ rule, place }) => html`<${One} rule=${rule} place=${place + 1} key=${rule.rule} />`)}
    </ol></div>` : html`<${Empty}>${t("rules.allMatched")}<//>`}
    ${of.more + seen.length > MOST && html`<p class="soft">+ ${number(of.more + seen.length - MOST)}</p>`}`;
}

/** @param {{rule: Api.RuleRow, place: number}} props */
function One({ rule, place }) {
  const name = may("decisions:read") ? html`<a class="mono" href=${link("decisions", [], { rule: rule.rule })}>${rule.title}</a>` : html`<span class="mono">${rule.title}</span>`;
  return html`<li><div class="row between"><span><span class="soft">${place}.</span> ${name} <span class="soft">${rule.says.join(", ")}${rule.shadow ? ` · ${t("rules.shadow")}` : ""}</span></span>
      <${Badge} of=${!rule.matched ? "warn" : rule.decided ? "good" : "calm"}>${used(rule)}<//></div>
    <span class="mono soft">${rule.file}</span>
    ${rule.schedules.map((of) => html`<${Later} load=${week} with=${{ of }} />`)}</li>`;
}

/** @param {Api.RuleRow} rule */
function used({ matched, decided, last, shadow }) {
  if (!matched || !last) return t("rules.never");
  return `${t("rules.matched", { matched: number(matched), last: time(last) })}${decided || shadow ? "" : `, ${t("rules.idle")}`}`;
}
