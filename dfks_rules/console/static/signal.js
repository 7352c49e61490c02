// What the whole page depends on, such as its address or language: the page is drawn anew when one changes.

/** @template T @typedef {{value: T}} Signal */

/** @type {Set<() => void>} */
const listeners = new Set();

/** Call something whenever any of them has changed. @param {() => void} listener @returns {() => void} ends it */
export function onChange(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @template T @param {T} first @returns {Signal<T>} */
export function signal(first) {
  let now = first;
  return {
    get value() {
      return now;
    },
    set value(next) {
      if (next === now) return;
      now = next;
      for (const listener of [...listeners]) listener();
    },
  };
}
