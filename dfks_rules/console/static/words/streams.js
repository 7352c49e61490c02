// Bridges and programs that listen.
import { learn } from "../words.js";

learn({
  "streams.title": ["Bridges and programs that listen", "Brücken und Programme, die mithören"],
  "streams.none": ["No bridge or program that you may see listens to this server, or did lately.", "Keine Brücke und kein Programm, das du sehen darfst, hört auf diesem Server mit oder tat es kürzlich."],
  "streams.bridge": ["Bridge {name}", "Brücke {name}"],
  "streams.unnamed": ["A program without a name", "Ein Programm ohne Namen"],
  "streams.since": ["connected since {at}", "verbunden seit {at}"],
  "streams.late": ["{behind} behind, {bytes} not taken", "{behind} im Rückstand, {bytes} nicht abgenommen"],
  "streams.gone": ["not connected: last seen {at}, {away} ago", "nicht verbunden: zuletzt gesehen {at}, vor {away}"],
  "streams.missed": ["{behind} since then", "seither {behind}"],
  "streams.missedNone": ["nothing has changed since then", "seither hat sich nichts geändert"],
  "streams.change": ["1 change", "1 Änderung"],
  "streams.changes": ["{count} changes", "{count} Änderungen"],
  "streams.who": ["token {token}, from {address}", "Token {token}, von {address}"],
  "streams.only": ["only: {types}", "nur: {types}"],
  "streams.all": ["everybody", "alle Teilnehmer"],
  "streams.times": ["came {count} times", "{count}-mal gekommen"],
  "streams.gap": ["lost events once", "einmal Ereignisse verloren"],
  "streams.gaps": ["lost events {count} times", "{count}-mal Ereignisse verloren"],
  "streams.console": ["1 console listens, too.", "Auch 1 Konsole hört mit."],
  "streams.consoles": ["{count} consoles listen, too.", "Auch {count} Konsolen hören mit."],
  "streams.here": ["Each node lists its own.", "Jeder Knoten zeigt nur die eigenen."],
  "ending.stalled": ["it read nothing", "es hat nichts gelesen"],
  "ending.token": ["its token is no longer valid", "das Token gilt nicht mehr"],
  "ending.failed": ["the server could not go on", "der Server konnte nicht fortfahren"],
});
