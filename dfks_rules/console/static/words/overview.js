// Is it well, and what happens.
import { learn } from "../words.js";

learn({
  "check-name.store": ["Store", "Speicher"],
  "check-name.policies": ["Policies", "Regelwerke"],
  "check-name.node": ["Node", "Knoten"],
  "check.ok": ["ok", "in Ordnung"],
  "check.draining": ["draining", "wird geleert"],
  "check.failing": ["failing", "gestört"],
  "overview.rates": ["Now", "Jetzt"],
  "overview.sets": ["Sets a second", "Änderungen je Sekunde"],
  "overview.gets": ["Gets a second", "Abfragen je Sekunde"],
  "overview.refused": ["Refused a second", "Abgelehnt je Sekunde"],
  "overview.unanswered": ["NOTIFYs unanswered", "NOTIFYs ohne Antwort"],
  "overview.subscriptions": ["Subscriptions", "Abonnements"],
  "overview.late": ["Delay of the server (99th percentile)", "Verzögerung des Servers (99. Perzentil)"],
  "overview.health": ["Is it well?", "Zustand"],
  "overview.policies": ["Policies", "Regelwerke"],
  "overview.reloadFailed": ["The last reload failed at {at}.", "Das letzte Neuladen ist um {at} gescheitert."],
  "overview.see": ["See why", "Warum"],
  "overview.loudest": ["Loudest users, last minute", "Lauteste Teilnehmer, letzte Minute"],
  "overview.noLoud": ["Nobody has changed anything in the last minute.", "In der letzten Minute hat niemand etwas geändert."],
  "overview.refusals": ["Refused, last minute", "Abgelehnt, letzte Minute"],
  "overview.noRefusals": ["Nothing was refused in the last minute.", "In der letzten Minute wurde nichts abgelehnt."],
  "overview.happening": ["Happening now", "Was gerade geschieht"],
  "overview.quiet": ["Nothing yet. What phones and operators do appears here.", "Noch nichts. Hier erscheint, was Telefone und Bediener tun."],
  "overview.changes": ["changes: {count}", "Änderungen: {count}"],
});
