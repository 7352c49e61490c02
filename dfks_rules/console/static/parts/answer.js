// A decision in the words of `expect`.
import { html } from "../vendor/preact.js";
import { Badge } from "./states.js";
import { named } from "../words.js";
import "../words/state.js";

/** @param {any} of */
export function answer(of) {
  if (!of) return "–";
  const { decision, reason, status, assigned, notify, values = {} } = of;
  const rest = Object.entries({ status, assigned, notify, ...values }).filter(([, value]) => value !== null && value !== undefined);
  return html`<${Badge} of=${decision === "deny" ? "bad" : "good"}>${named("effect", decision)} ${reason || ""}<//> <span class="mono soft">${rest.map(([name, value]) => `${name}: ${value}`).join(", ")}</span>`;
}
