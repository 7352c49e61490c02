// The frame: who is there, which page, live or not. Pages are loaded when they are opened.
import { html, render, useEffect, useRef, useState } from "./vendor/preact.js";
import { ask, Problem } from "./api.js";
import { failure, logout, look, may, offers, session } from "./session.js";
import { link, route } from "./route.js";
import { state as live } from "./live.js";
import { onChange } from "./signal.js";
import { dress, theme, THEMES } from "./theme.js";
import { choose, language, LANGUAGES, t } from "./words.js";
import "./words/shell.js";
import { Failed, Loading } from "./parts/states.js";

/** @typedef {() => Promise<{Page: unknown}>} File */
/** Page → its file, and the scope without which it shows nothing.
 * @type {Record<string, [File, Parameters<typeof may>[0]?]>} */
const PAGES = {
  overview: [() => import("./pages/overview.js")],
  presentities: [() => import("./pages/presentities.js"), "features:read"],
  decisions: [() => import("./pages/decisions.js"), "decisions:read"],
  policies: [() => import("./pages/policies.js"), "policies:read"],
  playground: [() => import("./pages/playground.js"), "policies:read"],
  trace: [() => import("./pages/trace.js"), "trace"],
  nodes: [() => import("./pages/nodes.js"), "metrics:read"],
  integrations: [() => import("./pages/integrations.js")],
};
/** @type {File} */
const login = () => import("./pages/login.js");
/** @param {string} page */
const isOffered = (page) => page in PAGES && (page !== "nodes" || offers("cluster"));

function Frame() {
  const main = useRef(/** @type {HTMLElement | null} */ (null));
  const { page } = route.value;
  useEffect(() => {
    document.documentElement.lang = language.value;
    document.title = `${page in PAGES ? t(`page.${page}`) : "?"} · dfks-rules`;
  });
  const skip = (/** @type {Event} */ event) => {
    event.preventDefault();
    main.current?.focus();
  };
  return html`
    <a class="skip" href="#main" onClick=${skip}>${t("app.skip")}</a>
    <header class="bar">
      <strong class="brand">dfks-rules</strong>
      <nav aria-label=${t("app.menu")}>
        ${Object.keys(PAGES).filter(isOffered).map(
          (one) => html`<a href=${link(one)} aria-current=${one === page ? "page" : undefined}>${t(`page.${one}`)}</a>`,
        )}
      </nav>
      <${Live} />
      <${Settings} />
    </header>
    <main id="main" tabindex="-1" ref=${main}>${content(page)}</main>
  `;
}

/** @param {string} page */
function content(page) {
  if (!isOffered(page)) return html`<h1>${t("page.missing")}</h1>`;
  const [file, scope] = PAGES[page];
  if (!scope || may(scope)) return html`<${Page} file=${file} key=${page} />`;
  return html`<h1>${t(`page.${page}`)}</h1><${Failed} problem=${new Problem(403, { type: "scope-missing", detail: scope })} />`;
}

function Live() {
  const state = live.value;
  const mark = { live: "●", opening: "◌", lost: "▲", full: "▲", off: "○" }[state];
  return html`<span class="live" data-state=${state}><span aria-hidden="true">${mark}</span> ${t(`live.${state}`)}</span>`;
}

function Settings() {
  const who = session.value;
  const domains = who?.domains ? ` (${t("user.domains", { domains: who.domains.join(", ") })})` : "";
  return html`<details class="settings">
    <summary>${who?.needsToken ? `${who.name}${domains}` : t("user.local")}</summary>
    <div class="menu">
      <label>${t("theme.label")}
        <select value=${theme.value} onChange=${(/** @type {any} */ event) => dress(event.target.value)}>
          ${THEMES.map((one) => html`<option value=${one}>${t(`theme.${one}`)}</option>`)}
        </select>
      </label>
      <label>${t("language.label")}
        <select value=${language.value} onChange=${(/** @type {any} */ event) => choose(event.target.value)}>
          ${Object.entries(LANGUAGES).map(([one, name]) => html`<option value=${one} lang=${one}>${name}</option>`)}
        </select>
      </label>
      ${who?.needsToken && html`<button onClick=${logout}>${t("login.out")}</button>`}
    </div>
  </details>`;
}

/** Load the page anew as soon as the server answers: till then, the browser would only say that it does not. */
async function reloadOnceThere() {
  const isThere = () => ask("GET", "/v1/session").then(() => true, (problem) => problem.status !== 0);
  while (!(await isThere())) await new Promise((done) => window.setTimeout(done, 2000));
  location.reload();
}

/** @param {{file: File}} props */
function Page({ file }) {
  const [loaded, set] = useState(/** @type {any} */ (null));
  useEffect(() => {
    // A server that was updated meanwhile has other files: the page is then loaded anew.
    file().then(set, reloadOnceThere);
  }, []);
  return loaded ? html`<${loaded.Page} />` : html`<${Loading} />`;
}

function App() {
  const [, draw] = useState({});
  useEffect(() => {
    const end = onChange(() => draw({}));
    look();
    return end;
  }, []);
  if (session.value) return html`<${Frame} />`;
  if (failure.value) return html`<main><${Failed} problem=${failure.value} again=${look} /></main>`;
  return html`<main>${session.value === null ? html`<${Page} file=${login} />` : html`<${Loading} />`}</main>`;
}

const place = document.getElementById("app");
if (place) render(html`<${App} />`, place);
