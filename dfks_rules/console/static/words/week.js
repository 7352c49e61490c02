// Schedules.
import { learn } from "../words.js";

learn({
  "week.zone": ["in {zone}", "in {zone}"],
  "week.server": ["in the zone of the server", "in der Zeitzone des Servers"],
  "week.even": ["even weeks", "gerade Wochen"],
  "week.odd": ["odd weeks", "ungerade Wochen"],
  "week.none": ["no weekly hours", "keine wöchentlichen Zeiten"],
  "week.except": ["Not on: {days}", "Ausgenommen: {days}"],
  "week.also": ["Also: {days}", "Außerdem: {days}"],
});
