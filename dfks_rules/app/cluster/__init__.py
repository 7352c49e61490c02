"""One node among several: its life in the engine, and what it learns of the others.

    operating | showing → node → member | following | taking → lease

Belongs here: beginning and renewing a life, burying others and taking over what they had, reading
the feed of changes, how far this node may serve.
Never here: what is stored (`store.postgres`); what phones are told (`presence`).
May import: store.postgres, presence, service, operations, model, errors; exposition, not the rest
of app.
"""
