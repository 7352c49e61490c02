"""The hand-over: one server ends and another goes on, and nobody outside notices.

    succession → successor → channel | service_manager | unless

Belongs here: starting the successor, what the two say to each other, what a service manager is
told.
Never here: what is handed over; what serves.
May import: transport, errors; not the rest of app.
"""
