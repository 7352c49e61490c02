-- min-release: 0.1.0
-- A node that leaves as planned says up to which change it has told its phones: whoever takes over
-- tells what came later, and nothing else, however late the one before was.

CREATE FUNCTION dfks.leave_2(me bigint, clean boolean, heard bigint) RETURNS void
LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
BEGIN
    PERFORM dfks.leave_1(me, clean);
    UPDATE dfks.lease SET position = greatest(position, heard) WHERE epoch = me;
END
$$;

-- As `claim_1`. `heard`: where its owner left as planned, the change up to which it has told all;
-- one of an older release has said so when it renewed its lease last.
CREATE FUNCTION dfks.claim_2(me bigint, again boolean) RETURNS TABLE (
    cohort bigint, term bigint, renewed double precision, is_clean boolean, heard bigint
) LANGUAGE plpgsql SET lock_timeout = '1500ms' AS $$
DECLARE
    ids       bigint[];
    positions bigint[];
BEGIN
    -- What the dead have heard does not change. One that dies meanwhile counts as not clean.
    SELECT coalesce(array_agg(c.id), '{}'), coalesce(array_agg(l.position), '{}')
    INTO ids, positions
    FROM dfks.cohort c
    JOIN dfks.node n ON n.epoch = c.owner JOIN dfks.lease l ON l.epoch = c.owner
    WHERE NOT n.alive;
    RETURN QUERY
    SELECT o.cohort, o.term, o.renewed, o.is_clean AND p.heard IS NOT NULL, coalesce(p.heard, 0)
    FROM dfks.claim_1(me, NULL, again) o
    LEFT JOIN unnest(ids, positions) AS p (id, heard) ON p.id = o.cohort;
END
$$;

CREATE FUNCTION dfks.changed_after_1(after_seq bigint)
RETURNS TABLE (username text, domain text) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT c.username, c.domain FROM dfks.change c WHERE c.seq > after_seq;
$$;
