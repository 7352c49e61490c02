// The policies in force: files, findings, revisions and what they mean, cases, the shadow.
import { html, useState } from "../vendor/preact.js";
import { ask, path, useAsked } from "../api.js";
import { useEvents } from "../live.js";
import { link } from "../route.js";
import { may, offers, session } from "../session.js";
import { number, time } from "../format.js";
import { Act } from "../parts/act.js";
import { Cases, Proofs } from "../parts/cases.js";
import { Rules } from "../parts/rules.js";
import { Shadow } from "../parts/shadow.js";
import { coded } from "../parts/coded.js";
import { Badge, Empty, Shown, shown } from "../parts/states.js";
import { named, t } from "../words.js";
import "../words/policies.js";
import "../words/rules.js";

export function Page() {
  return session.value?.domains ? html`<${OfTenant} />` : html`<${All} />`;
}

/** What a token sees that is limited to domains. */
function OfTenant() {
  const rules = useAsked("/v1/policies/rules", 15);
  return html`<h1>${t("page.policies")}</h1><p class="soft">${t("policies.whole")}</p>
    <section class="card"><h2>${t("rules.ofTenant")}</h2>${shown(rules, (of) => html`<${Rules} of=${of} />`)}</section>`;
}

function All() {
  const listing = useAsked("/v1/policies", 15);
  const findings = useAsked("/v1/policies/findings");
  const rules = useAsked("/v1/policies/rules", 15);
  useEvents((type) => {
    if (!type.startsWith("policies") && type !== "gap") return;
    for (const one of [listing, findings, rules]) one.again();
  }, may("events:read"));
  const reload = async () => {
    const { body } = await ask("POST", "/v1/policies/reload");
    for (const one of [listing, findings, rules]) one.again();
    return t(body.changed ? "policies.reloaded" : "policies.same", { revision: body.revision.slice(0, 7) });
  };
  return html`<div class="row between"><h1>${t("page.policies")}</h1>${may("policies:write") && html`<${Act} label=${t("policies.reload")} run=${reload} />`}</div>
    <${Shown} asked=${listing}>${(/** @type {any} */ one) => html`<div class="grid">
      <section class="card"><h2>${t("policies.inForce")}</h2><${InForce} of=${one} rules=${rules.value?.rules || []} />${offers("cluster") && html`<p><a href=${link("nodes")}>${t("policies.nodes")}</a></p>`}</section>
      <section class="card"><h2>${t("policies.findings")}</h2><${Shown} asked=${findings}>${(/** @type {any} */ found) => html`<${Findings} of=${found} />`}<//></section>
    </div>
    <section class="card"><h2>${t("policies.revisions")}</h2><${Revisions} of=${one} again=${listing.again} /></section>
    <section class="card" aria-label=${t("rules.title")}><h2>${t("rules.title")}</h2>${shown(rules, (of) => html`<${Rules} of=${of} />`)}</section>
    <div class="grid">
      <section class="card"><h2>${t("policies.cases")}</h2><${Cases} revision=${one.revision} /></section>
      <section class="card"><h2>${t("proofs.title")}</h2><${Proofs} revision=${one.revision} /></section>
      <section class="card"><h2>${t("policies.shadow")}</h2>${one.shadow ? html`<${Shadow} ended=${listing.again} />` : html`<${Empty}>${t("policies.noShadow")}<//>`}</section>
    </div>`}<//>`;
}

/** @param {{of: Api.Policies, rules: Api.RuleRow[]}} props */
function InForce({ of, rules }) {
  /** @type {Map<string, number>} */
  const never = new Map();
  for (const { file, matched } of rules) if (!matched) never.set(file, (never.get(file) || 0) + 1);
  const count = of.policies.reduce((sum, one) => sum + one.rules, 0);
  return html`<p>${t("policies.since", { revision: of.revision.slice(0, 7), at: time(of.since), origin: named("origin-of", of.origin) })}<br />${t("policies.files", { count: number(count), files: number(of.policies.length) })}</p>
    <div class="scroll" tabindex="0" role="group" aria-label=${t("policies.inForce")}><ol class="stack">${of.policies.slice(0, 500).map((one) => html`<li><strong>${one.name}</strong> · ${t("rules.file", { count: number(one.rules), never: number(never.get(one.file) || 0) })}<br /><span class="mono soft">${one.file}</span></li>`)}</ol></div>`;
}

