-- min-release: 0.1.0
-- What nodes read: states, the feed, the journal; and what is removed of them.

CREATE FUNCTION dfks.fetch_1(domains text[], users text[]) RETURNS TABLE (
    username text, domain text, revision bigint, states text
) LANGUAGE sql STABLE AS $$
    SELECT n.username, n.domain, coalesce(p.revision, 0), coalesce(p.states, '{}')::text
    FROM unnest(domains, users) WITH ORDINALITY AS n (domain, username, place)
    LEFT JOIN dfks.presentity p ON p.domain = n.domain AND p.username = n.username
    ORDER BY n.place;
$$;

-- The next presentities by domain and user.
CREATE FUNCTION dfks.page_1(
    after_domain text, after_user text, at_most int, only_domains text[]
) RETURNS TABLE (username text, domain text, revision bigint, states text)
LANGUAGE sql STABLE AS $$
    SELECT p.username, p.domain, p.revision, p.states::text
    FROM dfks.presentity p
    WHERE (p.domain, p.username) > (after_domain, after_user) AND p.revision > 0
        AND (only_domains IS NULL OR p.domain = ANY (only_domains))
    ORDER BY p.domain, p.username LIMIT at_most;
$$;

-- The feed after a number. The first row says how far it goes, and whether something is missing;
-- the others have `tag` (a dialog has moved) or all the rest (a feature was changed).
CREATE FUNCTION dfks.feed_1(after_seq bigint, at_most int) RETURNS TABLE (
    seq bigint, epoch bigint, at double precision, username text, domain text, revision bigint,
    feature text, before text, after text, origin text, actor text, rule text, decision text,
    tells boolean, stored bigint, states text, tag bytea, number bigint, is_gap boolean
) LANGUAGE sql STABLE AS $$
    SELECT newest, NULL::bigint, NULL::double precision, NULL::text, NULL::text,
        NULL::bigint, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text, NULL::text,
        NULL::text, NULL::boolean, NULL::bigint, NULL::text, NULL::bytea, NULL::bigint,
        after_seq < purged.value OR after_seq > newest
    FROM dfks.newest_1() newest, dfks.counter purged
    WHERE purged.name = 'purged'
    UNION ALL (
        SELECT told.* FROM (
            (SELECT c.seq, c.epoch, extract(epoch FROM c.at)::double precision, c.username,
                c.domain, c.revision, c.feature, c.before::text, c.after::text, c.origin, c.actor,
                c.rule, c.decision, c.tells, p.revision AS stored, p.states::text, NULL::bytea,
                NULL::bigint, false
            FROM dfks.change c
            JOIN dfks.presentity p ON p.domain = c.domain AND p.username = c.username
            WHERE c.seq > after_seq ORDER BY c.seq LIMIT at_most)
            UNION ALL
            (SELECT m.seq, m.epoch, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                NULL, NULL, NULL, NULL, m.tag, m.number, false
            FROM dfks.moved m WHERE m.seq > after_seq ORDER BY m.seq LIMIT at_most)
        ) told ORDER BY told.seq LIMIT at_most);
$$;

CREATE FUNCTION dfks.changed_since_1(moment double precision)
RETURNS TABLE (username text, domain text) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT c.username, c.domain FROM dfks.change c WHERE c.at >= to_timestamp(moment);
$$;

-- Changes after one in order (`after_seq`), or else before one, the newest first.
CREATE FUNCTION dfks.journal_1(
    after_seq bigint, before_seq bigint, of_domain text, of_user text, at_most int
) RETURNS TABLE (
    seq bigint, at double precision, username text, domain text, revision bigint, feature text,
    before text, after text, origin text, actor text, rule text, decision text
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    way text := CASE WHEN after_seq IS NULL THEN 'DESC' ELSE 'ASC' END;
    own text := CASE WHEN of_domain IS NOT NULL
        THEN 'AND c.domain = $3 AND c.username = $4' ELSE '' END;
BEGIN
    -- Each of the four has a plan of its own.
    RETURN QUERY EXECUTE format(
        'SELECT c.seq, extract(epoch FROM c.at)::double precision, c.username, c.domain, c.revision,
            c.feature, c.before::text, c.after::text, c.origin, c.actor, c.rule, c.decision
        FROM dfks.change c WHERE c.seq > $1 AND c.seq < $2 %s ORDER BY c.seq %s LIMIT $5', own, way)
    USING coalesce(after_seq, -1), coalesce(before_seq, 9223372036854775807), of_domain, of_user,
        at_most;
END
$$;

-- Removes the oldest changes, and what nobody needs any more; gives how many changes.
CREATE FUNCTION dfks.purge_1(older_than double precision, at_most int) RETURNS bigint
LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
DECLARE
    purged  bigint := 0;
    highest bigint := 0;
    moved   bigint := 0;
    swept   bigint;
    upto    bigint;
BEGIN
    -- Only the oldest are looked at, and the newest of all stays.
    WITH removed AS (
        DELETE FROM dfks.change WHERE seq IN (
            SELECT old.seq FROM (
                SELECT c.seq, c.at FROM dfks.change c ORDER BY c.seq LIMIT at_most) old
            WHERE old.at < to_timestamp(older_than)
                AND old.seq < (SELECT max(c.seq) FROM dfks.change c))
        RETURNING seq)
    SELECT count(*), coalesce(max(seq), 0) INTO purged, highest FROM removed;
    -- A dialog that moved an hour ago is news to nobody who was not away for as long.
    WITH removed AS (
        DELETE FROM dfks.moved WHERE seq IN (
            SELECT old.seq FROM (
                SELECT m.seq, m.at FROM dfks.moved m ORDER BY m.seq LIMIT at_most) old
            WHERE old.at < clock_timestamp() - interval '1 hour')
        RETURNING seq)
    SELECT coalesce(max(seq), 0) INTO moved FROM removed;
    UPDATE dfks.counter SET value = greatest(highest, moved)
    WHERE name = 'purged' AND value < greatest(highest, moved);
    -- Their owners should have removed them. A portion at a time: deadlines have no index, so that
    -- a refresh touches none.
    SELECT value INTO swept FROM dfks.counter WHERE name = 'swept' FOR UPDATE;
    SELECT max(s.number) INTO upto FROM (
        SELECT number FROM dfks.subscription WHERE number > swept ORDER BY number LIMIT 10000) s;
    DELETE FROM dfks.subscription WHERE number IN (
        SELECT s.number FROM dfks.subscription s
        WHERE s.number > swept AND s.number <= upto
            AND s.deadline < extract(epoch FROM clock_timestamp()) - 86400
        ORDER BY s.number FOR UPDATE SKIP LOCKED);
    UPDATE dfks.counter SET value = coalesce(upto, 0) WHERE name = 'swept';
    DELETE FROM dfks.lease l USING dfks.node n
    WHERE n.epoch = l.epoch AND NOT n.alive AND n.ended < clock_timestamp() - interval '2 hours'
        AND NOT EXISTS (SELECT FROM dfks.cohort c WHERE c.owner = n.epoch);
    DELETE FROM dfks.node n
    WHERE NOT n.alive AND n.ended < clock_timestamp() - interval '2 hours'
        AND NOT EXISTS (SELECT FROM dfks.lease l WHERE l.epoch = n.epoch);
    RETURN purged;
END
$$;
