-- min-release: 0.1.0
-- Events that are in no journal, such as refusals, while a webhook wants them. The node where they
-- happen puts them here; the one that tells webhooks reads them together with the journal.

CREATE TABLE dfks.event (
    seq      bigint PRIMARY KEY,        -- of the counter of the feed: in one order with changes
    id       text COLLATE "C" NOT NULL UNIQUE,
    at       double precision NOT NULL, -- s since 1970
    type     text NOT NULL,
    username text,                      -- whom it is about; NULL: all
    domain   text,
    data     bytea NOT NULL             -- JSON, in which a phone may have written anything
);

CREATE OR REPLACE FUNCTION dfks.newest_1() RETURNS bigint
LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    RETURN greatest(
        (SELECT max(seq) FROM dfks.change), (SELECT max(seq) FROM dfks.moved),
        (SELECT max(seq) FROM dfks.event),
        (SELECT max(value) FROM dfks.counter WHERE name IN ('newest', 'purged')));
END
$$;

-- Types of events that some webhook wants, and that are in no journal.
CREATE FUNCTION dfks.event_wanted_1() RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT coalesce(array_agg(DISTINCT t), '{}')
    FROM dfks.webhook_endpoint e, jsonb_array_elements_text(e.said -> 'types') t
    WHERE e.said ->> 'off' IS NULL AND t <> 'feature-changed';
$$;

-- Puts events of mine behind everything else; those that are there already, whose answer was lost,
-- stay. The oldest have to go where there are more than `most`: gives how many. NULL: I was buried.
CREATE FUNCTION dfks.event_append_1(
    me bigint, most int, ids text[], ats double precision[], types text[], users text[],
    domains text[], bodies bytea[]
) RETURNS bigint LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
DECLARE
    base    bigint;
    removed bigint;
BEGIN
    PERFORM 1 FROM dfks.node WHERE epoch = me AND alive FOR SHARE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    DELETE FROM dfks.event WHERE seq IN (
        SELECT old.seq FROM dfks.event old WHERE old.seq <= (
            SELECT e.seq FROM dfks.event e ORDER BY e.seq DESC
            LIMIT 1 OFFSET greatest(1, most - cardinality(ids)))
        FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS removed = ROW_COUNT;
    PERFORM 1 FROM dfks.counter WHERE name = 'newest' FOR UPDATE;
    -- A second statement, which sees what was stored while the first one waited.
    SELECT dfks.newest_1() INTO base;
    INSERT INTO dfks.event
    SELECT base + row_number() OVER (ORDER BY n.place), n.id, n.at, n.type, n.username, n.domain,
        n.data
    FROM unnest(ids, ats, types, users, domains, bodies) WITH ORDINALITY
        AS n (id, at, type, username, domain, data, place)
    WHERE NOT EXISTS (SELECT FROM dfks.event e WHERE e.id = n.id);
    RETURN removed;
END
$$;

CREATE FUNCTION dfks.event_read_1(after_seq bigint, at_most int) RETURNS TABLE (
    seq bigint, id text, at double precision, type text, username text, domain text, data bytea
) LANGUAGE sql STABLE AS $$
    SELECT e.* FROM dfks.event e WHERE e.seq > after_seq ORDER BY e.seq LIMIT at_most;
$$;

-- Removes events of which every webhook that wants such has been told. The newest of all stays, as
-- its number must not come again.
CREATE FUNCTION dfks.event_drop_1() RETURNS void
LANGUAGE sql SET lock_timeout = '1500ms' AS $$
    DELETE FROM dfks.event WHERE seq IN (
        SELECT old.seq FROM dfks.event old
        WHERE old.seq < (SELECT max(e.seq) FROM dfks.event e) AND old.seq <= (
            SELECT coalesce(min(c.seq), 9223372036854775807)
            FROM dfks.webhook_cursor c JOIN dfks.webhook_endpoint w ON w.id = c.endpoint
            WHERE w.said ->> 'off' IS NULL AND EXISTS (
                SELECT FROM jsonb_array_elements_text(w.said -> 'types') t
                WHERE t <> 'feature-changed'))
        ORDER BY old.seq LIMIT 10000 FOR UPDATE SKIP LOCKED);
$$;
