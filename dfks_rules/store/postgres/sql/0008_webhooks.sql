-- min-release: 0.1.0
-- Who is told of changes by HTTP, how far, and what was given up; one node tells for all.

CREATE TABLE dfks.webhook_endpoint (
    id      text COLLATE "C" PRIMARY KEY,
    created double precision NOT NULL,  -- s since 1970
    said    jsonb NOT NULL              -- URL, secrets, types and so on
);
CREATE TABLE dfks.webhook_cursor (
    endpoint text COLLATE "C" NOT NULL,
    lane     int NOT NULL,
    seq      bigint NOT NULL,           -- of this lane, all changes up to it are done
    tries    int NOT NULL,              -- of the next event, which have failed
    waited   double precision NOT NULL, -- s in between
    PRIMARY KEY (endpoint, lane)
) WITH (fillfactor = 50);
CREATE TABLE dfks.webhook_dead (
    number   bigint PRIMARY KEY,        -- rises with each
    endpoint text COLLATE "C" NOT NULL,
    event    text NOT NULL,             -- its id
    type     text NOT NULL,
    username text,                      -- whom it is about; NULL: all
    domain   text,
    at       double precision NOT NULL, -- when it was given up, s since 1970
    tries    int NOT NULL,
    reason   text NOT NULL,
    body     bytea NOT NULL
);
CREATE INDEX webhook_dead_of ON dfks.webhook_dead (endpoint, number);

-- Everything but the dead letters themselves, as JSON.
CREATE FUNCTION dfks.webhook_load_1() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'endpoints', (SELECT coalesce(json_agg(e.said ORDER BY e.created, e.id), '[]')
            FROM dfks.webhook_endpoint e),
        'cursors', (SELECT coalesce(json_agg(json_build_array(
                c.endpoint, c.lane, c.seq, c.tries, c.waited)), '[]') FROM dfks.webhook_cursor c),
        'dead', (SELECT coalesce(json_object_agg(d.endpoint, d.count), '{}') FROM (
            SELECT endpoint, count(*) FROM dfks.webhook_dead GROUP BY endpoint) d),
        'last', (SELECT coalesce(max(number), 0) FROM dfks.webhook_dead))::text;
$$;

-- Stores all of it, or nothing: false, since I was buried, and another node tells.
CREATE FUNCTION dfks.webhook_write_1(me bigint, writes jsonb, most int) RETURNS boolean
LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    PERFORM 1 FROM dfks.node WHERE epoch = me AND alive FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO dfks.webhook_endpoint (id, created, said)
    SELECT e ->> 'id', (e ->> 'created')::double precision, e
    FROM jsonb_array_elements(writes -> 'endpoints') e
    ON CONFLICT (id) DO UPDATE SET said = excluded.said;
    INSERT INTO dfks.webhook_cursor
    SELECT c ->> 0, (c ->> 1)::int, (c ->> 2)::bigint, (c ->> 3)::int, (c ->> 4)::double precision
    FROM jsonb_array_elements(writes -> 'cursors') c
    ON CONFLICT (endpoint, lane) DO UPDATE
    SET seq = excluded.seq, tries = excluded.tries, waited = excluded.waited;
    INSERT INTO dfks.webhook_dead
    SELECT (d ->> 0)::bigint, d ->> 1, d ->> 2, d ->> 3, d ->> 4, d ->> 5,
        (d ->> 6)::double precision, (d ->> 7)::int, d ->> 8, decode(d ->> 9, 'hex')
    FROM jsonb_array_elements(writes -> 'dead') d
    ON CONFLICT (number) DO NOTHING;
    DELETE FROM dfks.webhook_dead w
    WHERE w.number IN (SELECT n::bigint FROM jsonb_array_elements_text(writes -> 'buried') n)
        OR w.endpoint IN (SELECT DISTINCT d ->> 1 FROM jsonb_array_elements(writes -> 'dead') d)
        AND w.number <= (
            SELECT o.number FROM dfks.webhook_dead o WHERE o.endpoint = w.endpoint
            ORDER BY o.number DESC LIMIT 1 OFFSET most);
    DELETE FROM dfks.webhook_endpoint w
    WHERE w.id IN (SELECT jsonb_array_elements_text(writes -> 'removed'));
    DELETE FROM dfks.webhook_cursor w
    WHERE w.endpoint IN (SELECT jsonb_array_elements_text(writes -> 'removed'));
    DELETE FROM dfks.webhook_dead w
    WHERE w.endpoint IN (SELECT jsonb_array_elements_text(writes -> 'removed'));
    RETURN true;
END
$$;

-- Dead letters of an endpoint, the newest first.
CREATE FUNCTION dfks.webhook_dead_1(of_endpoint text, below bigint, at_most int) RETURNS TABLE (
    number bigint, endpoint text, event text, type text, username text, domain text,
    at double precision, tries int, reason text, body bytea
) LANGUAGE sql STABLE AS $$
    SELECT w.number, w.endpoint, w.event, w.type, w.username, w.domain, w.at, w.tries, w.reason,
        w.body
    FROM dfks.webhook_dead w WHERE w.endpoint = of_endpoint AND w.number < below
    ORDER BY w.number DESC LIMIT at_most;
$$;
