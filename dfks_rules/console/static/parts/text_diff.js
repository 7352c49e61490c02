// What two texts have in common, line by line.
import { html } from "../vendor/preact.js";

const NEAR = 3;

/** Lines with `-`, `+` or a space. The longest common run of lines first, then what is before and after it.
 * @param {string[]} old @param {string[]} now @returns {[string, string][]} */
export function lines(old, now) {
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old[old.length - 1 - end] === now[now.length - 1 - end]) end++;
  const left = old.slice(start, old.length - end);
  const right = now.slice(start, now.length - end);
  /** @type {(mark: string) => (text: string) => [string, string]} */
  const marked = (mark) => (text) => [mark, text];
  const middle = left.length * right.length > 4_000_000 ? [...left.map(marked("-")), ...right.map(marked("+"))] : common(left, right);
  return [...old.slice(0, start).map(marked(" ")), ...middle, ...old.slice(old.length - end).map(marked(" "))];
}

/** @param {string[]} left @param {string[]} right @returns {[string, string][]} */
function common(left, right) {
  const width = right.length + 1;
  const best = new Uint32Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i--)
    for (let j = right.length - 1; j >= 0; j--)
      best[i * width + j] = left[i] === right[j] ? best[(i + 1) * width + j + 1] + 1 : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
  /** @type {[string, string][]} */
  const told = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i < left.length && j < right.length && left[i] === right[j]) told.push([" ", left[i++]]), j++;
    else if (i < left.length && (j === right.length || best[(i + 1) * width + j] >= best[i * width + j + 1])) told.push(["-", left[i++]]);
    else told.push(["+", right[j++]]);
  }
  return told;
}

/** @param {{old: string, now: string}} props */
export function TextDiff({ old, now }) {
  const all = lines(old.split("\n"), now.split("\n"));
  const isNear = all.map((_, at) => all.slice(Math.max(0, at - NEAR), at + NEAR + 1).some(([mark]) => mark !== " "));
  return html`<pre class="diff" tabindex="0">${all.map(([mark, text], at) =>
    isNear[at] ? html`<span class=${{ "-": "bad", "+": "good", " ": "soft" }[mark]}>${mark} ${text}\n</span>` : isNear[at - 1] ? "⋯\n" : "")}</pre>`;
}
