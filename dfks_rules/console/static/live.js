// What happens, as it happens: one stream for the whole page, whoever looks at it.
import { useEffect, useRef } from "./vendor/preact.js";
import { look, offers } from "./session.js";
import { signal } from "./signal.js";

/** `off`, `opening`, `live`, `lost`, or `full`: there is no place. */
export const state = signal("off");
const TYPES = [
  "feature-changed", "feature-refused", "subscription-started", "subscription-ended", "policies-changed",
  "policies-refused", "gap",
];
/** @type {Set<(type: string, data: any) => void>} */
const listeners = new Set();
/** @type {EventSource | null} */
let source = null;
/** Milliseconds for which an unseen tab listens: all tabs share six connections. */
const UNSEEN = 10000;
let unseen = 0;
let hasLost = false;

function close() {
  if (source) hasLost = true;
  source?.close();
  source = null;
}

document.addEventListener("visibilitychange", () => {
  window.clearTimeout(unseen);
  if (!document.hidden) open();
  else unseen = window.setTimeout(close, UNSEEN);
});

function open() {
  // A server that keeps no changes tells of none.
  if (source || document.hidden || !listeners.size || !offers("events")) return;
  // Whoever has lost it is told so until it is there again.
  if (state.value !== "lost" && state.value !== "full") state.value = "opening";
  source = new EventSource("/v1/events");
  source.onopen = () => {
    if (hasLost) tell("gap", null);
    hasLost = false;
    state.value = "live";
  };
  source.onerror = () => {
    hasLost = true;
    if (state.value !== "full") state.value = "lost";
    if (source?.readyState !== EventSource.CLOSED) return;
    // Any answer but 200 ends it, and is not told. Whether a token is needed is asked once, then it is tried again.
    source = null;
    look();
    fetch("/v1/events", { method: "HEAD" }).then(({ status }) => {
      if (state.value === "lost" && (status === 429 || status === 503)) state.value = "full";
    }, () => (state.value = "lost"));
    window.setTimeout(open, 3000);
  };
  for (const type of TYPES) source.addEventListener(type, (event) => tell(type, JSON.parse(event.data || "null")));
}

/** @param {string} type @param {any} data */
function tell(type, data) {
  for (const listener of listeners) listener(type, data);
}

/** Have `heard` called with each event while a page is shown; `gap`: some are lost, so look again.
 * @param {(type: string, data: any) => void} heard @param {boolean} [on] */
export function useEvents(heard, on = true) {
  const latest = useRef(heard);
  latest.current = heard;
  useEffect(() => {
    if (!on) return undefined;
    /** @param {string} type @param {any} data */
    const listener = (type, data) => latest.current(type, data);
    listeners.add(listener);
    open();
    return () => {
      listeners.delete(listener);
      // The next page opens at once: only when none wants events, the stream ends.
      window.setTimeout(() => {
        if (listeners.size) return;
        close();
        hasLost = false;
        state.value = "off";
      }, 1000);
    };
  }, [on]);
}
