// The nodes that share a store: leases, cohorts, lag, and which policies each follows.
import { html } from "../vendor/preact.js";
import { ask, useAsked } from "../api.js";
import { may, mayAll } from "../session.js";
import { duration, number, time } from "../format.js";
import { Act } from "../parts/act.js";
import { Badge, Empty, shown } from "../parts/states.js";
import { named, t } from "../words.js";
import "../words/nodes.js";

/** @type {Record<string, "good" | "warn" | "bad">} */
const MARKS = { serving: "good", draining: "warn", late: "warn", dead: "bad" };

export function Page() {
  const nodes = useAsked("/v1/cluster", 2);
  const rollouts = useAsked(mayAll("policies:read") ? "/v1/policies/rollouts" : null, 5);
  return html`<h1>${t("page.nodes")}</h1>
    <section class="card">${shown(nodes, (of) => html`<${Rows} items=${of.items} again=${nodes.again} />`)}</section>
    ${mayAll("policies:read") && html`<section class="card"><h2>${t("nodes.rollout")}</h2>${shown(rollouts, (of) => html`<${Rollouts} of=${of} />`)}</section>`}`;
}

/** @param {{items: Api.Node[], again: () => void}} props */
function Rows({ items, again }) {
  const drain = (/** @type {string} */ node) => async () => {
    await ask("POST", "/v1/cluster/drain", { body: { node } });
    again();
  };
  const columns = ["name", "state", "lease", "cohorts", "lag", "skew"];
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${t("page.nodes")}><table>
    <thead><tr>${columns.map((one) => html`<th scope="col">${t(`nodes.${one}`)}</th>`)}<th scope="col">${t("nodes.subscriptions")}</th><th scope="col">${t("page.policies")}</th><td></td></tr></thead>
    <tbody>${items.map((one) => html`<tr>
      <td>${one.name}${one.isThis ? html` <span class="soft">(${t("nodes.this")})</span>` : ""}</td>
      <td><${Badge} of=${MARKS[one.state] || "calm"}>${named("node", one.state)}<//></td>
      <td>${one.lease < 0 ? t("nodes.over", { time: duration(-one.lease) }) : `${number(one.lease, 1)} s`}</td><td>${number(one.cohorts)}</td>
      <td>${t("nodes.changes", { count: number(one.lag) })}</td><td>${number(one.skew * 1000, 1)} ms</td>
      <td>${number(one.subscriptions)}</td><td class="mono">${one.policies.slice(0, 7)} ${one.release}</td>
      <td>${may("cluster") && one.state === "serving" && html`<${Act} label=${t("nodes.drain")} run=${drain(one.name)} sure=${one.name} />`}</td>
    </tr>`)}</tbody></table></div>`;
}

/** @param {{of: Api.Rollouts}} props */
function Rollouts({ of }) {
  if (!of.goals.length && !of.rollouts.length) return html`<${Empty}>${t("nodes.noRollout")}<//>`;
  return html`<ul class="stack">${of.rollouts.map((one) => html`<li>
      <span class="mono">${one.revision.slice(0, 7)}</span> <${Badge} of=${one.state === "done" ? "good" : one.state === "refused" ? "bad" : "calm"}>${named("rollout", one.state)}<//> ${time(one.at)} ${one.actor}
      <ul>${one.nodes.map((node) => html`<li>${node.node}: ${named("verdict", node.verdict)} ${node.findings.join("; ")}</li>`)}</ul></li>`)}</ul>
    <ul>${of.nodes.map((one) => html`<li><${Badge} of=${one.follows ? "good" : "warn"}>${one.node}: <span class="mono">${one.revision.slice(0, 7)}</span><//> ${one.findings.join("; ")}</li>`)}</ul>`;
}
