// Who there is; with an address, one of them.
import { html, useState } from "../vendor/preact.js";
import { path, useAsked } from "../api.js";
import { filter, go, link, route } from "../route.js";
import { session } from "../session.js";
import { number } from "../format.js";
import { addressOf } from "../parts/address.js";
import { Presentity } from "./presentity.js";
import { Empty, shown } from "../parts/states.js";
import { stateText } from "../parts/feature_state.js";
import { named, t } from "../words.js";

const FEATURES = ["DoNotDisturb", "CallForwardingAlways", "CallForwardingBusy", "CallForwardingNoAnswer", "AgentState"];
const ADDRESS = /^(sips?:)?[^@\s]+@[^@\s]+$/;

export function Page() {
  const [who = ""] = route.value.rest;
  return ADDRESS.test(who) ? html`<${Presentity} who=${addressOf(who)} key=${who} />` : html`<${List} given=${who} />`;
}

/** @param {{given: string}} props what was asked for, and is no address */
function List({ given }) {
  const [wrong, setWrong] = useState(Boolean(given));
  const { domain = "", on = "", after = "" } = route.value.query;
  const asked = useAsked(path(["presentities"], { domain, on, after, limit: 100 }), 10);
  const open = (/** @type {any} */ event) => {
    event.preventDefault();
    const said = String(new FormData(event.target).get("who")).trim();
    // An extension is enough where its domain is known.
    const home = domain || (session.value?.domains?.length === 1 && session.value.domains[0]);
    const text = home && !said.includes("@") ? `${said}@${home}` : said;
    setWrong(!ADDRESS.test(text));
    if (ADDRESS.test(text)) go("presentities", [addressOf(text)]);
  };
  return html`<h1>${t("page.presentities")}</h1>
    <div class="row">
      <form class="row" onSubmit=${open} role="search">
        <label>${t("presentities.find")}<input name="who" size="32" maxlength="512" defaultValue=${given} placeholder=${t("word.address")} autofocus
          aria-invalid=${wrong ? "true" : undefined} aria-describedby="wrong" /></label>
        <button class="primary">${t("presentities.open")}</button>
      </form>
      <label>${t("presentities.domain")}<input value=${domain} maxlength="255" onChange=${(/** @type {any} */ event) => filter({ domain: event.target.value, after: "" })} /></label>
      <label>${t("presentities.on")}
        <select value=${on} onChange=${(/** @type {any} */ event) => filter({ on: event.target.value, after: "" })}>
          <option value="">${t("presentities.any")}</option>
          ${FEATURES.map((one) => html`<option value=${one}>${named("feature", one)}</option>`)}
        </select></label>
    </div>
    <p id="wrong" role="alert" class="bad">${wrong ? t("presentities.bad") : ""}</p>
    <section class="card">${shown(asked, (page) => html`<${Rows} page=${page} filtered=${Boolean(domain || on)} />`)}</section>`;
}

/** @param {{page: Api.Answers["GET /v1/presentities"], filtered: boolean}} props */
function Rows({ page, filtered }) {
  if (!page.items.length) return html`<${Empty}>${filtered ? t("presentities.noMatch") : t("presentities.none")}<//>`;
  return html`<div class="scroll flow" tabindex="0" role="group" aria-label=${t("page.presentities")}>
      <table>
        <thead><tr><th scope="col">${t("presentities.who")}</th><th scope="col">${t("presentities.states")}</th><th scope="col" class="num">${t("presentities.revision")}</th></tr></thead>
        <tbody>${page.items.map((one) => html`<tr>
          <td><a href=${link("presentities", [one.presentity])}>${one.presentity}</a></td>
          <td>${onWords(one.features)}</td>
          <td class="num">${number(one.revision)}</td>
        </tr>`)}</tbody>
      </table>
    </div>
    ${page.next && html`<button onClick=${() => filter({ after: page.next })}>${t("do.more")}</button>`}`;
}

/** What is on, in words. @param {Api.States} features */
function onWords(features) {
  const all = Object.entries(features).filter(([, state]) => state.status === "on");
  if (!all.length) return html`<span class="soft">${t("word.none")}</span>`;
  return all.map(([name, state]) => `${named("feature", name)}: ${stateText(state)}`).join(" · ");
}
