// An editor for policy files: CodeMirror where it can be loaded, else a plain text field.
import { html, useEffect, useRef, useState } from "../vendor/preact.js";
import { complete } from "./completing.js";

const STYLE = `
:host { display: block; font: 14px/1.5 var(--mono); }
.cm-editor { min-height: 16rem; max-height: 60vh; color: var(--text); background: var(--card); }
.cm-editor.cm-focused { outline: 3px solid var(--focus); outline-offset: 1px; }
.cm-editor .cm-scroller { overflow: auto; font-family: var(--mono); }
.cm-editor .cm-content { caret-color: var(--text); padding: 0.4rem 0; }
.cm-editor .cm-cursor { border-inline-start: 2px solid var(--text); }
.cm-editor .cm-gutters { background: var(--back); color: var(--soft); border-inline-end: 1px solid var(--line); }
.cm-editor .cm-selectionBackground { background: color-mix(in srgb, var(--link) 30%, transparent) !important; }
.cm-editor .cm-activeLine { background: color-mix(in srgb, var(--link) 6%, transparent); }
.cm-editor .tok-comment { color: var(--soft); font-style: italic; } .cm-editor .tok-propertyName, .cm-editor .tok-definition { color: var(--link); }
.cm-editor .tok-string, .cm-editor .tok-string2 { color: var(--good); } .cm-editor .tok-keyword, .cm-editor .tok-atom, .cm-editor .tok-bool, .cm-editor .tok-number { color: var(--warn); }
.cm-editor .cm-tooltip { background: var(--card); color: var(--text); border: 1px solid var(--line); border-radius: 0.3rem; max-width: 34rem; }
.cm-editor .cm-tooltip-autocomplete li[aria-selected] { background: var(--link); color: var(--card); }
.cm-editor .cm-completionInfo { padding: 0.4rem; } .cm-editor .cm-diagnostic { padding: 0.3rem 0.5rem; border-inline-start: 4px solid var(--bad); }
.cm-editor .cm-diagnostic-warning { border-color: var(--warn); } .cm-editor .cm-lintRange-error { text-decoration: underline wavy var(--bad); }
.cm-editor .cm-lintRange-warning { text-decoration: underline wavy var(--warn); }`;

/** @typedef {{line: number, column: number, severity: string, message: string}} Found */

/** The text is what it begins with: to have it show another one, give it another key.
 * @param {{name: string, label: string, text: string, change: (text: string) => void, findings: Found[]}} props */
export function Editor({ name, label, text, change, findings }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const view = useRef(/** @type {any} */ (null));
  const module = useRef(/** @type {any} */ (null));
  const [plain, setPlain] = useState(false);
  const latest = useRef(change);
  latest.current = change;
  useEffect(() => {
    let gone = false;
    import("../vendor/editor.js").then(
      (cm) => {
        if (gone || !place.current) return;
        module.current = cm;
        // Within a shadow root, styles are constructed sheets, which the security policy allows.
        const root = place.current.shadowRoot || place.current.attachShadow({ mode: "open" });
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(STYLE);
        root.adoptedStyleSheets = [sheet];
        view.current = new cm.EditorView({ parent: root, root, state: stateOf(cm, text, label, name.endsWith(".csv"), (now) => latest.current(now)) });
      },
      () => setPlain(true),
    );
    return () => {
      gone = true;
      view.current?.destroy();
      view.current = null;
    };
  }, [name]);
  useEffect(() => {
    const now = view.current;
    if (now) now.dispatch(module.current.setDiagnostics(now.state, findings.map((one) => diagnostic(now.state.doc, one))));
  }, [findings, view.current]);
  if (plain) return html`<textarea aria-label=${label} spellcheck="false" value=${text} onInput=${(/** @type {any} */ event) => change(event.target.value)}></textarea>`;
  return html`<div class="editor" ref=${place} key=${name}></div>`;
}

/** @param {any} cm @param {string} text @param {string} label @param {boolean} isTable @param {(text: string) => void} changed */
function stateOf(cm, text, label, isTable, changed) {
  return cm.EditorState.create({
    doc: text,
    extensions: [
      cm.lineNumbers(), cm.history(), cm.highlightActiveLine(), cm.bracketMatching(), cm.lintGutter(), cm.indentOnInput(),
      cm.indentUnit.of("  "), cm.closeBrackets(), cm.syntaxHighlighting(cm.classHighlighter), cm.EditorView.lineWrapping,
      ...(isTable ? [] : [cm.yaml(), cm.autocompletion({ override: [complete] })]),
      cm.keymap.of([...cm.closeBracketsKeymap, ...cm.defaultKeymap, ...cm.historyKeymap, ...cm.completionKeymap, ...cm.lintKeymap]),
      cm.EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", tabindex: "0" }),
      cm.EditorView.domEventHandlers({ beforeinput: overLines }),
      cm.EditorView.updateListener.of((/** @type {any} */ update) => update.docChanged && changed(update.state.doc.toString())),
    ],
  });
}

/** Text that replaces several lines: a browser would join them by inline styles, which the security policy forbids.
 * @param {InputEvent} event @param {any} view */
function overLines(event, view) {
  const { state } = view;
  const { from, to } = state.selection.main;
  if (event.inputType !== "insertText" || event.isComposing || event.data === null || state.doc.lineAt(from).to >= to) return false;
  event.preventDefault();
  view.dispatch(state.replaceSelection(event.data), { userEvent: "input.type" });
  return true;
}

/** @param {any} doc @param {Found} found */
function diagnostic(doc, { line, column, severity, message }) {
  const at = doc.line(Math.min(Math.max(1, line), doc.lines));
  const from = Math.min(at.from + Math.max(0, column - 1), at.to);
  const word = /^[\w.$-]+/.exec(at.text.slice(from - at.from));
  return { from, to: Math.min(at.to, from + (word ? word[0].length : 1)), severity: severity === "error" ? "error" : "warning", message };
}
