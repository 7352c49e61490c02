"""What passes between the server and traced users: messages, and the decisions between them.

    driver, feed  →  tap  →  traces (rings)  →  ladder, pcapng, as_json
                          →  export (HEPv3)

Belongs here: what is seen of SIP while somebody traces; rings, their bounds; how traces are written
down; the HEP exporter.
Never here: HTTP, settings, what a message leads to. Nothing is kept of users whom nobody traces.
May import: operations, presence, service and the rooms below; not transport, mi, web, store.
"""
