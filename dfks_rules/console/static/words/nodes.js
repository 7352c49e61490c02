// Nodes that share a store.
import { learn } from "../words.js";

learn({
  "nodes.name": ["Node", "Knoten"],
  "nodes.state": ["State", "Zustand"],
  "nodes.lease": ["Lease", "Frist"],
  "nodes.cohorts": ["Cohorts", "Kohorten"],
  "nodes.lag": ["Behind by", "Rückstand"],
  "nodes.skew": ["Clock", "Uhr"],
  "nodes.this": ["this one", "dieser"],
  "nodes.drain": ["Drain", "Leeren"],
  "nodes.rollout": ["Rollouts", "Rollouts"],
  "nodes.noRollout": ["Nodes follow their own files.", "Die Knoten folgen ihren eigenen Dateien."],
  "nodes.changes": ["changes: {count}", "Änderungen: {count}"],
  "nodes.subscriptions": ["Subscriptions", "Abonnements"],
  "node.serving": ["serving", "im Dienst"],
  "node.draining": ["draining", "wird geleert"],
  "node.late": ["late", "verspätet"],
  "node.dead": ["dead", "ausgefallen"],
  "rollout.preparing": ["preparing", "wird vorbereitet"],
  "rollout.done": ["done", "fertig"],
  "rollout.refused": ["refused", "abgelehnt"],
  "rollout.expired": ["expired", "abgelaufen"],
  "rollout.replaced": ["replaced", "ersetzt"],
  "verdict.waiting": ["waiting", "wartet"],
  "verdict.ready": ["ready", "bereit"],
  "verdict.refused": ["refused", "abgelehnt"],
});
