// Asks the server about files and facts while somebody types: one question at a time, the newest state only.
import { useEffect, useRef, useState } from "../vendor/preact.js";
import { ask, Problem } from "../api.js";
import { language } from "../words.js";

const REST = 250;

/** @param {{name: string, text: string}[]} files @param {Record<string, any> | null} facts
 * @returns {{evaluated: any, active: any, checked: any, problem: Problem | null, busy: boolean}} */
export function usePlaying(files, facts) {
  const [shown, show] = useState(/** @type {any} */ ({ evaluated: null, active: null, checked: null, problem: null, busy: false }));
  const running = useRef(false);
  const wanted = useRef(0);
  const latest = useRef({ files, facts });
  latest.current = { files, facts };
  useEffect(() => {
    wanted.current += 1;
    const timer = window.setTimeout(async () => {
      if (running.current) return;
      running.current = true;
      let turn;
      do {
        turn = wanted.current;
        await look(latest.current, show);
      } while (turn !== wanted.current);
      running.current = false;
    }, REST);
    return () => window.clearTimeout(timer);
  }, [JSON.stringify(files), JSON.stringify(facts), language.value]);
  return shown;
}

/** Decisions first, findings second. @param {{files: any[], facts: any}} of @param {(change: (old: any) => any) => void} show */
async function look({ files, facts }, show) {
  show((old) => ({ ...old, busy: true }));
  if (facts) {
    const [mine, active] = [await tried("evaluate", { files, facts }), await tried("evaluate", { facts })];
    show((old) => ({ ...old, evaluated: mine.value, problem: mine.problem, active: active.value }));
  }
  const found = await tried("check", { files });
  show((old) => ({ ...old, busy: false, checked: found.value || old.checked, problem: old.problem || found.problem }));
}

/** @param {string} what @param {any} body */
async function tried(what, body) {
  try {
    return { value: (await ask("POST", `/v1/policies/${what}`, { body })).body, problem: null };
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    return { value: null, problem };
  }
}
