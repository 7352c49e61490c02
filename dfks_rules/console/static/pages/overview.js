// Is it well? What happens? Who is loud?
import { html, useRef } from "../vendor/preact.js";
import { useAsked } from "../api.js";
import { useEvents } from "../live.js";
import { link } from "../route.js";
import { may, mayAll } from "../session.js";
import { number, percent, time } from "../format.js";
import { quantile, read, sum, useSamples } from "../parts/metrics.js";
import { Badge, Empty, Loading, Shown } from "../parts/states.js";
import { Spark } from "../parts/spark.js";
import { Hold, useLive } from "../parts/live_list.js";
import { heardOf, Loudest, top } from "../parts/loudest.js";
import { Row } from "../parts/event_row.js";
import { t, named } from "../words.js";
import "../words/overview.js";

const MINUTE = 60_000;

export function Page() {
  return html`<h1>${t("page.overview")}</h1>
    ${may("metrics:read") && html`<${Rates} />`}
    ${may("events:read") ? html`<${Happening}><${Health} /><//>` : html`<${Health} />`}`;
}

function Rates() {
  const samples = useSamples(2);
  if (!samples.length) return html`<section class="card grid"><${Loading} /></section>`;
  const newest = samples[samples.length - 1].found;
  const { rates, total } = read(samples);
  const late = quantile(samples, "dfks_loop_late_seconds", 0.99);
  /** @type {[string, string, number[] | null][]} */
  const figures = [
    ["overview.sets", number(rates.sets.at(-1), 1), rates.sets],
    ["overview.gets", number(rates.gets.at(-1), 1), rates.gets],
    ["overview.refused", number(rates.refused.at(-1), 1), rates.refused],
    ["overview.unanswered", percent(total.notifies ? total.timeouts / total.notifies : 0), null],
    ["overview.subscriptions", number(sum(newest, "dfks_subscriptions")), null],
    ["overview.late", Number.isNaN(late) ? "–" : `${number(late * 1000, 1)} ms`, null],
  ];
  return html`<section class="card wide" aria-label=${t("overview.rates")}>
    <dl class="figures">
      ${figures.map(([key, value, values]) => html`<div><dt>${t(key)}</dt><dd>${value}${values && html`<${Spark} values=${values} label=${t(key)} />`}</dd></div>`)}
    </dl>
  </section>`;
}

function Health() {
  const ready = useAsked("/readyz", 5);
  const policies = useAsked(mayAll("policies:read") ? "/v1/policies" : null, 10);
  const findings = useAsked(mayAll("policies:read") ? "/v1/policies/findings" : null, 10);
  const checks = ready.value?.checks || ready.problem?.told.checks;
  const failure = findings.value?.failure;
  return html`<section class="card">
    <h2>${t("overview.health")}</h2>
    <dl class="facts">
      ${checks
        ? Object.entries(checks).map(([name, state]) => html`<dt>${named("check-name", name)}</dt><dd><${Badge} of=${state === "ok" ? "good" : state === "draining" ? "warn" : "bad"}>${named("check", String(state))}<//></dd>`)
        : html`<dt></dt><dd><${Shown} asked=${ready}>${() => null}<//></dd>`}
      ${policies.value && html`<dt>${t("overview.policies")}</dt><dd><a href=${link("policies")}>${t("policies.since", { revision: policies.value.revision.slice(0, 7), at: time(policies.value.since), origin: named("origin-of", policies.value.origin) })}</a></dd>`}
      ${failure && html`<dt></dt><dd><${Badge} of="bad">${t("overview.reloadFailed", { at: time(failure.at) })} <a href=${link("policies")}>${t("overview.see")}</a><//></dd>`}
    </dl>
  </section>`;
}

/** @param {{children: any}} props */
function Happening({ children }) {
  const live = useLive();
  const heard = useRef(/** @type {import("../parts/loudest.js").Heard[]} */ ([]));
  const turn = useRef(0);
  useEvents((type, data) => {
    if (!data) return;
    const now = Date.now();
    // It draws all of this, five times a second at most.
    live.add({ key: (turn.current += 1), type, data, at: data.at || new Date().toISOString() });
    if (data.presentity) {
      heard.current.push(heardOf(type, data, now));
      if (heard.current.length > 5000) heard.current.splice(0, 1000);
    }
  });
  heard.current = heard.current.filter((one) => one.at > Date.now() - MINUTE);
  const refused = top(heard.current.flatMap((one) => (one.rule ? [one.rule] : [])));
  return html`
    <div class="grid">${children}
    <section class="card"><h2>${t("overview.loudest")}</h2><${Loudest} heard=${heard.current} /></section>
    <section class="card"><h2>${t("overview.refusals")}</h2>${refused.length ? html`<ul>${refused.map(([what, count]) => html`<li>${what} · ${number(count)}</li>`)}</ul>` : html`<${Empty}>${t("overview.noRefusals")}<//>`}</section></div>
    <section class="card">
      <div class="row between"><h2>${t("overview.happening")}</h2><${Hold} live=${live} /></div>
      <div class="scroll flow" ref=${live.box} tabindex="0" role="group" aria-label=${t("overview.happening")}>
        ${live.rows.length ? html`<table><tbody>${live.rows.map((one) => html`<${Row} event=${one} key=${one.key} />`)}</tbody></table>` : html`<${Empty}>${t("overview.quiet")}<//>`}
      </div>
    </section>`;
}
