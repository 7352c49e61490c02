"""One node among several: its life in the engine, and what it learns of the others.

    operating | showing → node → member | following | taking | policies | rollouts → lease

Belongs here: beginning and renewing a life, burying others and taking over what they had, reading
the feed of changes, how far this node may serve, which policies all nodes follow.
Never here: what is stored (`store.postgres`); what phones are told (`presence`); how files become
policies (`app.desk`).
May import: store.postgres, operations, presence, service, model, errors, app.desk,
app.exposition; not the rest of app.
"""
