// Why something was decided so: what it was about, the rules, the facts.
import { html } from "../vendor/preact.js";
import { path, useAsked } from "../api.js";
import { link } from "../route.js";
import { may } from "../session.js";
import { time } from "../format.js";
import { Copy } from "./copy.js";
import { Explanation, value } from "./explanation.js";
import { Later } from "./later.js";
import { Badge, Empty, shown } from "./states.js";
import { named, t } from "../words.js";
import "../words/decisions.js";
import "../words/state.js";

/** @param {{id: string}} props */
export function Why({ id }) {
  const record = useAsked(path(["decisions", id]));
  const explained = useAsked(path(["decisions", id, "explanation"]));
  if (record.problem?.status === 404) return html`<${Empty}>${t("decisions.gone")}<//>`;
  return shown(record, (one) => html`<${Record} of=${one} />
    ${shown(explained, (told) => html`<${Explanation} of=${told} />
      ${may("policies:read") && html`<${Later} load=${hours} with=${{ ids: [...told.matched, ...told.unmatched].map(({ rule }) => rule) }} />`}`)}
    <${Later} load=${cased} with=${one} />
    <${Facts} given=${one.given} />`);
}

const hours = () => import("./hours.js").then((one) => one.Hours);
const cased = () => import("./case.js").then((one) => one.Case);

/** @param {{of: Api.DecisionRecord}} props */
function Record({ of: { id, at, given, decision, policyRevision } }) {
  return html`<div class="row between">
      <h2>${t(`op.${given.op}`)} ${given.feature ? named("feature", given.feature) : ""}</h2>
      <div class="row"><a href=${link("playground", [], { decision: id })}>${t("decisions.playground")}</a><${Copy} /></div>
    </div>
    <dl class="facts">
      <dt>${t("decisions.presentity")}</dt><dd><a href=${link("presentities", [given.presentity])}>${given.presentity}</a></dd>
      <dt>${t("column.at")}</dt><dd>${time(at)}</dd>
      <dt>${t("column.who")}</dt><dd>${named("origin", given.origin)} ${given.watcher || ""}</dd>
      <dt>${t("decisions.result")}</dt><dd><${Badge} of=${decision.decision === "deny" ? "bad" : "good"}>${named("effect", decision.decision)} ${decision.reason || ""}<//></dd>
      <dt>${t("decisions.revision")}</dt><dd class="mono">${policyRevision.slice(0, 7)}</dd>
    </dl>`;
}

/** @param {{given: Record<string, any>}} props */
const Facts = ({ given }) => html`<details><summary>${t("decisions.facts")}</summary>
  <dl class="facts mono">${Object.entries(given).map(([name, one]) => html`<dt>${name}</dt><dd>${value(one)}</dd>`)}</dl></details>`;
