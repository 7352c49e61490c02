// Numbers of `/metrics`: read every few seconds, kept for some minutes.
import { useEffect, useRef, useState } from "../vendor/preact.js";

/** @typedef {Map<string, [Record<string, string>, number][]>} Found metric → labels and value */
/** @typedef {{at: number, found: Found}} Sample */
const KEPT = 90;
const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;
const WANTED = /^(dfks_(subscriptions|decisions_total|notifies_total|request_duration_seconds_count|loop_late_seconds_bucket|build_info)|process_)/;

/** @param {string} text @returns {Found} */
export function parse(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    const match = WANTED.test(line) && LINE.exec(line);
    if (!match) continue;
    const labels = Object.fromEntries([...(match[2] || "").matchAll(LABEL)].map((one) => [one[1], one[2]]));
    if (!found.has(match[1])) found.set(match[1], []);
    found.get(match[1]).push([labels, Number(match[3])]);
  }
  return found;
}

/** The sum of a metric's series with these labels. @param {Found} found @param {string} name @param {Record<string, string>} [by] */
export function sum(found, name, by = {}) {
  const series = (found.get(name) || []).filter(([labels]) => Object.entries(by).every(([key, value]) => labels[key] === value));
  return series.reduce((total, [, value]) => total + value, 0);
}

/** @param {number} every seconds @returns {Sample[]} */
export function useSamples(every) {
  const samples = useRef(/** @type {Sample[]} */ ([]));
  const [, draw] = useState(0);
  useEffect(() => {
    const aborting = new AbortController();
    const look = async () => {
      if (document.hidden) return;
      const response = await fetch("/metrics", { signal: aborting.signal }).catch(() => null);
      if (!response?.ok) return;
      samples.current = [...samples.current, { at: performance.now(), found: parse(await response.text()) }].slice(-KEPT);
      draw((turn) => turn + 1);
    };
    look();
    const timer = window.setInterval(look, every * 1000);
    return () => {
      window.clearInterval(timer);
      aborting.abort();
    };
  }, [every]);
  return samples.current;
}

const RATES = {
  sets: ["dfks_decisions_total", { op: "set" }],
  gets: ["dfks_request_duration_seconds_count", { op: "get" }],
  refused: ["dfks_decisions_total", { effect: "deny" }],
};

/** Rates a second between all samples, and counts since the first of them. @param {Sample[]} samples */
export function read(samples) {
  /** @type {Record<string, number[]>} */
  const rates = {};
  for (const [name, [metric, by]] of Object.entries(RATES)) {
    rates[name] = samples.slice(1).map((one, at) => {
      const before = samples[at];
      const more = sum(one.found, String(metric), /** @type {any} */ (by)) - sum(before.found, String(metric), /** @type {any} */ (by));
      return Math.max(0, more / ((one.at - before.at) / 1000));
    });
  }
  const [first, last] = [samples[0].found, samples[samples.length - 1].found];
  const more = (/** @type {Record<string, string>} */ by) => sum(last, "dfks_notifies_total", by) - sum(first, "dfks_notifies_total", by);
  return { rates, total: { notifies: more({}), timeouts: more({ result: "timeout" }) } };
}

/** A quantile of what a histogram has seen since the first sample; NaN: nothing. @param {Sample[]} samples @param {string} name @param {number} share */
export function quantile(samples, name, share) {
  const [first, last] = [samples[0].found, samples[samples.length - 1].found];
  const bounds = (last.get(`${name}_bucket`) || []).map(([labels, count]) => {
    const before = samples.length > 1 ? sum(first, `${name}_bucket`, labels) : 0;
    return [labels.le === "+Inf" ? Infinity : Number(labels.le), count - before];
  });
  bounds.sort((a, b) => a[0] - b[0]);
  const all = bounds.length ? bounds[bounds.length - 1][1] : 0;
  const found = bounds.find(([, count]) => count >= share * all);
  return all && found ? found[0] : NaN;
}
