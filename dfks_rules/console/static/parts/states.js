// What is shown where there is nothing to show: loading, failed, not allowed, empty.
import { html } from "../vendor/preact.js";
import { session } from "../session.js";
import { t } from "../words.js";
import { coded } from "./coded.js";

export const Loading = () => html`<p class="state" aria-busy="true">${t("state.loading")}</p>`;

/** Why something failed, in words. @param {import("../api.js").Problem} problem */
export function why(problem) {
  if (problem.status === 0) return t("state.unreachable");
  if (problem.kind === "scope-missing") {
    return t("state.forbidden", { name: session.value?.name || "", scope: problem.told.scope || problem.detail });
  }
  if (problem.kind === "not-kept") return t("state.notKept");
  return t("state.failed", { detail: [problem.title, problem.detail].filter(Boolean).join(": ") });
}

/** @param {{problem: import("../api.js").Problem, again?: () => void}} props */
export const Failed = ({ problem, again }) =>
  html`<div class="state bad" role="alert">
    <p>${coded(why(problem))}</p>
    ${again && problem.kind !== "scope-missing" && html`<button onClick=${again}>${t("state.again")}</button>`}
  </div>`;

/** One answer: what `children` make of it, or why there is none.
 * @param {{asked: import("../api.js").Asked<any>, children: (value: any) => any}} props */
export function Shown({ asked, children }) {
  if (asked.value === null && asked.problem) return html`<${Failed} problem=${asked.problem} again=${asked.again} />`;
  if (asked.value === null) return html`<${Loading} />`;
  const stale = asked.problem && html`<p class="state warn" role="status">${coded(why(asked.problem))} ${t("state.stale")}</p>`;
  return html`${stale}${children(asked.value)}`;
}

/** The same, knowing what is asked for.
 * @template T @param {import("../api.js").Asked<T>} asked @param {(value: T) => any} draw */
export const shown = (asked, draw) => html`<${Shown} asked=${asked}>${draw}<//>`;

/** @param {{children: any}} props */
export const Empty = ({ children }) => html`<p class="state empty">${children}</p>`;

/** Words with a mark, never colour alone. @param {{of: "good" | "bad" | "warn" | "calm", children: any}} props */
export const Badge = ({ of, children }) =>
  html`<span class=${`badge ${of}`}><span aria-hidden="true">${{ good: "✓", bad: "✕", warn: "!", calm: "○" }[of]}</span>\u00a0${children}</span>`;
