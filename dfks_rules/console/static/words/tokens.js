// Tokens of the HTTP API.
import { learn } from "../words.js";

learn({
  "tokens.title": ["Tokens", "Tokens"],
  "tokens.none": ["This server asks for no token: whoever is on its machine may do everything.", "Dieser Server verlangt kein Token: Wer auf seinem Rechner ist, darf alles."],
  "tokens.more": ["Only the first 500 are shown.", "Nur die ersten 500 werden gezeigt."],
  "tokens.all": ["all domains", "alle Domains"],
  "tokens.used": ["last used {at}, from {address}", "zuletzt benutzt {at}, von {address}"],
  "tokens.unused": ["not used since the server started", "seit dem Start des Servers nicht benutzt"],
  "tokens.created": ["created {at}", "erstellt {at}"],
  "tokens.lasting": ["never expires", "läuft nie ab"],
  "tokens.expires": ["expires {at}, in {left}", "läuft ab {at}, in {left}"],
  "tokens.expired": ["expired {at}", "abgelaufen {at}"],
});
