// Rows that come by themselves, newest first, and never move under the reader's eyes: while the list is
// paused, scrolled, or something in it is selected or has the focus, new rows wait.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { t } from "../words.js";

const KEPT = 200;
const REST = 200;
/** What fits into the list on this screen, and a little more. */
const seen = () => Math.ceil(window.innerHeight / 40) + 8;

/** @returns {{rows: any[], waiting: number, held: boolean, has: (id: string) => boolean, add: (row: any) => void, set: (rows: any[]) => void,
 *   hold: (on: boolean) => void, box: import("../vendor/preact.js").RefObject<HTMLElement>}} */
export function useLive() {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const state = useRef({ rows: /** @type {any[]} */ ([]), waiting: /** @type {any[]} */ ([]), held: false, due: false });
  const [, draw] = useState(0);
  const isRead = () => {
    const place = box.current;
    const selection = getSelection();
    const selects = Boolean(selection && !selection.isCollapsed && place?.contains(selection.anchorNode));
    return Boolean(place && (place.scrollTop > 8 || place.contains(document.activeElement) || selects));
  };
  const now = state.current;
  const redraw = () => draw((turn) => turn + 1);
  useEffect(() => {
    // Until somebody scrolls, rows below the list's edge are not made: in a flood they come and go unseen.
    const place = box.current;
    place?.addEventListener("scroll", redraw);
    return () => place?.removeEventListener("scroll", redraw);
  }, [box.current]);
  const take = () => {
    now.due = false;
    if (!now.held && !isRead()) {
      now.rows = [...now.waiting.reverse(), ...now.rows].slice(0, KEPT);
      now.waiting = [];
    }
    redraw();
  };
  const soon = () => {
    if (now.due) return;
    now.due = true;
    // At most five drawings a second, however much happens.
    window.setTimeout(() => requestAnimationFrame(take), REST);
  };
  return {
    box,
    rows: now.held || isRead() ? now.rows : now.rows.slice(0, seen()),
    waiting: now.waiting.length,
    held: now.held,
    has: (id) => [...now.waiting, ...now.rows].some((one) => one.id === id),
    add(row) {
      now.waiting.push(row);
      if (now.waiting.length > KEPT) now.waiting.shift();
      soon();
    },
    set(rows) {
      now.rows = rows.slice(0, KEPT);
      now.waiting = [];
      redraw();
    },
    hold(on) {
      now.held = on;
      if (!on && box.current) box.current.scrollTop = 0;
      if (!on) {
        now.rows = [...now.waiting.reverse(), ...now.rows].slice(0, KEPT);
        now.waiting = [];
      }
      redraw();
    },
  };
}

/** @param {{live: ReturnType<typeof useLive>}} props */
export const Hold = ({ live }) => html`<button aria-pressed=${live.held} onClick=${() => live.hold(!(live.held || live.waiting))}>
  ${live.held || live.waiting ? t("do.resume") : t("do.pause")}${live.waiting ? ` (${t("word.waiting", { count: live.waiting })})` : ""}
</button>`;
