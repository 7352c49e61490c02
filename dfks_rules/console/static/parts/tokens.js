// Who may use the HTTP API: each token with what it may, until when, and when it was used.
import { html } from "../vendor/preact.js";
import { path, useAsked } from "../api.js";
import { duration, time } from "../format.js";
import { Badge, Empty, shown } from "./states.js";
import { t } from "../words.js";
import "../words/tokens.js";

const MOST = 500;
/** Seconds before its end in which a token is conspicuous. */
const SOON = 14 * 86400;

/** @param {{areNeeded: boolean}} props */
export function Tokens({ areNeeded }) {
  const asked = useAsked(areNeeded ? path(["tokens"], { limit: MOST }) : null, 10);
  if (!areNeeded) return html`<${Empty}>${t("tokens.none")}<//>`;
  return shown(asked, (of) => html`<ul class="stack">${of.items.map((/** @type {Api.Token} */ one) => html`<${Token} of=${one} key=${`${one.name} ${one.created}`} />`)}</ul>
    ${of.next && html`<p class="soft">${t("tokens.more")}</p>`}`);
}

/** @param {{of: Api.Token}} props */
const Token = ({ of }) => html`<li><strong>${of.name}</strong>: <${End} at=${of.expires} /> · ${of.domains ? of.domains.join(", ") : t("tokens.all")}<br />
  <span class="mono">${of.scopes.join(" ")}</span><br />
  <span class="soft">${of.lastUsed ? t("tokens.used", { at: time(of.lastUsed), address: of.lastAddress }) : t("tokens.unused")}${of.created && ` · ${t("tokens.created", { at: time(of.created) })}`}</span></li>`;

/** @param {{at: string | null}} props */
function End({ at }) {
  if (at === null) return html`<${Badge} of="calm">${t("tokens.lasting")}<//>`;
  const left = (new Date(at).getTime() - Date.now()) / 1000;
  if (left <= 0) return html`<${Badge} of="bad">${t("tokens.expired", { at: time(at) })}<//>`;
  return html`<${Badge} of=${left < SOON ? "warn" : "good"}>${t("tokens.expires", { at: time(at), left: duration(left) })}<//>`;
}
