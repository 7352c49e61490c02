// Features, their states, and what was decided about them.
import { learn } from "../words.js";

learn({
  "state.untold": ["not told", "nicht mitgeteilt"],
  "value.ringCount": ["{value} rings", "{value}-mal klingeln"],
  "value.reason": ["reason {value}", "Grund {value}"],
  "value.agentState": ["{value}", "{value}"],
  "word.on": ["on", "ein"],
  "word.off": ["off", "aus"],
  "feature.DoNotDisturb": ["Do not disturb", "Nicht stören"],
  "feature.CallForwardingAlways": ["Forward always", "Immer weiterleiten"],
  "feature.CallForwardingBusy": ["Forward when busy", "Bei besetzt weiterleiten"],
  "feature.CallForwardingNoAnswer": ["Forward when nobody answers", "Bei Nichtmelden weiterleiten"],
  "feature.AgentState": ["Agent state", "Agentenstatus"],
  "origin.watcher": ["phone", "Telefon"],
  "origin.operator": ["operator", "Bediener"],
  "origin.internal": ["policy", "Regel"],
  "op.get": ["get", "Abfrage"],
  "op.set": ["set", "Änderung"],
  "op.subscribe": ["subscribe", "Anmeldung"],
  "effect.allow": ["allowed", "erlaubt"],
  "effect.deny": ["refused", "abgelehnt"],
  "column.at": ["When", "Wann"],
  "column.feature": ["Feature", "Funktion"],
  "column.after": ["Became", "Wurde"],
  "column.who": ["By", "Durch"],
  "column.rule": ["Rule", "Regel"],
});
