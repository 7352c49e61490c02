-- min-release: 0.1.0
-- What a cluster keeps. Every key that matters begins with `domain`; texts sort as bytes.

-- What tags in dialogs are made with; the same on all nodes.
CREATE TABLE dfks.secret (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    secret bytea NOT NULL
);
INSERT INTO dfks.secret (secret) VALUES (
    decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));

-- `newest`: no number of a change is lower than this one or equal; a commit locks the row last, so
-- numbers have no holes, and are in the order of commits. `purged`: all up to this one may be
-- missing. `swept`: number of the subscription up to which expired ones have been looked for.
CREATE TABLE dfks.counter (
    name  text PRIMARY KEY,
    value bigint NOT NULL
);
INSERT INTO dfks.counter VALUES ('newest', 0), ('purged', 0), ('swept', 0);

-- One row for each life of a server. Whoever writes locks the row first (FOR SHARE); `alive` is set
-- to false once, by whoever buries it, and that waits for writes under way: no later one passes.
CREATE TABLE dfks.node (
    epoch    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL,
    release  text NOT NULL,
    alive    boolean NOT NULL DEFAULT true,
    is_clean boolean NOT NULL DEFAULT false,  -- it left as planned, with everything written
    began    timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended    timestamptz
) WITH (fillfactor = 50);

-- Beside `node`, since it changes all the time, and writes must not wait for that.
CREATE TABLE dfks.lease (
    epoch         bigint PRIMARY KEY,
    until         timestamptz NOT NULL,
    renewed       timestamptz NOT NULL,
    is_draining   boolean NOT NULL DEFAULT false,
    policies      text NOT NULL DEFAULT '',
    position      bigint NOT NULL DEFAULT 0,  -- up to which change it has read the feed
    skew          double precision NOT NULL DEFAULT 0,
    subscriptions bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Subscriptions belong to cohorts, cohorts to nodes: each life makes 64, `epoch * 64` and up.
CREATE TABLE dfks.cohort (
    id      bigint PRIMARY KEY,
    owner   bigint NOT NULL,
    term    bigint NOT NULL DEFAULT 0,  -- rises with each change of owner
    claimed timestamptz,
    since   timestamptz                 -- what happened later may not have been told yet
) WITH (fillfactor = 50);
CREATE INDEX cohort_by_owner ON dfks.cohort (owner);

-- `states`: name of a feature → {"status": true, "values": {name: value}}. Merged, never replaced:
-- features that a node does not know survive what it writes. Revision 0: nothing was ever stored.
CREATE TABLE dfks.presentity (
    domain     text COLLATE "C" NOT NULL,
    username   text COLLATE "C" NOT NULL,
    revision   bigint NOT NULL,
    states     jsonb NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (domain, username)
) WITH (fillfactor = 80);

CREATE TABLE dfks.subscription (
    number   bigint PRIMARY KEY,        -- epoch << 32 | n; another one when it is adopted
    cohort   bigint NOT NULL GENERATED ALWAYS AS ((number >> 32) * 64 + number % 64) STORED,
    tag      bytea NOT NULL UNIQUE,     -- ours in its dialog
    domain   text COLLATE "C" NOT NULL,
    username text COLLATE "C" NOT NULL,
    deadline double precision NOT NULL, -- s since 1970
    cseq     bigint NOT NULL,           -- of the last SUBSCRIBE
    base     bigint NOT NULL,           -- CSeq of a NOTIFY = (base + cohort.term) * 2048 + n
    flags    bigint NOT NULL,
    first    bytea NOT NULL,            -- the SUBSCRIBE that made the dialog
    last     bytea                      -- the last one that said something else
) WITH (fillfactor = 75);
CREATE INDEX subscription_by_cohort ON dfks.subscription (cohort);

-- The journal, and the feed that all nodes read.
CREATE TABLE dfks.change (
    seq      bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    epoch    bigint NOT NULL,           -- who changed it
    domain   text COLLATE "C" NOT NULL,
    username text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,           -- of the presentity, from then on
    feature  text NOT NULL,
    before   jsonb NOT NULL,
    after    jsonb NOT NULL,
    origin   text NOT NULL,
    actor    text NOT NULL,
    rule     text NOT NULL,
    decision text NOT NULL,
    tells    boolean NOT NULL           -- whether watchers are told
);
CREATE INDEX change_of ON dfks.change (domain, username, seq);
CREATE INDEX change_by_time ON dfks.change (at);

-- The rest of the feed: who has adopted a dialog.
CREATE TABLE dfks.moved (
    seq   bigint PRIMARY KEY,           -- of the same counter
    at    timestamptz NOT NULL,
    epoch bigint NOT NULL,
    tag   bytea NOT NULL,
    number bigint NOT NULL              -- the number that it had
);

-- Number of the newest change, or moved dialog. It is not written down: while somebody reads for an
-- hour, a backup say, each commit would leave a version of that row, and step over all others.
CREATE FUNCTION dfks.newest_1() RETURNS bigint
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    RETURN greatest(
        (SELECT max(seq) FROM dfks.change), (SELECT max(seq) FROM dfks.moved),
        (SELECT max(value) FROM dfks.counter WHERE name IN ('newest', 'purged')));
END
$$;
