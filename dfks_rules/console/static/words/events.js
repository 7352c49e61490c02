// What happens.
import { learn } from "../words.js";

learn({
  "event.feature-changed": ["changed", "geändert"],
  "event.feature-refused": ["refused", "abgelehnt"],
  "event.subscription-started": ["a phone listens", "ein Telefon hört zu"],
  "event.subscription-ended": ["a phone no longer listens", "ein Telefon hört nicht mehr zu"],
  "event.policies-changed": ["other policies are in force", "andere Regelwerke gelten"],
  "event.policies-refused": ["policies could not be loaded", "Regelwerke konnten nicht geladen werden"],
});
