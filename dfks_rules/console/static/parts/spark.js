// A number over the last minutes, as a line: one looks rather than reads.
import { html } from "../vendor/preact.js";

/** @param {{values: number[], label: string}} props */
export function Spark({ values, label }) {
  const most = Math.max(1e-9, ...values);
  const step = 100 / Math.max(1, values.length - 1);
  const points = values.map((value, at) => `${(at * step).toFixed(1)},${(23 - (value / most) * 22).toFixed(1)}`).join(" ");
  return html`<svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" role="img" aria-label=${label}>
    <polyline points=${points} />
  </svg>`;
}
