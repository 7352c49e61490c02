-- min-release: 0.1.0
-- Adopts what one node has gathered, in one call: when a node dies, its phones come all at once.
-- They stay where their phones have spoken to another node since: nodes that hear late of a move
-- could otherwise take a dialog from the one that served it last.

-- CSeq of the SUBSCRIBE for which it was adopted last: `cseq` has it about a second later.
ALTER TABLE dfks.subscription ADD COLUMN asked bigint NOT NULL DEFAULT 0;
-- A call that is repeated, as its answer was lost, must not take back what has moved on since.
CREATE INDEX moved_by_number ON dfks.moved (number);

-- Makes dialogs mine, each with the number beside it; NULL: gives it only if it is mine already.
-- One row for each tag, in their order; none: I was buried. `verdict`: 0 it is mine; 1 nobody has
-- it, or it is not mine; 2 somebody writes it for longer than a moment: ask again. So a writer that
-- hangs keeps no phones waiting but its own. Locks are taken in the order of `commit_1`: the node,
-- subscriptions by number, their cohorts, the counter at last.
-- `cseqs`: CSeq of the last SUBSCRIBE in each that came to me; where a later one is known it stays
-- with whoever has it. `backs`: I have answered that SUBSCRIBE, so it stays also where the same one
-- is known: nobody takes a dialog back twice for one SUBSCRIBE. `verdict`: 3 it stays.
CREATE FUNCTION dfks.adopt_2(
    me bigint, wanted bytea[], new_rows bigint[], cseqs bigint[], backs boolean[]
) RETURNS TABLE (
    verdict int, number bigint, tag bytea, username text, domain text, deadline double precision,
    cseq bigint, base bigint, flags bigint, first bytea, last bytea
) LANGUAGE plpgsql
SET lock_timeout = '1500ms' SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
    places  bigint[];   -- of those that are there
    held    bigint[];   -- their numbers before
    cohorts bigint[];
    tags    bytea[];    -- what was somebody else's
    earlier bigint[];
    newest  bigint;
BEGIN
    PERFORM 1 FROM dfks.node n WHERE n.epoch = me AND n.alive FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM set_config('lock_timeout', '200ms', true);
    BEGIN
        SELECT coalesce(array_agg(l.place), '{}'), coalesce(array_agg(l.number), '{}'),
            coalesce(array_agg(l.cohort), '{}')
        INTO places, held, cohorts
        FROM (
            SELECT w.place, s.number, s.cohort
            FROM unnest(wanted) WITH ORDINALITY AS w (tag, place)
            JOIN dfks.subscription s ON s.tag = w.tag
            ORDER BY s.number, w.place FOR UPDATE OF s) l;
    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
        SELECT coalesce(array_agg(l.place), '{}'), coalesce(array_agg(l.number), '{}'),
            coalesce(array_agg(l.cohort), '{}')
        INTO places, held, cohorts
        FROM (
            SELECT w.place, s.number, s.cohort
            FROM unnest(wanted) WITH ORDINALITY AS w (tag, place)
            JOIN dfks.subscription s ON s.tag = w.tag
            FOR UPDATE OF s SKIP LOCKED) l;
    END;
    PERFORM set_config('lock_timeout', '1500ms', true);
    -- A second statement, and locked: a claim may be raising a term at this moment.
    PERFORM 1 FROM dfks.cohort c
    WHERE c.id = ANY (cohorts || ARRAY(
        SELECT DISTINCT (r >> 32) * 64 + r % 64 FROM unnest(new_rows) r WHERE r IS NOT NULL))
    ORDER BY c.id FOR SHARE;
    WITH adopted AS (
        UPDATE dfks.subscription s
        SET number = new_rows[h.place], base = s.base + theirs.term + 1 - ours.term,
            asked = cseqs[h.place]
        FROM unnest(places, held, cohorts) AS h (place, number, cohort)
        JOIN dfks.cohort theirs ON theirs.id = h.cohort
        JOIN dfks.cohort ours ON ours.id = (new_rows[h.place] >> 32) * 64 + new_rows[h.place] % 64
        WHERE s.number = h.number AND theirs.owner <> me AND ours.owner = me
            AND greatest(s.cseq, s.asked) <= cseqs[h.place] - backs[h.place]::int
            AND NOT EXISTS (SELECT FROM dfks.moved m WHERE m.number = new_rows[h.place])
        RETURNING s.tag, h.number, h.place)
    SELECT array_agg(a.tag ORDER BY a.place), array_agg(a.number ORDER BY a.place)
    INTO tags, earlier FROM adopted a;
    IF tags IS NOT NULL THEN
        PERFORM 1 FROM dfks.counter c WHERE c.name = 'newest' FOR UPDATE;
        -- A second statement, which sees what was stored while the first one waited.
        SELECT dfks.newest_1() INTO newest;
        INSERT INTO dfks.moved
        SELECT newest + m.position, clock_timestamp(), me, m.tag, m.number
        FROM unnest(tags, earlier) WITH ORDINALITY AS m (tag, number, position);
    END IF;
    RETURN QUERY
    SELECT
        CASE WHEN s.number IS NULL THEN 1 WHEN w.place <> ALL (places) THEN 2
            WHEN c.owner = me THEN 0 WHEN c.id IS NOT NULL AND new_rows[w.place] IS NULL THEN 1
            WHEN greatest(s.cseq, s.asked) > cseqs[w.place] - backs[w.place]::int THEN 3
            WHEN EXISTS (SELECT FROM dfks.moved m WHERE m.number = new_rows[w.place]) THEN 3
            ELSE 2 END,
        s.number, s.tag, s.username, s.domain, s.deadline, s.cseq, s.base, s.flags, s.first, s.last
    FROM unnest(wanted) WITH ORDINALITY AS w (tag, place)
    LEFT JOIN dfks.subscription s ON s.tag = w.tag
    LEFT JOIN dfks.cohort c ON c.id = s.cohort
    ORDER BY w.place;
END
$$;
