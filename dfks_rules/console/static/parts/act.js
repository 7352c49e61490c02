// Something that a user does: a button that waits, and what came of it in words.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { duration } from "../format.js";
import { Problem } from "../api.js";
import { Badge, why } from "./states.js";
import { language, t } from "../words.js";

/** Ask again what is shown when another language is chosen: the server has told it in one.
 * @param {any} shown nothing: it was not asked for @param {(aborted: AbortSignal) => Promise<any>} run */
export function useAgain(shown, run) {
  useEffect(() => {
    if (!shown) return undefined;
    const aborting = new AbortController();
    run(aborting.signal).catch(() => {});
    return () => aborting.abort();
  }, [language.value]);
}

/** @param {{label: string, run: (aborted: AbortSignal) => Promise<any>, sure?: string, primary?: boolean}} props
 *   run: gives what to say when it is done; sure: a question that has to be answered first */
export function Act({ label, run, sure, primary }) {
  const [said, say] = useState(/** @type {any} */ (null));
  const [asks, setAsks] = useState(false);
  const running = useRef(/** @type {AbortController | null} */ (null));
  const [busy, setBusy] = useState(false);
  const [seconds, count] = useState(0);
  useEffect(() => {
    if (!busy) return undefined;
    count(0);
    const timer = window.setInterval(() => count((now) => now + 1), 1000);
    return () => window.clearInterval(timer);
  }, [busy]);
  useEffect(() => say(null), [language.value]);
  const go = async () => {
    // A button that is disabled loses the focus.
    if (busy) return;
    setAsks(false);
    setBusy(true);
    say(null);
    running.current = new AbortController();
    try {
      const done = await run(running.current.signal);
      say(done && html`<${Badge} of="good">${done}<//>`);
    } catch (problem) {
      if (problem instanceof Problem) say(html`<${Badge} of="bad">${why(problem)}<//>`);
      else if (!running.current.signal.aborted) throw problem;
    }
    setBusy(false);
  };
  return html`<span class="act">
    ${asks
      ? html`<span role="alert">${sure} </span><button class="primary" onClick=${go}>${label}</button> <button onClick=${() => setAsks(false)}>${t("do.cancel")}</button>`
      : html`<button class=${primary ? "primary" : ""} aria-busy=${busy} onClick=${() => (sure && !busy ? setAsks(true) : go())}>${label}</button>`}
    ${busy && seconds > 0 && html` <span class="soft">${duration(seconds)}</span>`}
    ${busy && html` <button onClick=${() => running.current?.abort()}>${t("do.cancel")}</button>`}
    <span role="status"> ${said}</span>
  </span>`;
}
