// What is asked of `/v1`. Nothing else speaks to the server, but `live.js` by its event stream.
import { useEffect, useState } from "./vendor/preact.js";
import { language } from "./words.js";

/** A request that failed, as the server tells it (RFC 9457). */
export class Problem extends Error {
  /** @param {number} status @param {Record<string, any>} told */
  constructor(status, told) {
    super(told.detail || told.title || String(status));
    this.status = status;
    this.kind = (told.type || "").split(":").pop() || "unreachable";
    this.title = told.title || "";
    this.detail = told.detail || "";
    this.errors = told.errors || [];
    this.told = told;
  }
}

/** Called when the server wants a token. @type {{lost: () => void}} */
export const onLogin = { lost: () => {} };

/** A path with its parts and query written as they have to be.
 * @template {readonly string[]} const P @param {P} parts
 * @param {Record<string, string | number | boolean | null | undefined>} [query]
 * @returns {Api.Url<`/v1${Api.Path<P>}`>} */
export function path(parts, query = {}) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") asked.set(name, String(value));
  }
  const text = `/v1/${parts.map(encodeURIComponent).join("/")}`;
  return String(asked) ? `${text}?${asked}` : text;
}

/** @template T @typedef {{body: T, etag: string | null, status: number}} Got */

/** Ask, and wait for JSON; what it takes and gives is in the OpenAPI document.
 * @template {string} const M @template {string} const U @param {M} method @param {U} url
 * @param {{body?: Api.Body<M, U>, headers?: Record<string, string>, signal?: AbortSignal, tries?: number}} [more]
 * @returns {Promise<Got<Api.Answer<M, U>>>} */
export async function ask(method, url, { body, headers = {}, signal: aborted, tries = 5 } = {}) {
  let response;
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const told = { "Accept-Language": language.value, ...(sent === undefined ? {} : { "Content-Type": "application/json" }), ...headers };
  try {
    // An ETag may tell of less than its answer: that of policies is their revision, whatever is in the shadow.
    response = await fetch(url, { method, headers: told, body: sent, signal: aborted, cache: "no-store" });
  } catch (error) {
    if (aborted?.aborted) throw error;
    throw new Problem(0, {});
  }
  if (response.status === 429 && tries > 0) {
    // One question of a token is answered at a time: somebody else's, or one that was given up, still is.
    await new Promise((done) => window.setTimeout(done, 1000 * Number(response.headers.get("Retry-After") || 1)));
    return ask(method, url, { body, headers, signal: aborted, tries: tries - 1 });
  }
  const text = await response.text();
  const isJson = (response.headers.get("Content-Type") || "").includes("json");
  const value = isJson && text ? JSON.parse(text) : text || null;
  if (!response.ok && response.status !== 304) {
    if (response.status === 401) onLogin.lost();
    throw new Problem(response.status, isJson ? value : { title: text.slice(0, 200) });
  }
  return { body: value, etag: response.headers.get("ETag"), status: response.status };
}

/** @template T @typedef {{value: T | null, etag: string | null, problem: Problem | null, loading: boolean, again: () => void}} Asked */

/** What a page shows of one answer; asked for again every so often while the page is looked at.
 * @template {string} const U @param {U | null} url null: nothing is asked for @param {number} [every] seconds; 0: once
 * @returns {Asked<Api.Answer<"GET", U>>} */
export function useAsked(url, every = 0) {
  const [state, set] = useState(/** @type {any} */ ({ url: null, value: null, etag: null, problem: null, loading: true }));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (url === null) return undefined;
    const aborting = new AbortController();
    let timer = 0;
    const look = async () => {
      try {
        const got = await ask("GET", url, { signal: aborting.signal });
        set({ url, value: got.body, etag: got.etag, problem: null, loading: false });
      } catch (problem) {
        if (aborting.signal.aborted) return;
        if (!(problem instanceof Problem)) throw problem;
        set((/** @type {any} */ old) => ({ ...old, url, value: old.url === url ? old.value : null, problem, loading: false }));
      }
      if (every) timer = window.setTimeout(look, every * 1000);
    };
    // Nobody asks for what nobody sees.
    const seen = () => {
      window.clearTimeout(timer);
      if (!document.hidden) look();
    };
    seen();
    document.addEventListener("visibilitychange", seen);
    return () => {
      document.removeEventListener("visibilitychange", seen);
      aborting.abort();
      window.clearTimeout(timer);
    };
  }, [url, every, turn, language.value]);
  const isOld = state.url !== url;
  return {
    value: isOld ? null : state.value,
    etag: isOld ? null : state.etag,
    problem: isOld ? null : state.problem,
    loading: isOld || state.loading,
    again: () => setTurn((now) => now + 1),
  };
}
