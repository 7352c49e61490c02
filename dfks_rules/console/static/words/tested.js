// What cases and proofs have shown.
import { learn } from "../words.js";

learn({
  "proofs.none": ["There are no proofs beside the policies.", "Neben den Regelwerken liegen keine Beweise."],
  "proofs.all": ["All {count} are proved.", "Alle {count} sind bewiesen."],
  "proofs.some": ["{proved} of {count} are proved.", "{proved} von {count} sind bewiesen."],
  "tried.proved": ["proved", "bewiesen"],
  "tried.refuted": ["refuted", "widerlegt"],
  "tried.not decided": ["not decided", "nicht entschieden"],
  "tried.vacuous": ["says nothing: no request meets its conditions", "besagt nichts: keine Anfrage erfüllt die Bedingungen"],
  "cases.untested": ["Tests in conditions that were never true, or never false", "Tests in Bedingungen, die nie wahr oder nie falsch waren"],
});
