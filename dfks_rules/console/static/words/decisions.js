// What was decided, and why.
import { learn } from "../words.js";

learn({
  "decisions.effect": ["Effect", "Ergebnis"],
  "decisions.all": ["all", "alle"],
  "decisions.refused": ["refused", "abgelehnt"],
  "decisions.allowed": ["allowed", "erlaubt"],
  "decisions.rule": ["Rule", "Regel"],
  "decisions.op": ["Operation", "Vorgang"],
  "decisions.presentity": ["Presentity", "Teilnehmer"],
  "decisions.none": ["Nothing has been decided yet, or nothing fits the filters.", "Es wurde noch nichts entschieden, oder nichts passt zu den Filtern."],
  "decisions.kept": ["These are the latest decisions that the server keeps.", "Das sind die letzten Entscheidungen, die der Server aufbewahrt."],
  "decisions.choose": ["Choose a decision to see why it was made.", "Wähle eine Entscheidung, um zu sehen, warum sie fiel."],
  "decisions.gone": ["This decision is no longer kept.", "Diese Entscheidung wird nicht mehr aufbewahrt."],
  "decisions.result": ["Result", "Ergebnis"],
  "decisions.matched": ["Rules that matched", "Regeln, die passten"],
  "decisions.unmatched": ["Rules that did not, and the test that failed", "Regeln, die nicht passten, und der Test, an dem es lag"],
  "decisions.facts": ["Facts", "Fakten"],
  "decisions.text": ["In words", "In Worten"],
  "decisions.playground": ["Open in the playground", "Unter „Probieren“ öffnen"],
  "decisions.saw": ["saw {value}", "sah {value}"],
  "decisions.revision": ["Policies", "Regelwerke"],
  "decisions.elsewhere": ["Rules about other operations, features or domains: {count}", "Regeln für andere Vorgänge, Funktionen oder Domains: {count}"],
  "decisions.lost": ["not used: {why}", "nicht verwendet: {why}"],
  "decisions.nobody": ["no rule", "keine Regel"],
});