/** @param {{of: any}} props */
function Findings({ of }) {
  const { failure, findings, more } = of;
  return html`${failure && html`<p class="bad">${t("policies.failed", { at: time(failure.at), trigger: failure.trigger })}</p><pre tabindex="0">${failure.findings.join("\n")}</pre>`}
    ${findings.length ? html`<ul class="stack">${findings.map((/** @type {any} */ one) => html`<li><${Badge} of=${one.severity === "error" ? "bad" : "warn"}>${coded(one.message)}<//><br /><span class="mono soft">${one.file}:${one.line}:${one.column} ${one.code}</span></li>`)}</ul>` : html`<${Empty}>${t("policies.noFindings")}<//>`}
    ${more > 0 && html`<p class="soft">+ ${number(more)}</p>`}`;
}

/** @param {{of: any, again: () => void}} props */
function Revisions({ of, again }) {
  const [compared, show] = useState(/** @type {any} */ (null));
  const back = (/** @type {string} */ revision) => async () => {
    const { body } = await ask("POST", "/v1/policies/rollback", { body: { revision } });
    again();
    return t(body.changed ? "policies.reloaded" : "policies.same", { revision: revision.slice(0, 7) });
  };
  const compare = (/** @type {string} */ revision) => async (/** @type {AbortSignal} */ aborted) => {
    const [old, now] = await Promise.all([of.revision, revision].map((one) => ask("GET", path(["policies", "revisions", one]), { signal: aborted })));
    const { body } = await ask("POST", "/v1/policies/diff", { body: { new: { revision } }, signal: aborted });
    const [{ Meaning }, { TextDiff }] = await Promise.all([import("../parts/meaning.js"), import("../parts/text_diff.js")]);
    show({ revision, Meaning, TextDiff, meaning: body, old: old.body.files, now: now.body.files });
  };
  return html`<ul class="stack">${[...of.revisions].reverse().map((/** @type {any} */ one) => html`<li class="row between">
      <span><span class="mono">${one.revision.slice(0, 7)}</span> ${time(one.since)}, ${named("origin-of", one.origin)}</span>
      ${one.revision === of.revision ? html`<${Badge} of="good">${t("policies.current")}<//>` : html`<span class="row">
        <${Act} label=${t("policies.compare")} run=${compare(one.revision)} />
        ${may("policies:write") && html`<${Act} label=${t("policies.back")} run=${back(one.revision)} sure=${t("policies.backSure", { revision: one.revision.slice(0, 7) })} />`}</span>`}
    </li>`)}</ul>
    ${compared && html`<h3>${compared.revision.slice(0, 7)} · ${t("policies.meaning")}</h3><${compared.Meaning} of=${compared.meaning} /><h3>${t("policies.text")}</h3><${Texts} TextDiff=${compared.TextDiff} old=${compared.old} now=${compared.now} />`}`;
}

/** @param {{TextDiff: any, old: any[], now: any[]}} props */
function Texts({ TextDiff, old, now }) {
  const of = (/** @type {any[]} */ files) => new Map(files.map((one) => [one.name, one.text]));
  const [before, after] = [of(old), of(now)];
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter((name) => before.get(name) !== after.get(name));
  if (!changed.length) return html`<${Empty}>${t("policies.noText")}<//>`;
  return changed.map((name) => html`<p class="mono">${name}</p><${TextDiff} old=${before.get(name) || ""} now=${after.get(name) || ""} />`);
}
