// Who else is told: bridges and programs, webhooks and what they have given up; imports; tokens, and what that of this page may do.
import { html, useState } from "../vendor/preact.js";
import { ask, path, useAsked } from "../api.js";
import { may, offers, session } from "../session.js";
import { duration, number, time } from "../format.js";
import { Act } from "../parts/act.js";
import { coded } from "../parts/coded.js";
import { Badge, Empty, shown } from "../parts/states.js";
import { Streams } from "../parts/streams.js";
import { Tokens } from "../parts/tokens.js";
import { named, t } from "../words.js";
import "../words/events.js";
import "../words/state.js";
import "../words/integrations.js";

export function Page() {
  const hooks = useAsked(may("webhooks") && offers("webhooks") ? "/v1/webhooks" : null, 5);
  const imports = useAsked(may("bulk") ? "/v1/imports" : null, 3);
  const isTold = may("events:read") && offers("events");
  const streams = useAsked(isTold ? "/v1/events/streams" : null, 5);
  const who = session.value;
  return html`<h1>${t("page.integrations")}</h1><div class="grid">
    ${isTold && html`<section class="card wide"><h2>${t("streams.title")}</h2>${shown(streams, (of) => html`<${Streams} items=${of.items} />`)}</section>`}
    ${may("webhooks") && html`<section class="card wide"><h2>${t("hooks.title")}</h2>${offers("webhooks")
      ? shown(hooks, (of) => of.items.length ? of.items.map((one) => html`<${Hook} of=${one} again=${hooks.again} key=${one.id} />`) : html`<${Empty}>${coded(t("hooks.none"))}<//>`)
      : html`<${Empty}>${t("hooks.notKept")}<//>`}</section>`}
    ${may("bulk") && html`<section class="card wide"><h2>${t("imports.title")}</h2>${shown(imports, (of) => html`<${Imports} items=${of.items} again=${imports.again} />`)}</section>`}
    ${may("tokens:read") && html`<section class="card wide"><h2>${t("tokens.title")}</h2><${Tokens} areNeeded=${who?.needsToken} /></section>`}
    <section class="card wide"><h2>${t("listeners.title")}</h2><dl class="facts">
      <dt>${t("listeners.token")}</dt><dd>${who?.name}</dd>
      <dt>${t("listeners.scopes")}</dt><dd class="mono">${who?.scopes.join(" ")}</dd>
      <dt>${t("listeners.domains")}</dt><dd>${who?.domains ? who.domains.join(", ") : t("listeners.all")}</dd>
    </dl></section></div>`;
}

/** @param {{of: Api.Webhook, again: () => void}} props */
function Hook({ of, again }) {
  const [isOpen, open] = useState(false);
  const test = async () => {
    const { body } = await ask("POST", path(["webhooks", of.id, "test"]));
    return t("hooks.tested", { result: named("try", body.result), status: body.status ?? body.detail, ms: number(body.seconds * 1000) });
  };
  const on = async () => {
    await ask("PATCH", path(["webhooks", of.id]), { body: { active: true } });
    again();
  };
  const remove = async () => {
    await ask("DELETE", path(["webhooks", of.id]));
    again();
  };
  const tried = Object.entries(of.results).filter(([, count]) => count);
  return html`<article>
    <h3 class="mono">${of.url}</h3>
    <p>${of.active ? html`<${Badge} of="good">${t("hooks.active")}<//>` : html`<${Badge} of="bad">${t("hooks.off", { reason: of.offReason })}<//>`} · ${of.lag > 0 ? html`<${Badge} of="warn">${t("hooks.lag", { time: duration(of.lag) })}<//>` : t("hooks.current")} · ${of.types.map((one) => named("event", one)).join(", ")}${of.domains ? ` · ${of.domains.join(", ")}` : ""}</p>
    <p class="soft">${t("hooks.results")}: ${tried.length ? tried.map(([name, count]) => `${named("try", name)} ${number(Number(count))}`).join(", ") : t("word.none")}</p>
    <p class="row"><${Act} label=${t("hooks.test")} run=${test} />${!of.active && html`<${Act} label=${t("hooks.switchOn")} run=${on} />`}<${Act} label=${t("hooks.remove")} run=${remove} sure=${t("hooks.removeSure")} />
      ${of.dead > 0 && html`<button aria-expanded=${isOpen} onClick=${() => open(!isOpen)}>${t("hooks.dead", { count: number(of.dead) })}</button>`}</p>
    ${isOpen && html`<${Dead} id=${of.id} />`}
  </article>`;
}

/** @param {{id: string}} props */
function Dead({ id }) {
  const asked = useAsked(path(["webhooks", id, "dead"], { limit: 100 }), 10);
  const retry = (/** @type {string} */ letter) => async () => {
    const { body } = await ask("POST", path(["webhooks", id, "dead", letter, "retry"]));
    asked.again();
    return t("hooks.retried", { result: named("try", body.result), detail: body.detail });
  };
  return shown(asked, (of) => html`<ul class="stack">${of.items.map((one) => html`<li class="row between">
    <span>${time(one.at)} ${named("event", one.type)} ${one.presentity || ""}<br /><span class="soft">${one.reason}</span></span><${Act} label=${t("hooks.retry")} run=${retry(one.id)} /></li>`)}</ul>`);
}

/** @param {{items: Api.Import[], again: () => void}} props */
function Imports({ items, again }) {
  if (!items.length) return html`<${Empty}>${t("imports.none")}<//>`;
  const cancel = (/** @type {string} */ id) => async () => {
    await ask("DELETE", path(["imports", id]));
    again();
  };
  return html`<ul class="stack">${items.map((one) => html`<li class="row between">
    <span>${time(one.begunAt)} ${one.actor} <${Badge} of=${one.status === "done" ? "good" : one.status === "failed" ? "bad" : "calm"}>${named("import", one.status)}${one.dryRun ? `, ${t("imports.dry")}` : ""}<//> ${one.why || ""}<br />
      <span class="soft">${t("imports.row", { changed: number(one.changed), unchanged: number(one.unchanged), refused: number(one.refused), unusable: number(one.unusable), rows: number(one.rows) })}</span>
      ${one.status === "running" && html`<progress max=${one.size} value=${one.position} aria-label=${t("imports.title")}></progress>`}</span>
    ${["waiting", "running"].includes(one.status) && html`<${Act} label=${t("imports.cancel")} run=${cancel(one.id)} />`}</li>`)}</ul>`;
}
