// Policies to try: files, a request, what they decide and why, against what is in force.
import { html, useEffect, useState } from "../vendor/preact.js";
import { ask, path, Problem } from "../api.js";
import { link, route } from "../route.js";
import { may, session } from "../session.js";
import { Act } from "../parts/act.js";
import { factNames } from "../parts/completing.js";
import { Facts } from "../parts/facts.js";
import { Files } from "../parts/files.js";
import { keep } from "../parts/draft.js";
import { usePlaying } from "../parts/playing.js";
import { Verdict } from "../parts/verdict.js";
import { Empty, Loading, why } from "../parts/states.js";
import { t } from "../words.js";
import "../words/playground.js";

const SAMPLE = `apiVersion: dfks/v1
kind: Policy
metadata:
  name: try
rules:
  - id: no-premium
    description: Nobody forwards to premium numbers.
    when: {op: set, request.status: 1, target.number: {prefix: "+49900"}}
    then: {deny: premium-number}
  - id: store
    when: {op: set}
    then: {status: request}
  - id: tell
    when: {op: get}
    then: {status: stored}
`;
const FACTS = { op: "set", feature: "CallForwardingAlways", origin: "watcher", presentity: "sip:lobby@acme.example", "request.status": 1, "request.forwardTo": "+49900123" };

export const Page = () => session.value?.domains
  ? html`<h1>${t("page.playground")}</h1><${Empty}>${t("play.whole")}<//>`
  : html`<${Begun} />`;

function Begun() {
  const [state, set] = useState(/** @type {any} */ (null));
  const [names, setNames] = useState(/** @type {string[]} */ ([]));
  const { s = "", decision = "", facts = "" } = route.value.query;
  useEffect(() => {
    begin({ s, decision, facts }).then(set, (problem) => set({ problem }));
    factNames().then(setNames);
  }, [s, decision, facts]);
  if (state?.problem) return html`<h1>${t("page.playground")}</h1><p class="bad" role="alert">${state.problem instanceof Problem ? why(state.problem) : t("play.broken")}</p>`;
  if (!state?.files) return html`<${Loading} />`;
  return html`<${Play} begun=${state} names=${names} />`;
}

/** What is there at first: of a link, of a decision, or an example.
 * @param {{s: string, decision: string, facts: string}} given */
async function begin({ s, decision, facts }) {
  if (s) return (await import("../parts/share.js")).unpack(s);
  const sample = [{ name: "policy.yaml", text: SAMPLE }];
  if (!facts && !decision) return { files: sample, facts: FACTS };
  const files = (await inForce().catch(() => null)) || sample;
  if (facts) return { files, facts: JSON.parse(facts) };
  const { body } = await ask("GET", path(["decisions", decision]));
  return { files, facts: body.given, from: decision };
}

/** The files in force, as the playground takes them; null: they are too many. */
async function inForce() {
  const { body } = await ask("GET", "/v1/policies");
  const files = (await ask("GET", path(["policies", "revisions", body.revision]))).body.files;
  const told = files.map((/** @type {any} */ one) => ({ name: `${one.tenant ? `tenants/${one.tenant}/` : ""}${one.name.split("/").pop()}`, text: one.text }));
  const fits = told.length <= 20 && told.every((/** @type {any} */ one) => one.text.length <= 65536) && new Set(told.map((/** @type {any} */ one) => one.name)).size === told.length;
  return fits ? told : null;
}

/** @param {{begun: any, names: string[]}} props */
function Play({ begun, names }) {
  const [files, setFiles] = useState(begun.files);
  const [facts, setFacts] = useState(begun.facts);
  const [loads, setLoads] = useState(0);
  const playing = usePlaying(files, facts);
  useEffect(() => keep(files), [files]);
  const share = async () => {
    const { pack } = await import("../parts/share.js");
    const { text, fits } = await pack({ files, facts });
    if (!fits) throw new Problem(413, { title: t("play.tooLong", { length: text.length }) });
    history.replaceState(null, "", link("playground", [], { s: text }));
    await navigator.clipboard.writeText(location.href);
    return t("do.copied");
  };
  const load = async () => {
    const found = await inForce();
    if (!found) throw new Problem(413, { title: t("play.tooMany") });
    setFiles(found);
    setLoads(loads + 1);
  };
  const shadow = async () => {
    await ask("PUT", "/v1/policies/shadow", { body: { files } });
    return t("play.shadowed");
  };
  return html`<div class="row between"><h1>${t("page.playground")}</h1><div class="row">
      <${Act} label=${t("play.load")} run=${load} />
      <${Act} label=${t("play.share")} run=${share} />
      ${may("policies:write") && html`<${Act} label=${t("play.shadow")} run=${shadow} sure=${t("play.shadowSure")} />`}
    </div></div>
    <p class="soft">${t("play.noSave")}</p>
    <div class="grid split">
      <div><section class="card"><h2>${t("play.files")}</h2><${Files} key=${loads} files=${files} change=${setFiles} findings=${playing.checked?.findings || []} /></section><br />
        <section class="card"><h2>${t("play.facts")}</h2>${begun.from && html`<p><a href=${link("decisions", [begun.from])}>${t("play.fromDecision", { id: begun.from })}</a></p>`}<${Facts} facts=${facts} names=${names} change=${setFacts} /></section></div>
      <section class="card"><${Verdict} of=${playing} files=${files} /></section>
    </div>`;
}
