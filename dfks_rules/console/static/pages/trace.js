// What passes between the server and one user, as a ladder, while it passes.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { ask, path, Problem } from "../api.js";
import { go, link, route } from "../route.js";
import { number } from "../format.js";
import { addressOf } from "../parts/address.js";
import { Rung } from "../parts/ladder.js";
import { Badge, Empty, Failed } from "../parts/states.js";
import { t } from "../words.js";
import "../words/trace.js";

const KEPT = 500;

export function Page() {
  const who = addressOf(route.value.rest[0] || "");
  const open = (/** @type {any} */ event) => {
    event.preventDefault();
    const text = String(new FormData(event.target).get("who")).trim();
    if (text) go("trace", [addressOf(text)]);
  };
  return html`<h1>${t("page.trace")}</h1>
    <form class="row" onSubmit=${open}>
      <label>${t("trace.who")}<input name="who" size="32" maxlength="512" defaultValue=${who} placeholder=${t("word.address")} required autofocus=${!who} /></label>
      <button class="primary">${t("trace.start")}</button>
    </form>
    <p class="soft">${t("trace.blank")}</p>
    ${who && html`<${Ladder} who=${who} key=${who} />`}`;
}

/** @param {{who: string}} props */
function Ladder({ who }) {
  const [entries, set] = useState(/** @type {any[]} */ ([]));
  const [state, setState] = useState("opening");
  const [lost, setLost] = useState(0);
  const [turn, again] = useState(0);
  const source = useRef(/** @type {EventSource | null} */ (null));
  const last = useRef("");
  const [problem, fail] = useState(/** @type {Problem | null} */ (null));
  const failed = (/** @type {unknown} */ error) => {
    if (!(error instanceof Problem)) throw error;
    fail(error);
  };
  useEffect(() => {
    setState("opening");
    fail(null);
    const events = (source.current = new EventSource(path(["trace", who], { seconds: 60 })));
    const add = (/** @type {MessageEvent} */ event) => {
      // A stream that is opened again begins with what is kept: that is shown already.
      if (event.lastEventId && Number(event.lastEventId) <= Number(last.current || 0)) return;
      last.current = event.lastEventId;
      const entry = JSON.parse(event.data);
      set((old) => [...old, { ...entry, number: event.lastEventId }].slice(-KEPT));
    };
    // From here on nothing is missed.
    events.addEventListener("trace", () => setState("running"));
    events.addEventListener("message", add);
    events.addEventListener("decision", add);
    events.addEventListener("gap", (event) => setLost((old) => old + JSON.parse(event.data).lost));
    const end = () => {
      events.close();
      setState("over");
    };
    events.addEventListener("end", end);
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return;
      setState("over");
      // It does not say why; the same question does.
      ask("GET", path(["trace", who], { seconds: 0 }), { tries: 0 }).catch(failed);
    };
    return () => events.close();
  }, [who, turn]);
  const stop = () => {
    source.current?.close();
    setState("over");
  };
  return html`<div class="row between">
      <p role="status">${state === "opening" ? t("live.opening") : state === "running" ? html`<${Badge} of="good">${t("trace.running")}<//>` : t("trace.over", { count: number(entries.length) })}
        ${lost > 0 && html` <${Badge} of="warn">${t("trace.lost", { count: number(lost) })}<//>`}${entries.length === KEPT && ` ${t("trace.full")}`}</p>
      <div class="row">
        ${state !== "over" ? html`<button onClick=${stop}>${t("trace.stop")}</button>` : html`<button onClick=${() => again((now) => now + 1)}>${t("trace.again")}</button>`}
        <button onClick=${() => save(who, "application/x-pcapng", "pcapng").catch(failed)}>${t("trace.pcap")}</button>
        <button onClick=${() => save(who, "text/plain", "txt").catch(failed)}>${t("trace.text")}</button>
        <a href=${link("presentities", [who])}>${who}</a>
      </div>
    </div>
    ${problem && html`<${Failed} problem=${problem} />`}
    <section class="card">${entries.length ? html`<ol class="ladder">${entries.map((one) => html`<${Rung} entry=${one} key=${one.number} />`)}</ol>` : html`<${Empty}>${t("trace.nothing")}<//>`}</section>`;
}

/** Keep what the server has kept. @param {string} who @param {string} type @param {string} suffix */
async function save(who, type, suffix) {
  const response = await fetch(path(["trace", who], { seconds: 0 }), { headers: { Accept: type } });
  if (!response.ok) throw new Problem(response.status, await response.json());
  const url = URL.createObjectURL(await response.blob());
  const anchor = Object.assign(document.createElement("a"), { href: url, download: `trace.${suffix}` });
  anchor.click();
  URL.revokeObjectURL(url);
}
