// Signing in.
import { learn } from "../words.js";

learn({
  "login.title": ["Sign in", "Anmelden"],
  "login.why": [
    "This server asks for a token. `dfks token create` makes one.",
    "Dieser Server verlangt ein Token. `dfks token create` erstellt eines.",
  ],
  "login.token": ["Token", "Token"],
  "login.go": ["Sign in", "Anmelden"],
  "login.wrong": [
    "This token is not valid: it is mistyped, expired or revoked.",
    "Dieses Token gilt nicht: Es ist vertippt, abgelaufen oder widerrufen.",
  ],
});
