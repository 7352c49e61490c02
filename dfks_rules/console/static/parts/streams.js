// Who listens to what happens: bridges and other programs, there or missed, and how many consoles are open.
import { html } from "../vendor/preact.js";
import { bytes, duration, number, time } from "../format.js";
import { offers } from "../session.js";
import { Badge, Empty } from "./states.js";
import { named, t } from "../words.js";
import "../words/events.js";
import "../words/streams.js";

/** Changes that come together are told together: so few are on their way. */
const ON_ITS_WAY = 100;
/** What a network has under way, in bytes. */
const UNDER_WAY = 65536;
const TYPES = 6;

/** @param {Api.EventStream} of */
const isBridge = (of) => of.agent.startsWith("dfks-bridge-");

/** @param {{items: Api.EventStream[]}} props */
export function Streams({ items }) {
  const programs = items.filter((one) => !one.agent.startsWith("Mozilla/"));
  const consoles = items.length - programs.length;
  // First those that are missed, then the other bridges.
  const rank = (/** @type {Api.EventStream} */ one) => (isBridge(one) ? (one.until ? 0 : 1) : one.until ? 3 : 2);
  const sorted = [...programs].sort((a, b) => rank(a) - rank(b));
  return html`
    ${sorted.length ? html`<ul class="stack">${sorted.map((one) => html`<${Stream} of=${one} key=${`${one.since} ${one.agent}`} />`)}</ul>` : html`<${Empty}>${t("streams.none")}<//>`}
    ${(consoles > 0 || offers("cluster")) && html`<p class="soft">${consoles > 0 && t(consoles === 1 ? "streams.console" : "streams.consoles", { count: number(consoles) })} ${offers("cluster") && t("streams.here")}</p>`}`;
}

/** @param {{of: Api.EventStream}} props */
function Stream({ of }) {
  const behind = of.behind === 1 ? t("streams.change") : t("streams.changes", { count: number(of.behind) });
  const asked = [
    of.types.length < TYPES && t("streams.only", { types: of.types.map((one) => named("event", one)).join(", ") }),
    of.presentity || of.domain || (of.domains && of.domains.join(", ")) || t("streams.all"),
  ].filter(Boolean).join(" · ");
  const name = isBridge(of) ? t("streams.bridge", { name: of.agent.slice("dfks-bridge-".length).replace("/", " ") }) : of.agent || t("streams.unnamed");
  return html`<li><strong>${name}</strong>: <${State} of=${of} behind=${behind} /><br />
    <span class="soft">${t("streams.who", { token: of.token, address: of.address })} · ${asked}
      ${of.times > 1 && html` · ${t("streams.times", { count: number(of.times) })}`}${of.gaps > 0 && html` · ${of.gaps === 1 ? t("streams.gap") : t("streams.gaps", { count: number(of.gaps) })}`}</span></li>`;
}

/** Whether all is well with it, in words. @param {{of: Api.EventStream, behind: string}} props */
function State({ of, behind }) {
  if (of.until !== null) {
    const away = duration((Date.now() - new Date(of.until).getTime()) / 1000);
    return html`<${Badge} of=${isBridge(of) ? "bad" : "calm"}>${t("streams.gone", { at: time(of.until), away })}<//>${of.ending !== "left" && html` · ${named("ending", String(of.ending))}`} · ${of.behind ? t("streams.missed", { behind }) : t("streams.missedNone")}`;
  }
  const since = t("streams.since", { at: time(of.since) });
  if (of.behind <= ON_ITS_WAY && of.waiting <= UNDER_WAY) return html`<${Badge} of="good">${since}<//>`;
  return html`<${Badge} of="warn">${since}; ${t("streams.late", { behind, bytes: bytes(of.waiting) })}<//>`;
}
