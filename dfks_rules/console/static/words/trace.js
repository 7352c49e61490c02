// What passes between the server and a phone.
import { learn } from "../words.js";

learn({
  "trace.who": ["User", "Teilnehmer"],
  "trace.start": ["Trace for 60 s", "60 s mitschneiden"],
  "trace.again": ["60 s more", "Noch 60 s"],
  "trace.stop": ["Stop", "Anhalten"],
  "trace.running": ["Every message from and to this user's phones appears here.", "Hier erscheint jede Nachricht von und zu den Telefonen dieses Teilnehmers."],
  "trace.over": ["The trace is over; {count} messages and decisions.", "Der Mitschnitt ist zu Ende; {count} Nachrichten und Entscheidungen."],
  "trace.nothing": ["Nothing has passed yet. Press a key on the phone, or restart it.", "Noch ist nichts vorbeigekommen. Drücke eine Taste am Telefon, oder starte das Telefon neu."],
  "trace.lost": ["Entries lost, because the browser was too slow: {count}", "Verlorene Einträge, weil der Browser zu langsam war: {count}"],
  "trace.full": ["Only the latest 500 are shown.", "Nur die letzten 500 werden gezeigt."],
  "trace.pcap": ["For Wireshark", "Für Wireshark"],
  "trace.text": ["As text", "Als Text"],
  "trace.in": ["to the server", "zum Server"],
  "trace.out": ["to the phone", "zum Telefon"],
  "trace.decision": ["Decision", "Entscheidung"],
  "trace.blank": ["Credentials are removed, and long bodies are cut.", "Zugangsdaten sind entfernt, lange Inhalte gekürzt."],
});
