// What the playground's editor is made of; loaded on that page only.
export { EditorState, Compartment, StateEffect, StateField } from "@codemirror/state";
export {
  EditorView, keymap, lineNumbers, highlightActiveLine, highlightActiveLineGutter, drawSelection,
  highlightSpecialChars, Decoration,
} from "@codemirror/view";
export { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
export {
  autocompletion, completionKeymap, closeBrackets, closeBracketsKeymap,
} from "@codemirror/autocomplete";
export { lintGutter, setDiagnostics, lintKeymap } from "@codemirror/lint";
export {
  syntaxHighlighting, HighlightStyle, bracketMatching, indentOnInput, indentUnit,
} from "@codemirror/language";
export { yaml } from "@codemirror/lang-yaml";
export { tags, classHighlighter } from "@lezer/highlight";
