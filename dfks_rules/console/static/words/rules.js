// The rules in force, one by one, and what can be tried of them.
import { learn } from "../words.js";

learn({
  "rules.title": ["Rules, in order of precedence", "Regeln, nach Vorrang"],
  "rules.counted": ["Rules: {count}, of which {never} never matched. Decisions that are kept: {decisions}, since {since}.", "Regeln: {count}, davon passten {never} nie. Aufbewahrte Entscheidungen: {decisions}, seit {since}."],
  "rules.nothing": ["These policies have decided nothing yet.", "Diese Regelwerke haben noch nichts entschieden."],
  "rules.here": ["Counted on this node.", "Auf diesem Knoten gezählt."],
  "rules.only": ["Only those that never matched", "Nur solche, die nie passten"],
  "rules.never": ["never matched", "passte nie"],
  "rules.matched": ["matched: {matched}, last at {last}", "passte: {matched}, zuletzt {last}"],
  "rules.idle": ["but never decided", "entschied aber nie"],
  "rules.shadow": ["in the shadow", "im Schatten"],
  "rules.none": ["There are no rules.", "Es gibt keine Regeln."],
  "rules.allMatched": ["Each rule has matched.", "Jede Regel hat gepasst."],
  "rules.ofTenant": ["Rules of your domains", "Regeln deiner Domains"],
  "rules.file": ["rules: {count}, never matched: {never}", "Regeln: {count}, nie passend: {never}"],
  "proofs.title": ["Proofs", "Beweise"],
  "proofs.run": ["Try the proofs", "Beweise führen"],
});
